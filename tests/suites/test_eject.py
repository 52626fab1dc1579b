"""`make eject`: the code of each resource sends the statements and has the routes as before."""

from types import ModuleType
from typing import Any

import pytest

from scripts.derive.scan import scan
from scripts.eject import routes_text, sql_text
from scripts.eject.parts import Ejected
from scripts.sql import Calls, Cursors, StatementRecorder, raw
from sluice import application, request_context
from sluice.http.resource_routes import resource_api
from sluice.http.route import RouteSpec
from sluice.sql.resource_repository import ResourceRepository
from tests.fixtures.resources import RESOURCES

BY_NAME = {each.resource.name: each for each in scan(application.current_name()).resources}
NAMES = [name for name in RESOURCES if BY_NAME[name].repository.__base__ is ResourceRepository]
DERIVED_ROUTES = [name for name in NAMES if not BY_NAME[name].routes]


def module_of(source: str, **names: object) -> dict[str, Any]:
    """Run the source of a module that already has these names."""
    module = ModuleType("ejected")
    vars(module).update(names)
    exec(compile(source, "ejected", "exec"), vars(module))  # noqa: S102 - our own source
    return vars(module)


def statements(repository: type[ResourceRepository]) -> set[str]:
    recorder, cursors = StatementRecorder(), Cursors()
    with request_context.begin(60) as request:
        request.tenant = "1"  # cursors are of a tenant
        Calls(recorder, cursors, repository(recorder, cursors)).all()  # type: ignore[arg-type]
    return {raw(*each) for each in recorder.statements}


@pytest.mark.parametrize("name", NAMES)
def test_ejected_sql_is_what_was_derived(name: str) -> None:
    ejected = Ejected(BY_NAME[name])
    declared = ejected.repository
    base = module_of(sql_text.text(ejected))[ejected.class_name]
    source = BY_NAME[name].path.read_text()
    head = f"class {declared.__name__}("
    source = source.replace(f"{head}ResourceRepository)", f"{head}EjectedBase)")

    changed = module_of(source, EjectedBase=base)[declared.__name__]

    assert issubclass(changed, base)
    assert statements(changed) == statements(declared)


@pytest.mark.parametrize("name", DERIVED_ROUTES)
def test_ejected_routes_are_what_was_derived(name: str) -> None:
    ejected = Ejected(BY_NAME[name])

    api = module_of(routes_text.text(ejected))["api"]

    assert sorted(map(shown, api.routes)) == sorted(
        map(shown, resource_api(ejected.repository).routes)
    )


def shown(route: RouteSpec) -> tuple[object, ...]:
    """Return what clients see of a route, but for its schemas."""
    fields = tuple(route.path_fields.items())
    flags = (route.idempotent, route.stale_if_error, route.is_conditional)
    return (route.path, route.method, route.name, route.text, route.scope, str(fields), flags)
