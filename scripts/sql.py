"""Print the SQL statements of a resource: those that every repository and every import has.

    python -m scripts.sql users              # make sql RESOURCE=users
    python -m scripts.sql users --raw        # one line each, sorted: to compare two versions

Methods that only one repository has are not called. No database is needed: each statement is
answered with the same row.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from scripts import broken_pipe
from scripts.sql_relations import call_relations
from sluice import application, request_context
from sluice.imports.derived import import_resource
from sluice.imports.resource import ImportResource
from sluice.imports.staged_rows import ImportRowRepository
from sluice.kinds.field import DeclarationError, Field
from sluice.query import Query
from sluice.sql.idempotency import IdempotencyKey
from sluice.sql.keyset import unique_sort
from sluice.sql.list_spec import Filter, ListQuery, ListSpec
from sluice.sql.page_cursor import Position
from sluice.sql.precondition import NO_PRECONDITION, Precondition
from sluice.sql.resource_repository import ResourceRepository
from sluice.tenants import TENANT_PARAMETER

NEW_LINE = re.compile(
    r"'(?:[^']|'')*'|[()]|\b(?:WITH|SELECT|(?<!DISTINCT )FROM|(?:LEFT |CROSS )?JOIN|WHERE|ORDER BY"
    r"|LIMIT|OFFSET|UNION ALL|INSERT INTO|VALUES|ON CONFLICT|(?<!DO |OR )UPDATE|(?<!UPDATE )SET"
    r"|DELETE FROM|RETURNING)\b"
)
REQUEST_SECONDS = 60
ANSWER = SimpleNamespace(
    json="{}",
    etag="1",
    id=1,
    found=1,
    first_key='["1"]',
    last_key='["1"]',
    has_before=True,
    has_more=False,
    total=1,
    n=1,
    rows=1,
    trusted=True,
    line=1,
    item="{}",
    matches=True,
)


@dataclass
class StatementRecorder:
    """Keeps each statement with the call that sent it. Each is answered with `items`."""

    label: str = ""
    items: str = '{"id":1,"$":["1"]}'
    statements: list[tuple[str, Query]] = field(default_factory=list)

    def read(self, query: Query) -> Sequence[Any]:
        self.statements.append((self.label, query))
        return [SimpleNamespace(**vars(ANSWER), items=self.items)]

    write = read

    def copy(self, sql: str, data: bytes) -> None:
        self.statements.append((self.label, Query(sql)))

    def commit(self) -> None:
        """Keep no statement: the caller of a repository commits."""


class Cursors:
    """A signer whose only cursor is the position `position`."""

    position = Position(())

    def sign(self, position: Position, context: str) -> str:
        return "cursor"

    def verify(self, cursor: str, context: str, parameter: str = "cursor") -> Position:
        return self.position


@dataclass(frozen=True)
class Calls:
    """Calls the methods of one repository."""

    recorder: StatementRecorder
    cursors: Cursors
    repository: Any

    def all(self) -> None:
        """Call every method that the repository has in common with others."""
        spec = self.repository.list_spec
        for label, query in _queries(spec):
            self.recorder.label = f"page: {label}"
            self.repository.page(query)
            self._pages_from_cursors(f"page: {label}", spec, query)
        self.recorder.label = "get_by_id"
        self.repository.get_by_id((1,))
        if hasattr(self.repository, "graphql_list_spec"):
            self._connections(self.repository.graphql_list_spec)
        if hasattr(self.repository, "delete"):
            self._writes()

    def _pages_from_cursors(self, label: str, spec: ListSpec, query: ListQuery) -> None:
        end = len(unique_sort(spec, query.sort))
        for backward in (False, True):
            self.recorder.label = f"{label}, {'before' if backward else 'after'} a cursor"
            self.cursors.position = Position(("key",) * end, backward=backward)
            start = ListQuery(sort=query.sort, filters=query.filters, cursor="cursor")
            self.repository.page(start)

    def _connections(self, spec: ListSpec) -> None:
        for label, query in _queries(spec):
            self.recorder.label = f"connection: {label}"
            self.repository.connection(query)
        for name, columns in spec.parents.items():
            self.recorder.label = f"connections_by_parent: {name}"
            keys = [tuple(n for _ in columns) for n in (1, 2)]
            self.repository.connections_by_parent(keys, ListQuery(), name)

    def _writes(self) -> None:
        fields = self.repository.list_spec.projection.fields
        inserts = " ".join(self._sql_by_name("inserts").values())
        names = dict.fromkeys(re.findall(r"(?<!:):(\w+)", inserts))
        names.pop(TENANT_PARAMETER, None)
        values = {name: _example(fields[name].field) if name in fields else 1 for name in names}
        creates = {"": None, " with a key": IdempotencyKey(b"key", b"print")} if inserts else {}
        for label, key in creates.items():
            self.recorder.label = f"create{label}"
            self.repository.create(values, key)
        for name in self._sql_by_name("assignments"):
            self.recorder.label = f"update: {name}"
            self.repository.update((1,), {name: values.get(name, 1)})
        conditions = {"": NO_PRECONDITION, " with If-Match": Precondition(if_match=["1"])}
        for label, precondition in conditions.items():
            self.recorder.label = f"update: nothing{label}"
            self.repository.update((1,), {}, precondition)
            self.recorder.label = f"delete{label}"
            self.repository.delete((1,), precondition)

    def _sql_by_name(self, attribute: str) -> Mapping[str, str]:
        """Return an attribute of the class; nothing if methods by hand write the rows instead."""
        try:
            sql: Mapping[str, str] = getattr(self.repository, attribute)
        except DeclarationError:
            return {}
        return sql


def _queries(spec: ListSpec) -> Iterator[tuple[str, ListQuery]]:
    """Yield lists with a label: each sort, each filter, and all filters together."""
    yield "default", ListQuery()
    yield "a total and an offset", ListQuery(offset=40, include_total=True)
    for name in spec.sorts:
        yield f"sort={name}", ListQuery(sort=((name, False),))
        yield f"sort=-{name}", ListQuery(sort=((name, True),))
    for name, declared in spec.filters.items():
        for value in _values(declared):
            yield f"{name}={json.dumps(value)}", ListQuery(filters={name: value})
    every = {name: _values(declared)[-1] for name, declared in spec.filters.items()}
    yield "all filters", ListQuery(filters=every)


def _values(declared: Filter) -> list[object]:
    if declared.false_condition:
        return [True, False]
    return [["a"], ["a", "b"]] if declared.single_value_condition else ["a"]


def _example(field: Field) -> object:
    """Return the example of a field as a repository gets it."""
    return field.read(field.example, "")


def call_import(recorder: StatementRecorder, resource: ImportResource) -> None:
    """Send the statements of an import: of a file with all columns, then with those required."""
    recorder.label = "import: the table of the rows"
    rows = ImportRowRepository(recorder, resource)
    names = list(resource.fields)
    for columns in dict.fromkeys((tuple(names), tuple(resource.required))):
        label = f"import of {', '.join(columns)}"
        recorder.label = f"{label}: the file as it is"
        rows.copy_file(columns, b"", 1)
        recorder.label = f"{label}: parsed rows"
        rows.copy_rows(columns, [])
        recorder.label = f"{label}: what they reference"
        rows.delete_unresolved(columns)
        recorder.label = f"{label}: write"
        rows.write(columns, columns, 1)


def statements_of(resource: str) -> list[tuple[str, Query]]:
    """Return each statement of a resource with its label. Raise KeyError for an unknown name."""
    app = application.current()
    recorder, cursors = StatementRecorder(), Cursors()
    kind = app.load("repositories", resource)
    if issubclass(kind, ResourceRepository):
        keys = {key.name: 1 for key in kind.resource.keys}
        recorder.items = json.dumps({"id": 1, "$": ["1"], **keys})
    with request_context.begin(REQUEST_SECONDS) as request:
        request.tenant = "1"  # cursors and imports are of a tenant
        Calls(recorder, cursors, kind(recorder, cursors)).all()
        if issubclass(kind, ResourceRepository):
            call_relations(recorder, cursors, kind)
        if resource in app.imports:
            call_import(recorder, import_resource(app.load("imports", resource)))
    return recorder.statements


def raw(label: str, query: Query) -> str:
    """Return a statement in one line, without the white space that does not count."""
    words = [label, *(["prepared"] if query.prepare else [])]
    before = [f"before: {_one_line(query.before.sql)}"] if query.before else []
    return " | ".join([*words, *before, _one_line(query.sql), _json(query.params)])


def laid_out(label: str, query: Query) -> str:
    """Return a statement with a line for each of its clauses, below a comment."""
    before = f"{_indented(query.before.sql)};\n" if query.before else ""
    prepared = " (prepared)" if query.prepare else ""
    return f"-- {label}{prepared}\n{before}{_indented(query.sql)};\n"


def _indented(sql: str) -> str:
    depth = 0

    def place(match: re.Match[str]) -> str:
        nonlocal depth
        word = match[0]
        depth += {"(": 1, ")": -1}.get(word, 0)
        starts_line = word[0].isalpha() and match.start() > 0
        return f"\n{'    ' * depth}{word}" if starts_line else word

    laid = NEW_LINE.sub(place, _one_line(sql))
    return re.sub(r" +\n", "\n", laid)


def _one_line(sql: str) -> str:
    return re.sub(r"(?<=\() | (?=[),])", "", re.sub(r"\s+", " ", sql)).strip()


def _json(params: Mapping[str, object]) -> str:
    return json.dumps(dict(params), sort_keys=True, default=repr)


def main() -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n")[0])
    parser.add_argument("resource")
    parser.add_argument("--raw", action="store_true", help="one line each, sorted")
    options = parser.parse_args()
    name = options.resource
    known = application.current().repositories
    if name not in known:
        print(f"there is no resource {name!r}; there are: {', '.join(known)}", file=sys.stderr)
        return 1
    statements = statements_of(name)
    if options.raw:
        print("\n".join(sorted({raw(*each) for each in statements})))
    else:
        print("\n".join(laid_out(*each) for each in statements))
    return 0


if __name__ == "__main__":
    sys.exit(broken_pipe.run(main))
