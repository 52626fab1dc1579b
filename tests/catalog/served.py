"""What is wrong with a draft as an application: the checks of `make derive`, and its statements."""

from collections.abc import Iterator
from pathlib import Path

from catalog.draft import Draft
from scripts.derive import graphql
from scripts.derive.checks import CHECKS
from scripts.derive.scan import Found, FoundResource, is_importable
from sluice.application import Application
from sluice.imports.derived import of_repository
from sluice.kinds.field import DeclarationError
from sluice.query import Executor
from sluice.sql.list_spec import ListQuery
from sluice.sql.page_cursor import CursorSigner
from sluice.sql.resource_repository import ResourceRepository


def found_of(draft: Draft, folder: Path) -> Found:
    """Return the draft as `make derive` finds an application."""
    resources = []
    for each in draft.resources:
        resource = each.resource()
        repository = type("Adopted", (ResourceRepository,), {"resource": resource})
        path = folder / f"{each.module}.py"
        resources.append(FoundResource(resource, path, f"{each.module}:X", 1, repository))
    app = Application(format=1, name=draft.app, functions_folder=f"functions/{draft.app}")
    return Found(app, folder, tuple(resources))


def problems(draft: Draft, folder: Path) -> Iterator[str]:
    """Yield what `make derive` would refuse."""
    found = found_of(draft, folder)
    for check in CHECKS:
        for each, _, message in check(found):
            yield f"{each.resource.name}: {message}"
    try:
        graphql.derived_schema(found)
    except DeclarationError as error:
        yield str(error)
    by_name = {each.resource.name: each.resource for each in found.resources}
    for each in found.resources:
        if is_importable(each):
            of_repository(each.repository, by_name.__getitem__)


def read_everything(draft: Draft, folder: Path, executor: Executor) -> None:
    """Read the first page of each list in each order, and below a row that does not exist."""
    found = found_of(draft, folder)
    for each in found.resources:
        repository = each.repository(executor, CursorSigner(b"x" * 16))
        for sort in each.repository.list_spec.sorts:
            repository.page(ListQuery(sort=((sort, True),)))
