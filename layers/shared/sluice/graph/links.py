"""Many-to-many relations: pages of linked rows, and the mutations that link and unlink rows.

The payload object of such a mutation has the keys of both rows, named as in sql/key.py and
sql/links.py. Its fields read the rows.
"""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from sluice.errors import NotFound
from sluice.graph import connection
from sluice.graph.execution import Objects
from sluice.graph.inputs import read_further
from sluice.graph.loaders import Pending
from sluice.graph.part import graphql_name
from sluice.graph.planned_field import PlannedField
from sluice.graph.resolvers import ResolverContext, columns_of, connection_columns, keys_in
from sluice.sql.key import PARAMETERS, Key, of_id
from sluice.sql.links import OTHER, Link, LinkRepository

if TYPE_CHECKING:
    from sluice.graph.part import Resolver
    from sluice.resource import Many, Resource
    from sluice.sql.list_spec import ListSpec

Payload = dict[str, Any]


def linked_rows(parent: str, name: str, relation: str) -> "Resolver":
    """Return a resolver of a page of the rows that each parent is linked with.

    `parent` and `name` are the repositories of both rows, `relation` is the name of a `Many`.
    """

    def resolve(context: ResolverContext, field: PlannedField, parents: Objects) -> Pending:
        repository = context.repositories.named(name)
        foreign_key, junction = _junction(context, parent, name, relation)
        return context.load_children(
            field,
            parents,
            connection_columns(field),
            lambda parent_keys, columns: repository.connections_by_parent(
                parent_keys, connection.list_query(field, columns), foreign_key, junction
            ),
        )

    return resolve


def payload_of_edge(
    context: ResolverContext, field: PlannedField, edges: "Sequence[connection.Edge]"
) -> list[Any]:
    """Return a field of the link of each edge."""
    column = field.info.columns[0]
    return [row[column] for _, row in edges]


def linked_edge(parent: str, name: str, relation: str) -> "Resolver":
    """Return a resolver of the edge between both rows of a payload object."""

    def resolve(context: ResolverContext, field: PlannedField, parents: Objects) -> Pending:
        repository = context.repositories.named(name)
        foreign_key, junction = _junction(context, parent, name, relation)
        link = _link(context, parent, name, relation)
        keys = keys_in(parents, PARAMETERS[: len(link.parent.keys)])
        others = keys_in(parents, OTHER[: len(link.other.keys)])
        loader = context.loaders.get(
            ("edge", parent, relation),
            lambda pairs, columns: {
                pair: repository.edge(*pair, columns, foreign_key, junction) for pair in pairs
            },
        )
        return loader.load(list(zip(keys, others, strict=True)), columns_of(field))

    return resolve


def link_rows(parent: str, name: str, relation: str) -> "Resolver":
    """Return a resolver that links two rows, or changes the payload of their link.

    It is null if one of the rows is unknown.
    """

    def resolve(
        context: ResolverContext, field: PlannedField, parents: Objects
    ) -> list[Payload | None]:
        link = _link(context, parent, name, relation)
        given = field.arguments.get("input") or {}
        payload = read_further(given, tuple(link.many.payload))
        keys = _keys(context, name, link, field)
        if keys is None:
            return [None]
        try:
            context.repositories.get(LinkRepository).put(link, *keys, payload)
        except NotFound:
            return [None]
        return [_payload(*keys)]

    return resolve


def unlink_rows(parent: str, name: str, relation: str) -> "Resolver":
    """Return a resolver that removes the link of two rows. It is null if there is none."""

    def resolve(
        context: ResolverContext, field: PlannedField, parents: Objects
    ) -> list[Payload | None]:
        link = _link(context, parent, name, relation)
        keys = _keys(context, name, link, field)
        if keys is None:
            return [None]
        try:
            context.repositories.get(LinkRepository).delete(link, *keys)
        except NotFound:
            return [None]
        return [_payload(*keys)]

    return resolve


def _keys(
    context: ResolverContext, name: str, link: Link, field: PlannedField
) -> tuple[Key, Key] | None:
    """Return the keys of both rows in the arguments. None if no row can have one of them."""
    other = context.repositories.named(name).resource
    key = of_id(link.parent.keys, field.arguments["id"])
    other_key = of_id(link.other.keys, field.arguments[graphql_name(f"{other.singular}_id")])
    return None if key is None or other_key is None else (key, other_key)


def _payload(key: Key, other: Key) -> Payload:
    return {**dict(zip(PARAMETERS, key, strict=False)), **dict(zip(OTHER, other, strict=False))}


def _link(context: ResolverContext, parent: str, name: str, relation: str) -> Link:
    parents: Any = type(context.repositories.named(parent))
    others: Any = type(context.repositories.named(name))
    return _link_of(parents, others, relation)


@cache
def _link_of(parent: Any, other: Any, relation: str) -> Link:
    return Link(parent.projection, other.projection, _many(parent.resource, relation))


def _junction(
    context: ResolverContext, parent: str, name: str, relation: str
) -> "tuple[str, ListSpec]":
    others: Any = type(context.repositories.named(name))
    return _junction_of(others, context.repositories.named(parent).resource, relation)


@cache
def _junction_of(other: Any, resource: "Resource", relation: str) -> "tuple[str, ListSpec]":
    """Return the foreign key of a many-to-many relation, and the list of the linked rows."""
    from sluice.sql.junctions import junction_list  # few queries need it

    many = _many(resource, relation)
    return ",".join(many.columns), junction_list(other, resource, many, graphql=True)


def _many(resource: "Resource", relation: str) -> "Many":
    return next(many for many in resource.lists if many.name == relation)
