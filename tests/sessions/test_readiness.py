"""/health/ready names each pinned setting that a session does not have."""

import pytest

from sluice.db.session_settings import SESSION
from tests.fixtures.shop import Shop
from tests.sessions.conftest import Owner
from tests.sessions.hostile import HOSTILE


def found(shop: Shop) -> dict[str, dict[str, str]]:
    response = shop.get("/health/ready")
    assert response.json["status"] in ("ready", 503)
    return {deviation["setting"]: deviation for deviation in response.json["database"]["settings"]}


def test_without_settings_of_its_own_a_role_deviates_in_its_limits_alone(owner: Owner) -> None:
    with owner.shop("direct", {}) as shop:
        response = shop.get("/health/ready")

        assert (response.status, response.json["status"]) == (200, "ready")
        assert found(shop)["statement_timeout"] == {
            "setting": "statement_timeout", "wanted": "14s", "found": "0", "changes": "limit",
        }  # fmt: skip
        assert {deviation["changes"] for deviation in found(shop).values()} == {"limit"}


@pytest.mark.parametrize("way", ["direct", "pgbouncer"])
def test_triggers_that_do_not_run_are_not_ready(owner: Owner, way: str) -> None:
    with owner.shop(way, {}) as shop:
        name = shop.sql("SELECT current_database()")[0][0]
        shop.sql(
            f"ALTER ROLE sluice_app IN DATABASE {name} SET session_replication_role = 'replica'"
        )
        response = shop.get("/health/ready")

        assert (response.status, response.code) == (503, "wrong_settings")
        assert int(response.headers["Retry-After"]) > 0
        assert found(shop)["session_replication_role"]["found"] == "replica"


@pytest.mark.parametrize(
    "setting", [name for name, setting in SESSION.items() if setting.changes == "answers"]
)
def test_behind_a_pooler_each_setting_that_changes_answers_shows(
    owner: Owner, setting: str
) -> None:
    """But for those that the pooler sets, and those that its server lacks."""
    with owner.shop("pgbouncer", {}) as shop:
        name = shop.sql("SELECT current_database()")[0][0]
        known = shop.sql("SELECT 1 FROM pg_settings WHERE name = :name", name=setting)
        if known:
            shop.sql(f"ALTER ROLE sluice_app IN DATABASE {name} SET {setting} = {HOSTILE[setting]}")
        response = shop.get("/health/ready")

        expected = 200 if SESSION[setting].poolers or not known else 503
        assert response.status == expected, response.text
