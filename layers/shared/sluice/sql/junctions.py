"""The list of a many-to-many relation: the rows of another resource that a row is linked with.

The list is over the junction table. Its key answers each page, so clients can sort by the other
row's key alone, and there is no filter. The other rows are joined to the links of a page, after
LIMIT.
"""

from collections.abc import Mapping, Sequence
from functools import partial

from sluice.kinds.field import Field, Schema
from sluice.resource import Many, Resource
from sluice.sql import tenant_sql
from sluice.sql.derived import Repository
from sluice.sql.identifiers import qualified, quoted
from sluice.sql.list_spec import ListSpec, Sort
from sluice.sql.projection import Column, Join, Projection, aliased

ALIAS = "link_"  # of the junction table
LINK = "link"  # the member of a listed row that has the payload of its junction table
EDGE = "$"  # before the fields of the payload, in the rows of a connection


class Payload(Field):
    """The further columns of a link, as an object."""

    def __init__(self, name: str, fields: Sequence[Field]) -> None:
        super().__init__(name, read_only=True)
        self.fields = tuple(fields)

    def row_schema(self) -> Schema:
        properties = {field.name: field.row_schema() for field in self.fields}
        return {"type": "object", "required": list(properties), "properties": properties}

    def row_example(self, known: object) -> object:
        return {field.name: field.row_example(None) for field in self.fields}


def junction_list(
    other: Repository, resource: Resource, many: Many, *, graphql: bool = False
) -> ListSpec:
    """Return the list of the rows of `other` below a row of `resource`.

    Call it once for each relation: statements are kept for the list, not for its contents.
    """
    rows = other.graphql_list_spec if graphql else other.list_spec
    names = tuple(key.name for key in other.resource.keys)
    columns = _columns(many.other_columns, other.resource.keys)
    sorts = {
        name: Sort(quoted(column), key, unique=len(names) == 1)
        for name, column, key in zip(names, many.other_columns, other.resource.keys, strict=True)
    }
    first = names[0]
    payload = _edge_payload(many) if graphql else _payload(many)
    return ListSpec(
        projection=_projection(rows, resource, many, payload=payload),
        filters={},
        sorts={first: sorts.pop(first)},
        keys=names,
        key_sorts=sorts,
        subselects=rows.subselects,
        parents={",".join(many.columns): _columns(many.columns, resource.keys)},
        row_joins=(_join(rows, columns), *(() if rows.subselects else rows.projection.joins)),
    )


def _columns(names: Sequence[str], keys: Sequence[Field]) -> tuple[Column, ...]:
    """Return the columns of the junction table that reference these keys."""
    pairs = zip(names, keys, strict=True)
    return tuple(Column(f"{ALIAS}.{quoted(name)}", key) for name, key in pairs)


def _join(rows: ListSpec, columns: Sequence[Column]) -> Join:
    """Return the join of a link with the row that it references."""
    projection = rows.projection
    pairs = zip(projection.keys, columns, strict=True)
    on = {quoted(key.column): column.sql for key, column in pairs}
    return Join(rows.view or projection.table, projection.alias, on)


def _payload(many: Many) -> dict[str, Column]:
    """Return the payload as one member of a row."""
    if not many.payload:
        return {}
    items = ", ".join(f'{_select(field)} AS "{field.name}"' for field in many.payload)
    sql = f"(SELECT row_to_json(p_.*) FROM (SELECT {items}) p_)"
    return {LINK: Column(sql, Payload(LINK, many.payload))}


def _edge_payload(many: Many) -> dict[str, Column]:
    """Return each field of the payload as a member, with a name that no field of the row has."""
    return {f"{EDGE}{field.name}": Column(_select(field), field) for field in many.payload}


def _select(field: Field) -> str:
    return field.select(f"{ALIAS}.{quoted(field.column)}")


def _projection(
    rows: ListSpec, resource: Resource, many: Many, *, payload: Mapping[str, Column]
) -> Projection:
    """Return the projection of a link: the fields of the other row, and the payload."""
    other = rows.projection
    fields = {**other.fields, **payload}
    condition = ""
    if other.row_condition:
        join = _join(rows, _columns(many.other_columns, other.keys))
        table = aliased(join.table, join.alias)
        condition = f"EXISTS (SELECT FROM {table} WHERE {join.condition} AND {other.row_condition})"
    has_tenant = bool(many.tenant or (resource.has_tenant and other.tenant is None))
    columns = (*many.columns, *many.other_columns, *(field.column for field in many.payload))
    return Projection(
        name=f"{resource.name}/{many.name}",
        singular=other.singular,
        table=qualified(many.through),
        alias=ALIAS,
        keys=other.keys,
        fields=fields,
        etag="",
        kept_condition=condition,
        row_columns=tuple(map(quoted, columns)),
        tenant=partial(tenant_sql.link_condition, resource, many) if has_tenant else None,
    )
