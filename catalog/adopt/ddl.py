"""Statements that would serve more, or faster, for a person to review. Sluice never runs them.

The owner of the tables has a migration tool, so they are plain SQL: indexes, a version column for
ETags, and the privileges of Sluice's role.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from catalog.adopt.row_security_ddl import protection
from catalog.draft import Refusal
from catalog.indexes import Missing, missing
from catalog.snapshot import Snapshot, TableSnapshot
from scripts.derive import registry
from sluice.migrations import grants
from sluice.resource import DIGEST, Resource
from sluice.sql.identifiers import qualified, quoted
from sluice.sql.resource_repository import ResourceRepository

NAME = "proposed.sql"
HEAD = """\
-- Statements that `make adopt` proposes for the application {app}. Review them, and run those that
-- you want with your migration tool: Sluice never runs them. CREATE INDEX CONCURRENTLY blocks no
-- write, and cannot run in a transaction.
"""
PLACEHOLDER = "…"
VERSION = "version"
TRIGGER = "sluice_touch"
GIN_EXTENSION = "btree_gin"
GIN_REASON = "a GIN index can then begin with the column of the tenant"
GIN_OF_TENANTS = re.compile(r" USING gin \(\S+, ")
FUNCTION = """\
CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW IS DISTINCT FROM OLD THEN
        NEW.version := OLD.version + 1;
    END IF;
    RETURN NEW;
END $$"""
FUNCTION_REASON = """\
{schema}: a column that counts the changes of a row makes the ETag without a digest of the row. Of
each table below that gets it, change the declaration: etag="version", and as the last field
Integer("version", read_only=True)."""
COLUMN = """\
ALTER TABLE {table} ADD COLUMN version integer NOT NULL DEFAULT 1;
CREATE TRIGGER sluice_touch BEFORE UPDATE ON {table}
FOR EACH ROW EXECUTE FUNCTION {function}()"""


class Proposal(NamedTuple):
    """A statement, and why it is proposed."""

    reason: str
    statement: str


def text(app: str, proposals: Iterable[Proposal]) -> str:
    """Return the content of the file."""
    statements = (
        _commented(each.reason) + _runnable(each.statement.rstrip().removesuffix(";") + ";")
        for each in proposals
    )
    return "\n".join((HEAD.format(app=app), *statements))


def _runnable(statement: str) -> str:
    """Return a statement, as a comment if a person must fill it in."""
    return _commented(statement) if PLACEHOLDER in statement else f"{statement}\n"


def _commented(text: str) -> str:
    return "".join(f"-- {line}\n" for line in text.splitlines())


def proposals(
    snapshot: Snapshot, resources: Sequence[Resource], refusals: Sequence[Refusal]
) -> Iterator[Proposal]:
    """Yield the statements: what serves more, then what serves faster, then the privileges."""
    found = [*_for_refusals(refusals), *_indexes(snapshot, resources)]
    needs_extension = any(GIN_OF_TENANTS.search(each.statement) for each in found)
    if needs_extension and GIN_EXTENSION not in snapshot.extensions:
        yield Proposal(GIN_REASON, f"CREATE EXTENSION IF NOT EXISTS {GIN_EXTENSION}")
    seen: set[str] = set()
    for each in found:
        if each.statement not in seen:
            seen.add(each.statement)
            yield each
    yield from _versions(snapshot, resources)
    yield from (Proposal(*each) for each in protection(snapshot, resources))
    yield from _grants(resources)


def _for_refusals(refusals: Iterable[Refusal]) -> Iterator[Proposal]:
    for each in refusals:
        if each.is_ddl:
            yield Proposal(f"{each.subject} is not served: {each.reason}", each.remedy)


def _indexes(snapshot: Snapshot, resources: Iterable[Resource]) -> Iterator[Proposal]:
    """Yield the best index of each list, grouped by the index: one can answer several lists."""
    reasons: dict[str, list[Missing]] = {}
    for each in missing(map(_repository, resources), snapshot.tables_by_name, best=True):
        reasons.setdefault(each.ddl, []).append(each)
    for statement, lists in reasons.items():
        what = ", ".join(f"{each.resource}: {each.what}" for each in lists)
        yield Proposal(f"{what}: a page then reads its own rows only", statement)


def _repository(resource: Resource) -> type[ResourceRepository]:
    return type(f"{resource.name}_draft", (ResourceRepository,), {"resource": resource})


def _versions(snapshot: Snapshot, resources: Iterable[Resource]) -> Iterator[Proposal]:
    """Yield the version column and its trigger for each table whose ETag is a digest."""
    schemas = set()
    for resource in resources:
        table = snapshot.tables_by_name.get(resource.table)
        if table is None or not _can_have_version(resource, table):
            continue
        function = f"{quoted(table.schema)}.{TRIGGER}"
        if table.schema not in schemas:
            schemas.add(table.schema)
            reason = FUNCTION_REASON.format(schema=table.schema)
            yield Proposal(reason, FUNCTION.format(function=function))
        statement = COLUMN.format(table=qualified(resource.table), function=function)
        yield Proposal(f"{resource.name}: counts the changes of each row", statement)


def _can_have_version(resource: Resource, table: TableSnapshot) -> bool:
    is_changed = bool({"replace", "update"} & {*resource.writes})
    has_trigger = any(trigger.name == TRIGGER for trigger in table.triggers)
    is_new = VERSION not in table.by_name and not has_trigger
    return is_changed and is_new and resource.etag == DIGEST and table.kind in ("r", "p")


def _grants(resources: Sequence[Resource]) -> Iterator[Proposal]:
    """Yield the privileges, as `make migrate` would grant them."""
    of_tables = grants.of_tables(registry.privileges(resources))
    functions = [each.function for resource in resources for each in resource.functions]
    for grant in dict.fromkeys((*of_tables, *grants.of_functions(functions))):
        statement, _ = grant.statements()
        yield Proposal("`make migrate` grants it, too", statement)
