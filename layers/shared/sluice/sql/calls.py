"""Call functions of the database on a row. Each call is one statement.

A function that writes is called once, after its row is locked and its ETag is compared. It is not
called at all if the precondition does not hold.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from sluice.errors import NotFound, StaleVersion, ValidationFailed
from sluice.kinds.field import Field
from sluice.query import Query
from sluice.resource import ROW, ROWS, Function, Resource
from sluice.sql.idempotency import IdempotencyKey, idempotent_query
from sluice.sql.identifiers import qualified
from sluice.sql.key import PARAMETERS, Key, params_of, params_of_many, unnested
from sluice.sql.precondition import NO_PRECONDITION, Precondition, match_condition
from sluice.sql.projection import Projection, Representation
from sluice.sql.repository import Repository, first_row

PREFIX = "a_"  # of the parameters of arguments, which may have the name of any other one
NO_ROW = "'' AS etag, '' AS id"  # the columns of a representation that only a row has
# Undoes a call that returned no row, because the response is an error.
REQUIRE_ROW = "CASE WHEN target.matches AND r.json IS NULL THEN sluice.raise_conflict() END"


@dataclass(frozen=True, eq=False)
class Call:
    """A function on the rows of a resource.

    Statements are cached by this object, so it is made once.
    """

    resource: Resource
    projection: Projection
    function: Function

    @cached_property
    def target(self) -> str:
        """The SELECT of the row's key. A function that writes locks the row if the role may."""
        projection = self.projection
        keys = zip(projection.key_columns, PARAMETERS, strict=False)
        columns = [f"{column} AS {name}" for column, name in keys]
        lock = ""
        if not self.function.stable:
            columns.append(match_condition(projection))
            lock = f" FOR UPDATE OF {projection.alias}" if self.resource.is_lockable else ""
        return (
            f"SELECT {', '.join(columns)} FROM {projection.source} "
            f"WHERE {projection.key_condition}{lock}"
        )

    @cached_property
    def targets(self) -> str:
        """The SELECT of the keys of several rows, each with the position of its key as `n`."""
        projection = self.projection
        names = [f"k{n}" for n, _ in enumerate(projection.keys)]
        keys = zip(projection.key_columns, PARAMETERS, strict=False)
        columns = [f"{column} AS {name}" for column, name in keys]
        pairs = zip(projection.key_columns, names, strict=True)
        conditions = [*(f"{column} = k_.{name}" for column, name in pairs)]
        conditions += filter(None, [projection.row_condition])
        return (
            f"SELECT {', '.join(columns)}, k_.n FROM {projection.source}, "
            f"{unnested(projection.keys)} AS k_ ({', '.join(names)}, n) "
            f"WHERE {' AND '.join(conditions)}"
        )

    @cached_property
    def called(self) -> str:
        """The FROM item of the call for the row `t`: `f_` is what the function returns."""
        keys = [f"t.{name}" for name, _ in zip(PARAMETERS, self.projection.keys, strict=False)]
        arguments = [field.bind(PREFIX + field.name) for field in self.function.arguments]
        is_row = self.function.returns in (ROW, ROWS)
        call = f"{qualified(self.function.function)}({', '.join([*keys, *arguments])})"
        return f"{call} AS f_" + ("" if is_row else " (value)")

    def params(self, key: Key, values: Mapping[str, object]) -> dict[str, object]:
        """Return the parameters of the key and the arguments."""
        return {**params_of(self.projection.keys, key), **self.arguments(values)}

    @cached_property
    def defaults(self) -> dict[str, object]:
        """The values of the arguments that have a default."""
        arguments = self.function.arguments
        return {each.name: each.default_value() for each in arguments if each.default is not None}

    def arguments(self, values: Mapping[str, object]) -> dict[str, object]:
        """Return the parameters of the arguments. One without a value is NULL."""
        return {
            PREFIX + field.name: field.to_sql_or_null(values.get(field.name))
            for field in self.function.arguments
        }


class CallRepository(Repository):
    """Calls functions on rows of any resource."""

    all_tenants = True  # also of shared resources; the projection of a Call has the predicate

    def write(
        self,
        call: Call,
        key: Key,
        values: Mapping[str, object],
        precondition: Precondition = NO_PRECONDITION,
        idempotency_key: IdempotencyKey | None = None,
    ) -> Representation:
        """Call a function that writes, and return what it returned.

        The representation is that of the row. For a value it has no ETag, and for nothing an empty
        text. With a key, the statement also stores the response.

        Raises NotFound, StaleVersion, and Conflict if the function returned no row: what it did is
        then rolled back. Also raises the errors of the function, and with a key
        IdempotencyInProgress and IdempotencyKeyReused.
        """
        ctes, select = _write_parts(call)
        params = {**call.params(key, values), **precondition.params()}
        row = first_row(
            self._executor.write(idempotent_query(ctes, select, params, idempotency_key))
        )
        if not row.matches:
            raise StaleVersion
        return Representation.of(row)

    def read(self, call: Call, key: Key, values: Mapping[str, object]) -> Representation:
        """Call a function that only reads, and return what it returned, as `write` does.

        Several rows are `{"data": […]}`. Raises NotFound without the row, or if the function
        returned no row. Raises ValidationFailed if it returned more rows than it may.
        """
        query = Query(_read_sql(call), call.params(key, values), prepare=True)
        row = first_row(self._executor.read(query))
        if row.json is None:
            raise NotFound
        if row.found > call.function.max_rows:
            raise _too_many(call)
        return Representation.of(row)

    def read_many(
        self, call: Call, keys: Sequence[Key], values: Mapping[str, object]
    ) -> dict[Key, str | ValidationFailed]:
        """Call a function that only reads on several rows, in one statement.

        Return the JSON of what it returned, by key, as `read` does. A row without a result is
        missing. For one with too many rows it is an error.
        """
        params = params_of_many(call.projection.keys, keys) | call.arguments(values)
        query = Query(_read_sql(call, many=True), params, prepare=True)
        return {
            keys[row.n - 1]: row.json if row.found <= call.function.max_rows else _too_many(call)
            for row in self._executor.read(query)
            if row.json is not None
        }


