"""A snapshot of the function (SnapStart) has the modules that resolvers import late."""

import sys

import pytest

from sluice.graph import handler
from sluice.graph.part import current_part


def test_snapshot_imports_the_modules_of_resolvers(monkeypatch: pytest.MonkeyPatch) -> None:
    modules = current_part().preload
    for module in modules:
        monkeypatch.delitem(sys.modules, module, raising=False)

    handler._preload()

    assert {"shop.ordering", "shop.reports"} <= {*modules} <= sys.modules.keys()
