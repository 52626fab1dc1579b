"""The plan: what `adopt` would write, as plain data. plan_text.py prints it; --json returns it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from catalog.adopt.budget import GroupBudget
from catalog.draft import Draft, DraftDecision, DraftResource, Refusal
from catalog.expression import source
from sluice.http.paths import collection_path, row_path, to_openapi
from sluice.resource import Resource, Via

COLLECTION_METHODS = {"create": "POST"}
ROW_METHODS = {"replace": "PUT", "update": "PATCH", "delete": "DELETE"}


class PlannedRoute(NamedTuple):
    """The methods of a path."""

    methods: tuple[str, ...]
    path: str


class Addition(NamedTuple):
    """A line that a person adds to an existing file: a new table references its table."""

    file: str
    attribute: str
    line: str


@dataclass(frozen=True, kw_only=True)
class PlannedResource:
    """A resource, as a person decides about it.

    file: where its declaration is, or would be.
    exists: whether that file exists already. Then it stays as it is.
    filters: the parameters of its lists.
    references: the rows that its foreign keys reference. lists: those below each row.
    left_out: the columns that are not served, with the reason of each.
    tenant: the column of the tenant, how a row has one, or that all tenants share the rows.
    """

    name: str
    table: str
    file: str
    exists: bool
    group: str
    routes: tuple[PlannedRoute, ...]
    key: tuple[str, ...]
    fields: tuple[str, ...]
    filters: tuple[str, ...]
    sorts: tuple[str, ...]
    references: tuple[str, ...]
    lists: tuple[str, ...]
    left_out: Mapping[str, str]
    tenant: str
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What `adopt` would write, and what a person may decide otherwise.

    database: its address without a password. server: the version.
    junctions: the tables that are relations of others, and no resources.
    tables_refused: the tables that are neither.
    functions: the functions of the database that are not served.
    budgets: by the argument GROUP.
    """

    application: str
    folder: str
    database: str
    server: str
    group: str
    search_path: tuple[str, ...]
    resources: tuple[PlannedResource, ...]
    junctions: tuple[str, ...]
    tables_refused: tuple[str, ...]
    decisions: tuple[DraftDecision, ...]
    refusals: tuple[Refusal, ...]
    functions: tuple[Refusal, ...]
    additions: tuple[Addition, ...]
    budgets: Mapping[str, GroupBudget]

    @property
    def new(self) -> list[PlannedResource]:
        """The resources that have no declaration yet."""
        return [each for each in self.resources if not each.exists]

    def as_json(self) -> dict[str, Any]:
        """Return the plan as a JSON object."""
        rows = ("decisions", "refusals", "functions", "additions")
        resources = [
            asdict(each) | {"routes": [route._asdict() for route in each.routes]}
            for each in self.resources
        ]
        budgets = {name: budget._asdict() for name, budget in self.budgets.items()}
        return asdict(self) | {
            "resources": resources,
            "budgets": budgets,
            **{name: [each._asdict() for each in getattr(self, name)] for name in rows},
        }


def planned(draft: DraftResource, file: str, resources: Mapping[str, Resource]) -> PlannedResource:
    """Return what a person decides about. `resources` are those of all drafts, by name."""
    resource = resources[draft.name]
    return PlannedResource(
        name=resource.name,
        table=resource.table,
        file=file,
        exists=draft.is_known,
        group=resource.group,
        routes=tuple(_routes(resource, resources)),
        key=tuple(key.name for key in resource.keys),
        fields=tuple(each.name for each in resource.fields),
        filters=tuple(name for each in resource.all_fields for name in each.filters()),
        sorts=tuple(each.name for each in resource.all_fields if each.sort),
        references=tuple(
            f"{one.name} ({', '.join(one.foreign_key)} → {one.resource})" for one in resource.refs
        ),
        lists=tuple(_lists(resource)),
        left_out={} if draft.is_known else dict(_left_out(draft)),
        tenant=_tenant(resource),
        notes=tuple(draft.notes),
    )


def additions(
    draft: Draft, known: Iterable[Resource], files: Mapping[str, str]
) -> Iterator[Addition]:
    """Yield the lists of new resources that existing declarations could have.

    files: the file of each known resource, by its name.
    """
    declared = {resource.table: resource for resource in known}
    new = {each.name for each in draft.resources if not each.is_known}
    for each in draft.resources:
        resource = declared.get(str(each.table))
        if resource is None:
            continue
        names = {relation.name for relation in resource.relations}
        for member in each.relations:
            expression = member.expression
            if expression is None or member.column in names:
                continue
            if expression.options.get("resource") in new:
                yield Addition(files[resource.name], "relations", f"{source(expression)},")


def _routes(resource: Resource, resources: Mapping[str, Resource]) -> Iterator[PlannedRoute]:
    collection, row = collection_path(resource), to_openapi(row_path(resource))
    for path, methods in ((collection, COLLECTION_METHODS), (row, ROW_METHODS)):
        written = (method for write, method in methods.items() if write in resource.writes)
        yield PlannedRoute(("GET", *written), path)
    for many in resource.lists:
        below = f"{row}/{many.name}"
        if many.rest:
            yield PlannedRoute(("GET",), below)
        if many.rest and many.through and many.writes:
            other = resources.get(many.resource)
            key = "/".join(f"{{{key.name}}}" for key in other.keys) if other else "{key}"
            yield PlannedRoute(("PUT", "DELETE"), f"{below}/{key}")
    for function in resource.functions:
        yield PlannedRoute(("GET" if function.stable else "POST",), f"{row}/{function.name}")


def _lists(resource: Resource) -> Iterator[str]:
    for many in resource.lists:
        through = f" through {many.through}" if many.through else ""
        yield f"{many.name} ({many.resource} by {', '.join(many.columns)}{through})"


def _tenant(resource: Resource) -> str:
    if isinstance(resource.tenant, Via):
        column = resource.tenant.column
        (other,) = (one.resource for one in resource.refs if tuple(one.foreign_key) == (column,))
        return f"that of {other} by {column}"
    return resource.tenant


def _left_out(draft: DraftResource) -> Iterator[tuple[str, str]]:
    for member in (*draft.key, *draft.fields):
        if member.expression is None:
            yield member.column, member.comment
