"""The base class of repositories that create, update and delete rows, each in one statement.

An update or a deletion may have a precondition. Its statement locks the row before it compares the
ETag, so of two writers with the same `If-Match` one wins. It returns no row if the target does not
exist, and a row of NULLs if its ETag did not match. So one round trip distinguishes NotFound from
StaleVersion. A trigger, a rule or a policy of the database may leave a row as it is, without an
error. Then the statement raises Conflict, and what it did is rolled back.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, ClassVar

from sluice.errors import StaleVersion
from sluice.query import Query
from sluice.sql.idempotency import IdempotencyKey, idempotent_query
from sluice.sql.key import PARAMETERS, Key, params_of
from sluice.sql.precondition import NO_PRECONDITION, Precondition, match_condition
from sluice.sql.projection import Projection, Representation
from sluice.sql.read_repository import ReadRepository
from sluice.sql.repository import first_row

CONFLICT = "sluice.raise_conflict()"


class WriteRepository(ReadRepository):
    """Reads and writes the resource of `list_spec`.

    inserts: the INSERT for each table that a new row is written to, by the table's alias. Each
        returns the columns of the fields and has the fields as parameters.
    defaults: the values of fields that `create` may leave out.
    assignments: the SQL that sets each field, with the field as its parameter.
    unchanged: the column that an update without changes sets to itself.
    """

    inserts: ClassVar[Mapping[str, str]]
    defaults: ClassVar[Mapping[str, object]] = {}
    assignments: ClassVar[Mapping[str, str]]
    unchanged: ClassVar[str] = "version"
    _deleted_at: ClassVar[str] = ""  # the column that `delete` sets; empty: it deletes the row

    def create(
        self, values: Mapping[str, object], key: IdempotencyKey | None = None
    ) -> Representation:
        """Add a row, and return it. With a key, the statement also stores the response.

        Raises Conflict, and the errors of the table's constraints, such as Duplicate. With a key,
        it also raises IdempotencyInProgress and IdempotencyKeyReused.
        """
        values = {**self.defaults, **values}
        inserts = tuple(self._inserts_of(values).items())
        ctes, select = _insert_parts(self.list_spec.projection, inserts, self._check_of())
        query = idempotent_query(ctes, select, values, key)
        return Representation.of(self._executor.write(query)[0])

    def update(
        self, key: Key, changes: Mapping[str, object], precondition: Precondition = NO_PRECONDITION
    ) -> Representation:
        """Change the fields in `changes`, and return the row.

        Raises NotFound, StaleVersion, Conflict, and the errors of the table's constraints.
        """
        return self._update(self.list_spec.projection, key, changes, precondition)

    def update_version(
        self, key: Key, changes: Mapping[str, object], version: int
    ) -> Representation:
        """Change a row whose ETag is this version. Raises the errors of `update`."""
        return self.update(key, changes, Precondition(if_match=[str(version)]))

    def delete(self, key: Key, precondition: Precondition = NO_PRECONDITION) -> None:
        """Delete a row.

        Raises NotFound, StaleVersion, Conflict, and StillReferenced if other rows refer to it.
        """
        sql = _delete_sql(self.list_spec.projection, self._deleted_at)
        row = self._write_target(sql, {**self._params_of(key), **precondition.params()})
        if row.id is None:
            raise StaleVersion

    def _inserts_of(self, values: Mapping[str, object]) -> Mapping[str, str]:
        """Return the INSERTs of a row with these values."""
        return self.inserts

    def _check_of(self, changed: frozenset[str] | None = None) -> tuple[str, ...]:
        """Return the SELECT item that checks the references of a new row, or of a changed one."""
        return ()

    def _guard_of(self, changed: frozenset[str]) -> str:
        """Return a condition on the row to update, and on `t`: its key and whether it matches."""
        return ""

    def _update(
        self,
        projection: Projection,
        key: Key,
        changes: Mapping[str, object],
        precondition: Precondition,
    ) -> Representation:
        """Update a row whose ETag is that of `projection`."""
        assigned = [self.assignments[name] for name in changes]
        assigned = assigned or [f"{self.unchanged} = {projection.alias}.{self.unchanged}"]
        changed = frozenset(changes)
        check, guard = self._check_of(changed), self._guard_of(changed)
        sql = _update_sql(projection, ", ".join(assigned), check, guard)
        row = self._write_target(sql, {**changes, **self._params_of(key), **precondition.params()})
        if row.json is None:
            raise StaleVersion
        return Representation.of(row)

    def _params_of(self, key: Key) -> dict[str, object]:
        return params_of(self.list_spec.projection.keys, key)

    def _write_target(self, sql: str, params: Mapping[str, object]) -> Any:
        """Run a statement on the target, and return its row. Raises NotFound without one."""
        return first_row(self._executor.write(Query(sql, params, prepare=True)))


@lru_cache(maxsize=256)
def _insert_parts(
    projection: Projection, inserts: tuple[tuple[str, str], ...], check: tuple[str, ...]
) -> tuple[str, str]:
    """Return the CTEs that insert a row, and the SELECT that returns and checks it."""
    ctes = ", ".join(f"{alias} AS ({insert})" for alias, insert in inserts)
    source = projection.source_with({alias: alias for alias, _ in inserts})
    columns = ", ".join([projection.representation(), *check])
    # Not `r.json IS NULL`: a join may find no row before an INSERT has run, or an unknown reference
    # whose error comes at the end of the statement.
    is_ignored = " OR ".join(f"NOT EXISTS (SELECT FROM {alias})" for alias, _ in inserts)
    return (
        ctes,
        f"""
        SELECT r.*, CASE WHEN {is_ignored} THEN {CONFLICT} END AS required
        FROM (SELECT) one LEFT JOIN (SELECT {columns} FROM {source}) r ON true""",
    )


@lru_cache(maxsize=256)
def _update_sql(
    projection: Projection, assigned: str, check: tuple[str, ...] = (), guard: str = ""
) -> str:
    """Return the statement that sets what `assigned` says, and checks the row."""
    alias = projection.alias
    checked = ", r.checked" if check else ""
    return f"""
        WITH {_target(projection)}, changed AS (
            UPDATE {projection.table} {alias}
            SET {assigned} FROM target t
            WHERE {" AND ".join(filter(None, [_is_target(projection), "t.matches", guard]))}
            RETURNING {projection.columns_of_rows(alias)}
        )
        SELECT r.json, r.etag, r.id{checked},
               CASE WHEN target.matches AND NOT EXISTS (SELECT FROM changed) THEN {CONFLICT} END
                   AS required
        FROM target
        LEFT JOIN (
            SELECT {", ".join([projection.representation(), *check])}
            FROM {projection.source_with({alias: "changed"})}
        ) r ON true"""


@lru_cache(maxsize=256)
def _delete_sql(projection: Projection, deleted_at: str) -> str:
    row = f"{projection.table} {projection.alias}"
    delete = (
        f"UPDATE {row} SET {deleted_at} = now() FROM" if deleted_at else f"DELETE FROM {row} USING"
    )
    return f"""
        WITH {_target(projection)}, deleted AS (
            {delete} target t
            WHERE {_is_target(projection)} AND t.matches
            RETURNING {projection.id_sql} AS id
        )
        SELECT deleted.id,
               CASE WHEN target.matches AND deleted.id IS NULL THEN {CONFLICT} END AS required
        FROM target LEFT JOIN deleted ON true"""


def _key_columns(projection: Projection) -> str:
    keys = zip(projection.key_columns, PARAMETERS, strict=False)
    return ", ".join(f"{column} AS {name}" for column, name in keys)


def _is_target(projection: Projection) -> str:
    keys = zip(projection.key_columns, PARAMETERS, strict=False)
    return " AND ".join(f"{column} = t.{name}" for column, name in keys)


def _target(projection: Projection) -> str:
    """Return the CTE that locks the row.

    FOR NO KEY UPDATE would not block inserts of rows that refer to the row. But while their foreign
    keys lock the row, two updates of it wait for each other in its lock queue (measured with
    PostgreSQL 18).
    """
    return f"""target AS (
            SELECT {_key_columns(projection)}, {match_condition(projection)}
            FROM {projection.source}
            WHERE {projection.key_condition}
            FOR UPDATE OF {projection.alias}
        )"""
