"""The source of the module that has the statements of a resource as plain SQL."""

from collections.abc import Iterator
from string import Template

from scripts.eject.literals import constant, embedded, embedded_list
from scripts.eject.parts import Ejected
from sluice.http.route_texts import a_row, words
from sluice.sql.derived import deleted_at as deleted_at_of
from sluice.sql.key import PARAMETERS
from sluice.sql.list_spec import Filter
from sluice.sql.projection import aliased

IMPORTS = {
    "always": """
from collections.abc import Collection
from dataclasses import replace
from typing import Any, ClassVar
from sluice.query import Query
from sluice.sql.derived import derived, projection
from sluice.sql.key import Key
from sluice.sql.projection import Column, Projection, Representation
from sluice.sql.repository import first_row
from sluice.sql.resource_repository import ResourceRepository
""",
    "create": """
from collections.abc import Mapping
from sluice.sql.idempotency import IdempotencyKey, idempotent_query
""",
    "update": """
from collections.abc import Mapping
from sluice.errors import StaleVersion
from sluice.sql.precondition import NO_PRECONDITION, Precondition
""",
    "delete": """
from sluice.errors import StaleVersion
from sluice.sql.precondition import NO_PRECONDITION, Precondition
""",
    "filters": """
from collections.abc import Mapping
from sluice.sql.list_spec import FilterSql
""",
}
HEAD = Template('''\
"""The SQL of $rows. `make eject` wrote it once, and it is yours to change.

The declaration is in $file. Derived from it are the page of a list (its
order, its cursors and its total), the connections of GraphQL and imports.
"""

$imports

''')
ROW = '''

def _row(only: Collection[str] | None = None) -> str:
    """Return the SELECT list of a row: its JSON, its ETag and its key."""
    columns = [
        f'{column} AS "{name}"'
        for name, column in COLUMNS.items()
        if only is None or name in only
    ]
    return f"""
        (SELECT row_to_json(o.*)::text FROM (SELECT {", ".join(columns)}) o) AS json,
        ({ETAG}) AS etag,
        {KEY} AS id"""


'''
GET = Template('''
GET = """
    SELECT {row}
    FROM $source
    WHERE $is_row
"""
''')
CREATE = Template('''
CREATE = """
    $alias AS (
        INSERT INTO $table {row}
        RETURNING
            $returned
    )
"""
CREATED = f"""
    SELECT
        r.*,
        CASE WHEN NOT EXISTS (SELECT FROM $alias) THEN sluice.raise_conflict() END AS required
    FROM (SELECT) one LEFT JOIN (SELECT {_row()} FROM $created) r ON true
"""
''')
TARGET = Template('''
# Locks the row. It has no row for an unknown key. `matches` says whether the row satisfies
# If-Match and If-None-Match.
TARGET = f"""
    target AS (
        SELECT
            $keys,
            (
                (CAST(:if_match AS text[]) IS NULL OR ({ETAG}) = ANY(CAST(:if_match AS text[])))
                AND (CAST(:if_none_match AS text[]) IS NULL
                    OR ({ETAG}) <> ALL(CAST(:if_none_match AS text[])))
            ) AS matches
        FROM $source
        WHERE $is_row
        FOR UPDATE OF $alias
    )
"""
''')
UPDATE = Template('''
$unchanged
UPDATE = """
    WITH {target}, changed AS (
        UPDATE $row
        SET {assigned} FROM target t
        WHERE $is_target AND t.matches
        RETURNING
            $returned_of_row
    )
    SELECT
        r.json, r.etag, r.id,
        CASE
            WHEN target.matches AND NOT EXISTS (SELECT FROM changed) THEN sluice.raise_conflict()
        END AS required
    FROM target
    LEFT JOIN (SELECT {row} FROM $changed) r ON true
"""
''')
DELETE = Template('''
DELETE = f"""
    WITH {TARGET}, deleted AS (
        $delete target t
        WHERE $is_target AND t.matches
        RETURNING {KEY} AS id
    )
    SELECT
        deleted.id,
        CASE WHEN target.matches AND deleted.id IS NULL THEN sluice.raise_conflict() END AS required
    FROM target LEFT JOIN deleted ON true
"""
''')
PROJECTION = '''

def _projection(repository: Any) -> Projection:
    """Return what lists and GraphQL read: the same columns."""
    declared = projection(repository)
    fields = {name: Column(column, declared.fields[name].field) for name, column in COLUMNS.items()}
    return replace(declared, fields=fields, etag=ETAG)
'''
CLASS = Template('''

class $name(ResourceRepository):
    """$does $rows by the SQL of this module."""

''')
GET_METHOD = Template('''
    def get_by_id(
        self, key: Key, fields: frozenset[str] | None = None, expand: tuple[str, ...] = ()
    ) -> Representation:
        """Return $one. Raises NotFound."""
        if expand:  # the derived statement has the rows that this one references, too
            return super().get_by_id(key, fields, expand)
        query = Query(GET.format(row=_row(fields)), self._params_of(key), prepare=True)
        return Representation.of(first_row(self._executor.read(query)))
''')
CREATE_METHOD = Template('''
    def create(
        self, values: Mapping[str, object], key: IdempotencyKey | None = None
    ) -> Representation:
        """Add $one by the rules, and return it.

        With an idempotency key, the statement also stores the response. Raises the errors of the
        table's constraints. With a key, also IdempotencyInProgress and IdempotencyKeyReused.
        """
        row = dict(values)
        self.before_create(row)
        self.before_write(row)
        row = {**self.defaults, **self._to_sql(row)}
        pairs = [INSERTED[name] for name in INSERTED if name in row]
        columns = ", ".join(column for column, _ in pairs)
        bound = ", ".join(value for _, value in pairs)
        inserted = f"({columns}) VALUES ({bound})" if pairs else "DEFAULT VALUES"
        query = idempotent_query(CREATE.format(row=inserted), CREATED, row, key)
        return Representation.of(self._executor.write(query)[0])
''')
UPDATE_METHOD = Template('''
    def update(
        self, key: Key, changes: Mapping[str, object], precondition: Precondition = NO_PRECONDITION
    ) -> Representation:
        """Change $one by the rules, and return it.

        Raises NotFound, StaleVersion, and the errors of the table's constraints.
        """
        row = dict(changes)
        self.before_write(row)
        assigned = ", ".join(ASSIGNMENTS[name] for name in row) or UNCHANGED
        statement = UPDATE.format(target=TARGET, assigned=assigned, row=_row())
        params = {**self._to_sql(row), **self._params_of(key), **precondition.params()}
        changed = first_row(self._executor.write(Query(statement, params, prepare=True)))
        if changed.json is None:
            raise StaleVersion
        return Representation.of(changed)
''')
DELETE_METHOD = Template('''
    def delete(self, key: Key, precondition: Precondition = NO_PRECONDITION) -> None:
        """Delete $one.

        Raises NotFound, StaleVersion, and StillReferenced if other rows refer to it.
        """
        params = {**self._params_of(key), **precondition.params()}
        deleted = first_row(self._executor.write(Query(DELETE, params, prepare=True)))
        if deleted.id is None:
            raise StaleVersion
''')


