"""`make eject` of a resource with a tenant: its statements have the predicate as before."""

from types import ModuleType
from typing import Any

import pytest

from scripts.derive.scan import scan
from scripts.eject import sql_text
from scripts.eject.parts import Ejected
from scripts.sql import Calls, Cursors, StatementRecorder, raw
from tests.engine.tenants.lodge_client import tenant
from tests.engine.tenants.tables import ONE


def statements(repository: type[Any]) -> set[str]:
    recorder, cursors = StatementRecorder(), Cursors()
    with tenant(ONE):
        Calls(recorder, cursors, repository(recorder, cursors)).all()
    return {raw(*each) for each in recorder.statements}


@pytest.mark.parametrize("name", ["stays", "tags", "answers"])
def test_ejected_sql_is_what_was_derived(name: str) -> None:
    found = scan("lodge").named(name)
    assert found is not None
    ejected = Ejected(found)
    module = ModuleType("ejected")
    exec(compile(sql_text.text(ejected), "ejected", "exec"), vars(module))  # noqa: S102 - ours

    base = vars(module)[ejected.class_name]
    changed = type("Changed", (base,), {"resource": ejected.resource})

    assert statements(changed) == statements(ejected.repository)
    assert {"get", "delete"} <= {*ejected.parts()}
