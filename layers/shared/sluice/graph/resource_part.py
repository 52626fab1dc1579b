"""The derived GraphQL part of an application: the resolvers of its resources.

GRAPHQL in the registry says which types and fields there are. So no declaration is imported before
a query reads its resource.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sluice.graph.function_fields import called, computed
from sluice.graph.links import (
    link_rows,
    linked_edge,
    linked_rows,
    payload_of_edge,
    unlink_rows,
)
from sluice.graph.mutations import create_row, delete_row, update_row
from sluice.graph.part import PUBLIC, GraphqlField, GraphqlPart, Type
from sluice.graph.resolvers import (
    connection_of,
    connections_by_parent,
    row_by_id,
    row_by_key,
    row_by_parts,
    row_id_of,
)
from sluice.resource import names_of
from sluice.sql.junctions import EDGE

if TYPE_CHECKING:
    from sluice.graph.part import Resolver

Key = tuple[str, str]  # the names of a type and of its field
NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class DerivedType(NamedTuple):
    """The derived fields of a type.

    resource: the name of the resource. Empty for the items in the rows of another one.
    scope: the prefix of its scopes.
    replica: whether the replica may serve its rows.
    needs_tenant: whether its rows belong to tenants.
    queries: `row`, `key` and `list` → the field of Query.
    ids: the filters of the list that are an ID.
    mutations: `create`, `update` and `delete` → the field of Mutation.
    key: the columns of the key.
    rows: field → the resource, and the column of the foreign key or several.
    lists: field → the resource of the children, and their foreign key to this row.
    links: field → the other resource, and the name of the many-to-many relation.
    linking: field of Mutation → `link` or `unlink`, the other resource, the relation, and the scope
        of reading the other resource.
    edges: field → both resources and the relation, of the edge that a mutation has added.
    calls: field of Mutation → a function that writes, and its scope.
    functions: field → a function that only reads, its scope, and the largest number of its rows.
    columns: field → its column, where `part.column_name` is not the column. Several are an id.
    """

    resource: str = ""
    scope: str = ""
    replica: bool = False
    needs_tenant: bool = False
    queries: Mapping[str, str] = NOTHING
    ids: tuple[str, ...] = ()
    mutations: Mapping[str, str] = NOTHING
    key: tuple[str, ...] = ("id",)
    rows: Mapping[str, tuple[str, str | tuple[str, ...]]] = NOTHING
    lists: Mapping[str, tuple[str, str]] = NOTHING
    links: Mapping[str, tuple[str, str]] = NOTHING
    linking: Mapping[str, tuple[str, str, str, str]] = NOTHING
    edges: Mapping[str, tuple[str, str, str]] = NOTHING
    calls: Mapping[str, tuple[str, str]] = NOTHING
    functions: Mapping[str, tuple[str, str, int]] = NOTHING
    columns: Mapping[str, str | tuple[str, ...]] = NOTHING


LINKING = {"link": link_rows, "unlink": unlink_rows}
MUTATIONS = {"create": create_row, "update": update_row, "delete": delete_row}


def derived_part(registry: Any, by_hand: GraphqlPart) -> GraphqlPart:
    """Return the part of all resources of a registry.

    What is by hand wins, but for keys and tenants.
    """
    types: dict[str, Type] = {}
    fields: dict[Key, GraphqlField] = {}
    for name, values in registry.GRAPHQL.items():
        derived = DerivedType(**values)
        scope = f"{derived.scope}:read"
        types[name] = (
            Type(
                scope,
                replica=derived.replica,
                key=derived.key,
                needs_tenant=derived.needs_tenant,
            )
            if derived.resource
            else Type(PUBLIC, replica=True)  # items, which are read only through their row
        )
        fields.update(_fields(name, derived))
    return GraphqlPart(
        types={**types, **_with_declared(by_hand.types, types)},
        fields={**fields, **by_hand.fields},
        lower_case_enums=(*registry.GRAPHQL_ENUMS, *by_hand.lower_case_enums),
        preload=by_hand.preload,
    )


def _with_declared(by_hand: Mapping[str, Type], derived: Mapping[str, Type]) -> dict[str, Type]:
    """Return the types by hand. One of a resource has the key and tenants of its declaration."""
    declared = {name: derived.get(name, type_) for name, type_ in by_hand.items()}
    return {
        name: type_._replace(key=declared[name].key, needs_tenant=declared[name].needs_tenant)
        for name, type_ in by_hand.items()
    }


def _fields(type_name: str, derived: DerivedType) -> Iterator[tuple[Key, GraphqlField]]:
    name = derived.resource
    queries = {
        "row": row_by_id(name),
        "key": row_by_parts(name),
        "list": connection_of(name, derived.ids),
    }
    write = GraphqlField(scope=f"{derived.scope}:write", needs_tenant=derived.needs_tenant)
    for verb, field_name in derived.queries.items():
        yield ("Query", field_name), GraphqlField(queries[verb])
    for verb, field_name in derived.mutations.items():
        yield ("Mutation", field_name), write._replace(resolve=MUTATIONS[verb](name))
    if len(derived.key) > 1:
        yield (type_name, "id"), GraphqlField(row_id_of, column=derived.key)
    elif name and derived.key != ("id",):
        yield (type_name, "id"), GraphqlField(column=derived.key)
    for field_name, (resource, column) in derived.rows.items():
        yield (type_name, field_name), GraphqlField(row_by_key(resource), column=column)
    for field_name, (resource, foreign_key) in derived.lists.items():
        yield (type_name, field_name), GraphqlField(connections_by_parent(resource, foreign_key))
    for field_name, (other, relation) in derived.links.items():
        yield (type_name, field_name), GraphqlField(linked_rows(name, other, relation))
    for field_name, (verb, other, relation, read_scope) in derived.linking.items():
        resolve = LINKING[verb](name, other, relation)
        yield ("Mutation", field_name), write._replace(resolve=resolve, read_scope=read_scope)
    for field_name, (function, scope) in derived.calls.items():
        resolve = called(name, function)
        yield ("Mutation", field_name), write._replace(resolve=resolve, scope=scope)
    for field_name, (function, scope, size) in derived.functions.items():
        resolve = computed(name, function)
        column = derived.key
        yield (
            (type_name, field_name),
            GraphqlField(resolve, scope=scope, column=column, size=size, calls=True),
        )
    for field_name, edge in derived.edges.items():
        yield (type_name, field_name), GraphqlField(linked_edge(*edge))
    for field_name, column in derived.columns.items():
        yield (type_name, field_name), GraphqlField(_reader(type_name, column), column=column)


def _reader(type_name: str, column: str | tuple[str, ...]) -> "Resolver | None":
    """Return the resolver of a column, where it is not a member of the object of this name."""
    if type_name.endswith("Edge") and isinstance(column, str) and column.startswith(EDGE):
        return payload_of_edge
    return row_id_of if len(names_of(column)) > 1 else None