def text(ejected: Ejected) -> str:
    """Return the source, before `ruff format`."""
    return "".join(_sections(ejected))


def _sections(ejected: Ejected) -> Iterator[str]:
    parts, names = ejected.parts(), _names(ejected)
    yield HEAD.substitute(names, imports="\n".join(_imports(parts)))
    projection = ejected.repository.projection
    yield "# Field → the SQL of its value in JSON. Lists and GraphQL have the same.\n"
    yield constant("COLUMNS", {name: each.sql for name, each in projection.fields.items()})
    yield constant("ETAG", projection.etag)
    yield constant("KEY", projection.id_sql)
    if "filters" in parts:
        yield f"FILTERS: Mapping[str, str | FilterSql] = {{{_filters(ejected)}}}\n"
    if "create" in parts:
        yield "# Field → the column and the value of a new row.\n"
        yield constant("INSERTED", ejected.inserted())
    if "update" in parts:
        yield constant("ASSIGNMENTS", ejected.repository.assignments)
    yield ROW
    statements = {"get": GET, "create": CREATE, "update": UPDATE, "delete": DELETE}
    if {"update", "delete"} & {*parts}:
        yield TARGET.substitute(names)
    for part, statement in statements.items():
        if part in parts:
            yield statement.substitute(names)
    if "columns" in parts:
        yield PROJECTION
    yield CLASS.substitute(names)
    if "columns" in parts:
        yield "    projection: ClassVar[Projection] = derived(_projection)\n"
    if "filters" in parts:
        yield "    filter_sql = FILTERS\n"
    methods = {
        "get": GET_METHOD,
        "create": CREATE_METHOD,
        "update": UPDATE_METHOD,
        "delete": DELETE_METHOD,
    }
    for part, method in methods.items():
        if part in parts:
            yield method.substitute(names)


