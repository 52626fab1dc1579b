"""The list of a many-to-many relation: the rows of another resource that a row is linked with.

The list is over the junction table. Its key answers each page, so clients can sort by the other
row's key alone, and there is no filter. The other rows are joined to the links of a page, after
LIMIT.
"""

from collections.abc import Sequence

from sluice.kinds.field import Field, Schema
from sluice.resource import Many, Resource
from sluice.sql.derived import Repository
from sluice.sql.identifiers import qualified, quoted
from sluice.sql.list_spec import ListSpec, Sort
from sluice.sql.projection import Column, Join, Projection, aliased

ALIAS = "link_"  # of the junction table
LINK = "link"  # the member of a row with the payload


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
    return ListSpec(
        projection=_projection(rows, resource, many, [column.sql for column in columns]),
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


def _projection(
    rows: ListSpec, resource: Resource, many: Many, other_columns: Sequence[str]
) -> Projection:
    """Return the projection of a link: the fields of the other row, and the payload."""
    other = rows.projection
    fields = dict(other.fields)
    if many.payload:
        payload = ", ".join(
            f'{field.select(f"{ALIAS}.{quoted(field.column)}")} AS "{field.name}"'
            for field in many.payload
        )
        sql = f"(SELECT row_to_json(p_) FROM (SELECT {payload}) p_)"
        fields[LINK] = Column(sql, Payload(LINK, many.payload))
    condition = ""
    if other.row_condition:
        join = _join(rows, _columns(many.other_columns, other.keys))
        table = aliased(join.table, join.alias)
        condition = f"EXISTS (SELECT FROM {table} WHERE {join.condition} AND {other.row_condition})"
    columns = (*many.columns, *many.other_columns, *(field.column for field in many.payload))
    return Projection(
        name=f"{resource.name}/{many.name}",
        singular=other.singular,
        table=qualified(many.through),
        alias=ALIAS,
        keys=other.keys,
        fields=fields,
        etag="",
        row_condition=condition,
        row_columns=tuple(map(quoted, columns)),
    )
