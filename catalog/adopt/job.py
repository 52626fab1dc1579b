"""One run of `adopt`: what is there, what the catalogue says, and what would be written."""

import datetime
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from catalog import adopted, classify, source
from catalog.adopt import application_file
from catalog.adopt.budget import budget_of
from catalog.adopt.ddl import Proposal, proposals
from catalog.adopt.plan import Addition, Plan, additions, planned
from catalog.adopt.write import LAYER, ROOT
from catalog.adopted import Adoption
from catalog.draft import AdoptRequest, Draft, DraftResource
from catalog.errors import AdoptError
from catalog.expression import source as source_of
from catalog.snapshot import Snapshot
from scripts.derive.scan import Found, scan
from sluice import application
from sluice.application import ApplicationError
from sluice.kinds.field import DeclarationError
from sluice.resource import Resource

DEFAULT_PATH = ("public",)


@dataclass(frozen=True, kw_only=True)
class AdoptJob:
    """One run of `adopt`.

    request: without the known resources, which are read from the application's files.
    database: the address without a password.
    """

    snapshot: Snapshot
    request: AdoptRequest
    database: str
    today: str = field(default_factory=lambda: f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}")

    @cached_property
    def found(self) -> Found | None:
        """The application as it is, or None for a new one."""
        name = self.request.app
        if name in application.installed():
            return _scanned(name)
        application_file.require_free(name, LAYER)
        return None

    @property
    def folder(self) -> Path:
        """The folder of the application."""
        return self.found.folder if self.found else LAYER / self.request.app

    @cached_property
    def known(self) -> list[Resource]:
        """The resources that the application declares."""
        return [each.resource for each in self.found.resources] if self.found else []

    @cached_property
    def draft(self) -> Draft:
        """All resources. Raise AdoptError if no table has the name of TABLES."""
        request = replace(self.request, known=self.known, tenant=self._tenant())
        draft = classify.draft(self.snapshot, request)
        is_found = any(each.subject in self.snapshot.tables_by_name for each in draft.refusals)
        if not draft.resources and not is_found:
            raise AdoptError(
                f"no table or view is named {' or '.join(self.request.tables)}; "
                f"the schemas are {', '.join(self.snapshot.schemas)}"
            )
        return draft

    @cached_property
    def resources(self) -> dict[str, Resource]:
        """The resource of each draft by its name, as it is declared or would be."""
        declared = {resource.name: resource for resource in self.known}
        return {
            each.name: declared.get(each.name) or each.resource() for each in self.draft.resources
        }

    @cached_property
    def new(self) -> list[DraftResource]:
        """The resources without a declaration. Raise AdoptError if the file of one exists."""
        new = [each for each in self.draft.resources if not each.is_known]
        for each in new:
            path = self.path(each)
            if path.exists():
                raise AdoptError(
                    f"{shown(path)} exists, and does not declare {each.table}: "
                    "rename the file, or declare the table in it"
                )
        return new

    def path(self, draft: DraftResource) -> Path:
        """Return the file of a resource."""
        found = self.found.named(draft.name) if self.found and draft.is_known else None
        return found.path if found else self.folder / f"{draft.module}.py"

    def plan(self) -> Plan:
        """Return the plan."""
        files = {each.name: shown(self.path(each)) for each in self.draft.resources}
        resources = [
            planned(each, files[each.name], self.resources) for each in self.draft.resources
        ]
        served = {each.table for each in resources}
        links = {many.through for each in self.resources.values() for many in each.lists}
        schemas = {each.table.schema for each in self.draft.resources}
        refused = [each.subject for each in self.draft.refusals]
        return Plan(
            application=self.request.app,
            folder=shown(self.folder),
            database=self.database,
            server=str(self.snapshot.version // 10_000),
            group=self.request.group,
            search_path=self.draft.search_path,
            resources=tuple(resources),
            junctions=tuple(sorted(links - {""} - served)),
            tables_refused=tuple(name for name in refused if name in self.snapshot.tables_by_name),
            decisions=tuple(each for one in self.draft.resources for each in one.decisions),
            refusals=tuple(self.draft.refusals),
            functions=tuple(self.draft.functions_not_served),
            additions=(*self._search_path(), *additions(self.draft, self.known, files)),
            budgets={"schema": budget_of(len(schemas)), "resource": budget_of(len(resources))},
        )

    def files(self) -> dict[Path, str]:
        """Return the new files, each with its text before `ruff format`."""
        files = {}
        if self.found is None:
            text = application_file.text(self.request.app, self.today, self.draft.search_path)
            files[self.folder / "application.py"] = text
        for each in self.new:
            files[self.path(each)] = source.text(each, origin(each, self.today))
        return files

    def _tenant(self) -> str:
        """Return the column of TENANT, or else of the last adoption with tenants.

        Raise AdoptError if the application has tenants, and neither says it.
        """
        if self.request.tenant or not any(each.has_tenant for each in self.known):
            return self.request.tenant
        recorded = [each.tenant for each in adopted.read(self.folder).adoptions if each.tenant]
        if not recorded:
            name = self.request.app
            raise AdoptError(f"{name} has tenants: set TENANT=…, and SHARED=… for shared tables")
        return recorded[-1]

    def _search_path(self) -> Iterator[Addition]:
        """Yield the search_path that an existing application needs and does not say."""
        wanted = self.draft.search_path
        if self.found and not {*wanted} <= {*(self.found.app.search_path or DEFAULT_PATH)}:
            file = shown(self.folder / "application.py")
            yield Addition(file, "APPLICATION", f"search_path={source_of(wanted)},")

    def proposals(self) -> list[Proposal]:
        """Return the statements that WITH_DDL=1 proposes."""
        return [*proposals(self.snapshot, [*self.resources.values()], self.draft.refusals)]

    def adoption(self) -> Adoption:
        """Return what is kept of the new resources for a later merge."""
        return self.adoption_of({str(each.table): each.name for each in self.new}, self.today)

    def adoption_of(self, resources: dict[str, str], date: str) -> Adoption:
        """Return what is kept of resources, which are named by their tables."""
        return Adoption(
            on=date,
            resources=resources,
            tables=list(self.request.tables),
            view_keys={view: list(key) for view, key in self.request.view_keys.items()},
            group=self.request.group,
            snapshot=self.snapshot,
            tenant=self._tenant(),
            tenant_columns=dict(self.request.tenant_columns),
            shared=list(self.request.shared),
        )


def _scanned(app: str) -> Found:
    """Return what an application declares. Raise AdoptError if it cannot be imported."""
    try:
        return scan(app)
    except (ApplicationError, DeclarationError):
        raise
    except Exception as error:  # whatever the owner's code raises
        lines = traceback.format_exception_only(error)
        raise AdoptError(f"the application {app} cannot be imported:\n{''.join(lines)}") from error


def origin(draft: DraftResource, date: str) -> str:
    """Return where a declaration is from, for its docstring."""
    return f"Adopted from {draft.table} on {date}; yours to change."


def shown(path: Path) -> str:
    """Return a path as a person writes it in the repository."""
    return str(path.relative_to(ROOT))
