"""`make key TENANT=…` stores a tenant in its one spelling, and refuses what is none."""

from argparse import Namespace
from typing import Any

import pytest

from scripts.api_keys import ApiKeyError, create
from tests.engine.tenants.tables import ONE


class KeyTable:
    """Keeps the items that are put into it."""

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []

    def put_item(self, Item: dict[str, Any], ConditionExpression: str) -> None:
        self.items.append(Item)


def options(*tenants: str) -> Namespace:
    scopes = ["imports:read"]  # of each application
    return Namespace(client="new", scopes=scopes, tier="default", days=0, tenant=[*tenants])


def test_tenant_of_a_new_key_has_one_spelling(capsys: pytest.CaptureFixture[str]) -> None:
    table = KeyTable()
    spelled = ONE.replace("0000-4000", "00AB-4000")
    create(table, options(spelled, spelled.lower(), ONE))
    (item,) = table.items
    assert item["tenants"] == {spelled.lower(), ONE}
    assert capsys.readouterr().out.startswith("sluice_")


@pytest.mark.parametrize("tenant", ["7", "acme", f"{{{ONE}}}", " "])
def test_key_of_an_impossible_tenant_is_not_made(tenant: str) -> None:
    table = KeyTable()
    with pytest.raises(ApiKeyError, match="tenant"):
        create(table, options(ONE, tenant))
    assert table.items == []