def _imports(parts: list[str]) -> Iterator[str]:
    """Yield each import once: those of the engine after those of Python."""
    lines = "".join(IMPORTS.get(part, "") for part in ("always", *parts)).split("\n")
    modules: dict[str, set[str]] = {}
    for module, _, names in (line.removeprefix("from ").partition(" import ") for line in lines):
        if module:
            modules.setdefault(module, set()).update(names.split(", "))
    for is_engine in (False, True):
        for module in sorted(modules):
            if module.startswith("sluice") == is_engine:
                imported = sorted(modules[module], key=lambda name: (not name.isupper(), name))
                yield f"from {module} import {', '.join(imported)}"
        yield ""


def _filters(ejected: Ejected) -> str:
    """Return the items of FILTERS."""
    return "\n".join(f"{_filter(name, each)}," for name, each in ejected.filters.items())


def _filter(name: str, declared: Filter) -> str:
    more = {
        "false_condition": declared.false_condition,
        "single_value_condition": declared.single_value_condition,
    }
    options = [constant(option, sql).strip() for option, sql in more.items() if sql]
    condition = constant("condition", declared.condition).partition(" = ")[2].strip()
    if not options:
        return f"{name!r}: {condition}"
    given = ", ".join([condition, *(option.replace(" = ", "=", 1) for option in options)])
    return f"{name!r}: FilterSql({given})"


def _names(ejected: Ejected) -> dict[str, str]:
    """Return what the templates have: SQL and words of the resource."""
    resource, projection = ejected.resource, ejected.repository.projection
    alias, table = projection.alias, projection.table
    row, unchanged = embedded(aliased(table, alias)), ejected.repository.unchanged
    keys = list(zip(projection.key_columns, PARAMETERS, strict=False))
    deleted_at = embedded(deleted_at_of(resource))
    delete = f"UPDATE {row} SET {deleted_at} = now() FROM" if deleted_at else f"DELETE FROM {row}"
    return {
        "name": ejected.class_name,
        "file": ejected.found.path.name,
        "rows": words(resource.name),
        "one": a_row(resource),
        "does": "Reads and writes" if resource.writes else "Reads",
        "alias": alias,
        "table": embedded(table),
        "row": row,
        "source": embedded(projection.source),
        "created": embedded(projection.source_with({alias: alias})),
        "changed": embedded(projection.source_with({alias: "changed"})),
        "is_row": embedded(projection.key_condition),
        "is_target": embedded(" AND ".join(f"{column} = t.{name}" for column, name in keys)),
        "keys": embedded_list((f"{column} AS {name}" for column, name in keys), 12),
        "unchanged": constant("UNCHANGED", f"{unchanged} = {alias}.{unchanged}").strip(),
        "returned": embedded_list(ejected.returned(), 12),
        "returned_of_row": embedded_list((f"{alias}.{c}" for c in ejected.returned()), 12),
        "delete": delete if deleted_at else f"{delete} USING",
    }