def _too_many(call: Call) -> ValidationFailed:
    return ValidationFailed(f"There are more than {call.function.max_rows} rows.")


class ReplicaCallRepository(CallRepository):
    """Calls functions that only read, of resources whose reads may be served by a replica."""

    reads_replica = True


def reader_of(repository: type[Repository]) -> type[CallRepository]:
    """Return the class that calls functions which only read, of the repository's resource."""
    return ReplicaCallRepository if repository.reads_replica else CallRepository


@lru_cache(maxsize=256)
def _write_parts(call: Call) -> tuple[str, str]:
    """Return the CTEs that call the function, and the SELECT of what it returned."""
    returns = call.function.returns
    if isinstance(returns, Field):
        result, returned = "f_.value", f"SELECT {_value(returns)} FROM called f_"
    elif returns == ROW:
        result, returned = (
            "f_.*",
            _row_select(call.projection, "called", call.projection.tenant_condition),
        )
    else:  # no CTE can have a column of the type void
        result, returned = "f_.value IS NULL", f"SELECT '' AS json, {NO_ROW} FROM called"
    ctes = f"""target AS MATERIALIZED ({call.target}), called AS (
            SELECT {result} FROM target t CROSS JOIN LATERAL {call.called} WHERE t.matches
        )"""
    required = REQUIRE_ROW if returns == ROW else "NULL"
    select = f"""SELECT target.matches, r.json, r.etag, r.id, {required} AS required
        FROM target LEFT JOIN ({returned}) r ON true"""
    return ctes, select


@lru_cache(maxsize=256)
def _read_sql(call: Call, *, many: bool = False) -> str:
    """Return the statement that calls a function which only reads. `found` counts its rows.

    For several rows, `n` is the position of the row's key.
    """
    target, position = (f"({call.targets}) t", "t.n, ") if many else (f"({call.target}) t", "")
    projection, returns = call.projection, call.function.returns
    if isinstance(returns, Field):
        calls = f"{target} CROSS JOIN LATERAL {call.called}"
        return f"SELECT {position}{_value(returns)}, 1 AS found FROM {calls}"
    if returns == ROW:
        row = _row_select(projection, f"(SELECT f_.* FROM {call.called})", projection.row_condition)
        return f"""
            SELECT {position}r.json, r.etag, r.id, 1 AS found
            FROM {target} LEFT JOIN LATERAL ({row}) r ON true"""
    rows = f"""(
        SELECT f_.*, row_number() OVER () AS n_ FROM {call.called}
        LIMIT {call.function.max_rows + 1}
    )"""
    where = f" WHERE {projection.row_condition}" if projection.row_condition else ""
    return f"""
        SELECT {position}'{{"data":[' || r.items || ']}}' AS json, {NO_ROW}, r.found
        FROM {target} CROSS JOIN LATERAL (
            SELECT coalesce(string_agg(q.item, ',' ORDER BY q.n_), '') AS items, count(*) AS found
            FROM (
                SELECT {projection.alias}.n_,
                       (
                           SELECT row_to_json(o.*)::text FROM (SELECT {projection.columns()}) o
                       ) AS item
                FROM {projection.source_with({projection.alias: rows})}{where}
            ) q
        ) r"""


def _row_select(projection: Projection, rows: str, condition: str = "") -> str:
    """Return the SELECT of a row that a function returned. A row of NULLs is none."""
    conditions = [f"{projection.key_columns[0]} IS NOT NULL", *filter(None, [condition])]
    return (
        f"SELECT {projection.representation()} "
        f"FROM {projection.source_with({projection.alias: rows})} WHERE {' AND '.join(conditions)}"
    )


def _value(field: Field) -> str:
    """Return the SELECT list of a value, as an object with the name of its field.

    The cast gives it the field's decimals, which the type of a function's result does not say.
    """
    item = f'{field.select(f"CAST(f_.value AS {field.ddl()})")} AS "{field.name}"'
    return f"(SELECT row_to_json(o.*)::text FROM (SELECT {item}) o) AS json, {NO_ROW}"
