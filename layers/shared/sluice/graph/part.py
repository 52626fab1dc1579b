"""The GraphQL part of an application: what its schema does not say.

That is the scope of a type, the resolver of a field, and the cost of a field.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sluice import application

if TYPE_CHECKING:
    import sluice.kinds.field
    from sluice.graph.loaders import Pending
    from sluice.graph.planned_field import PlannedField
    from sluice.graph.resolvers import ResolverContext
    from sluice.resource import Resource

    # A resolver gets the parent objects of a level: for a field of Query or Mutation, `[None]`.
    # It returns one value for each parent, or the Pending of a loader.
    Resolver = Callable[[ResolverContext, PlannedField, Sequence[Any]], Sequence[Any] | Pending]

PUBLIC: Final = "*"  # instead of a scope: every authenticated client


class GraphqlField(NamedTuple):
    """A field that is more than a column of its parent.

    resolve: reads the values. Without it, they are the values of the column.
    scope: the scope that a mutation needs, or a field of Query that returns no object; or PUBLIC.
    read_scope: a further scope that a mutation needs, because it finds rows of another resource.
    column: the column of the parent that is needed, or several. Without it: `createdAt` →
        `created_at`.
    size: the assumed number of items of a list without `first`.
    cost: the cost of the field's statement (cost.py), if the field is not paginated.
    calls: whether a function of the database is called for each parent. Then the scope is `scope`,
        and the arguments are those of the function.
    needs_tenant: whether a mutation changes rows of tenants.
    """

    resolve: "Resolver | None" = None
    scope: str = ""
    read_scope: str = ""
    column: str | tuple[str, ...] = ""
    size: "int | Callable[[PlannedField], int]" = 1
    cost: "int | Callable[[PlannedField], int]" = 0
    calls: bool = False
    needs_tenant: bool = False


class Type(NamedTuple):
    """An object type. What it says also applies to its Connection and Edge type.

    scope: the scope that a client needs to read an object, by any field that returns it. PUBLIC is
        for objects that are read only through others, whose scope the client needs anyway.
    replica: the replica may serve a query that reads only such types.
    indexed_sorts: the sorts of a nested list that have an index, besides the default.
    key: the columns of a row's key.
    needs_tenant: whether the rows belong to tenants, so that the request must have one.
    """

    scope: str
    replica: bool = False
    indexed_sorts: tuple[str, ...] = ()
    key: tuple[str, ...] = ("id",)
    needs_tenant: bool = False


class GraphqlPart(NamedTuple):
    """The GraphQL types of an application, and their resolvers.

    types: by name: all object types but Query, Mutation and those of pages.
    fields: by the names of the type and the field. Most fields are columns and are not here.
    lower_case_enums: enums whose values are lower case in code and in the database.
    preload: modules that resolvers import. A snapshot of the function (SnapStart) holds them.
    """

    types: Mapping[str, Type] = MappingProxyType({})
    fields: Mapping[tuple[str, str], GraphqlField] = MappingProxyType({})
    lower_case_enums: tuple[str, ...] = ()
    preload: tuple[str, ...] = ()


def current_part() -> GraphqlPart:
    """Return the GraphQL part of the current application. Raises ApplicationError without one."""
    return part_of(application.current())


def part_of(app: application.Application) -> GraphqlPart:
    """Return the GraphQL part of an application. Raises ApplicationError if it has none.

    It is derived from the resources. The application's module `graphql` may add to it.
    """
    registry = app.registry
    if not app.has_graphql:
        raise application.ApplicationError(f"the application {app.name} has no graphql")
    from sluice.graph.resource_part import derived_part  # it imports this module

    by_hand = registry.GRAPHQL_BY_HAND
    return derived_part(registry, application.load(by_hand) if by_hand else GraphqlPart())


@cache
def column_name(field_name: str) -> str:
    """Return the name of a field's column: `createdAt` → `created_at`."""
    return re.sub("([A-Z])", lambda match: f"_{match[0].lower()}", field_name)


@cache
def graphql_name(name: str) -> str:
    """Return the name in GraphQL of a field: `created_at` → `createdAt`."""
    return re.sub("_([a-z0-9])", lambda match: match[1].upper(), name)


def is_id(resource: "Resource", field: "sluice.kinds.field.Field") -> bool:
    """Return whether the field is the field `id` of the row's type: the only key, of this name."""
    return field.name == "id" and resource.keys == (field,)


def is_from_one(key: "sluice.kinds.field.Field") -> bool:
    """Return whether the values of the key are whole numbers from 1, so that 0 is no row."""
    minimum: int | None = getattr(key, "minimum", None)
    return key.graphql_type in ("BigInt", "Int") and minimum is not None and minimum > 0


def key_names(resource: "Resource") -> list[str]:
    """Return the names of the arguments with the parts of a key. A reference is an id."""
    return [
        graphql_name(key.reference.key.name) if key.reference else member_name(resource, key.name)
        for key in resource.keys
    ]


def member_name(resource: "Resource", name: str) -> str:
    """Return the name in GraphQL of a field: `id` is the whole key, so a part has a longer name."""
    is_part = name == "id" and len(resource.keys) > 1
    return graphql_name(f"{resource.singular}_id" if is_part else name)
