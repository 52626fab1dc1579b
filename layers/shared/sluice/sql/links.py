"""Add and remove links of a many-to-many relation: rows of a junction table.

Each is one statement. It finds both rows first, so a link to a row that clients do not see is never
written. While a link is added, both rows are locked as the foreign keys of the junction table lock
them. So a row that is deleted meanwhile is not found.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

from sluice.errors import NotFound
from sluice.query import Query
from sluice.resource import Many
from sluice.sql.identifiers import qualified, quoted
from sluice.sql.key import PARAMETERS, Key, params_of
from sluice.sql.projection import Projection, aliased
from sluice.sql.repository import Repository
from sluice.sql.tenant_sql import bound_tenant

OTHER: Final = ("other", "other1", "other2", "other3")  # the parameters of the other row's key
JUNCTION = "from_"  # the alias of the junction table
PREFIX = "p_"  # of the parameters of payload, which may have the name of any other one


@dataclass(frozen=True, eq=False)
class Link:
    """A many-to-many relation: the rows of both sides, and the junction table between them.

    Statements are cached by this object, so it is made once.
    """

    parent: Projection
    other: Projection
    many: Many

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns that reference the parent and the other row, as SQL."""
        return tuple(quoted(name) for name in (*self.many.columns, *self.many.other_columns))

    @cached_property
    def values(self) -> tuple[str, ...]:
        """The values of these columns, from the CTEs of both rows."""
        keys = zip(PARAMETERS, self.parent.keys, strict=False)
        others = zip(OTHER, self.other.keys, strict=False)
        return (
            *(f"target.{name}" for name, _ in keys),
            *(f"other_.{name}" for name, _ in others),
        )

    @cached_property
    def tenant(self) -> dict[str, str]:
        """The column of the tenant in the junction table, with its value, if it has one."""
        return {quoted(self.many.tenant): bound_tenant()} if self.many.tenant else {}

    @cached_property
    def of_tenant(self) -> list[str]:
        """The condition that a link belongs to the tenant; none without a column."""
        return [f"{JUNCTION}.{column} = {value}" for column, value in self.tenant.items()]

    @cached_property
    def defaults(self) -> dict[str, object]:
        """The payload of a new link, as far as it has defaults."""
        return {
            each.name: each.default_value()
            for each in self.many.payload
            if each.default is not None
        }

    def rows(self, *, lock: bool) -> str:
        """Return the CTEs of both rows: `target` and `other_`."""
        target = _row(self.parent, PARAMETERS, lock=lock)
        return f"target AS ({target}), other_ AS ({_row(self.other, OTHER, lock=lock)})"

    def params(self, key: Key, other: Key) -> dict[str, object]:
        """Return the parameters of both keys."""
        values = params_of(self.other.keys, other).values()
        return {**params_of(self.parent.keys, key), **dict(zip(OTHER, values, strict=False))}


class LinkRepository(Repository):
    """Adds and removes links of any relation."""

    all_tenants = True  # also of shared resources; the projections of a Link have the predicate

    def put(self, link: Link, key: Key, other: Key, payload: Mapping[str, object]) -> None:
        """Link two rows, or change the payload of their link. Raises NotFound without one of them.

        A new link has the defaults of the payload, too. Also raises the errors of the junction
        table's constraints.
        """
        stored = {**link.defaults, **payload}
        fields = [field for field in link.many.payload if field.name in stored]
        params = link.params(key, other)
        params |= {PREFIX + each.name: each.to_sql_or_null(stored[each.name]) for each in fields}
        changed = frozenset(payload)
        sql = _put_sql(link, tuple(field.name for field in fields), changed)
        (row,) = self._executor.write(Query(sql, params, prepare=True))
        if not row.found:
            raise NotFound

    def delete(self, link: Link, key: Key, other: Key) -> None:
        """Remove a link. Raises NotFound if there is none."""
        query = Query(_delete_sql(link), link.params(key, other), prepare=True)
        if not self._executor.write(query):
            raise NotFound


@lru_cache(maxsize=256)
def _put_sql(link: Link, stored: tuple[str, ...], changed: frozenset[str]) -> str:
    """Return the statement that stores a link. An existing link gets only the `changed` fields."""
    fields = [field for field in link.many.payload if field.name in stored]
    names = [*link.columns, *link.tenant, *(quoted(field.column) for field in fields)]
    bound = [field.bind(PREFIX + field.name) for field in fields]
    values = [*link.values, *link.tenant.values(), *bound]
    updated = [quoted(field.column) for field in fields if field.name in changed]
    changes = ", ".join(f"{name} = excluded.{name}" for name in updated)
    where = f" WHERE {' AND '.join(link.of_tenant)}" if link.of_tenant else ""
    junction = f"{qualified(link.many.through)}{f' AS {JUNCTION}' if where else ''}"
    return f"""
        WITH {link.rows(lock=True)}, linked AS (
            INSERT INTO {junction} ({", ".join(names)})
            SELECT {", ".join(values)} FROM target, other_
            ON CONFLICT ({", ".join(link.columns)})
            DO {f"UPDATE SET {changes}{where}" if changes else "NOTHING"}
        )
        SELECT count(*) > 0 AS found FROM target, other_"""


@lru_cache(maxsize=256)
def _delete_sql(link: Link) -> str:
    pairs = zip(link.columns, link.values, strict=True)
    conditions = [f"{JUNCTION}.{column} = {value}" for column, value in pairs]
    condition = " AND ".join([*conditions, *link.of_tenant])
    return f"""
        WITH {link.rows(lock=False)}
        DELETE FROM {qualified(link.many.through)} {JUNCTION} USING target, other_
        WHERE {condition}
        RETURNING 1 AS found"""


def _row(projection: Projection, parameters: tuple[str, ...], *, lock: bool) -> str:
    """Return the SELECT of the key of a row that clients see, locked if the role may lock it."""
    keys = zip(projection.key_columns, parameters, strict=False)
    columns = ", ".join(f"{column} AS {name}" for column, name in keys)
    source = aliased(projection.table, projection.alias)
    select = f"SELECT {columns} FROM {source} WHERE {projection.key_condition_for(parameters)}"
    return f"{select} FOR KEY SHARE" if lock and projection.is_lockable else select
