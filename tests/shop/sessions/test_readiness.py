"""/health/ready names each pinned setting with another value."""

import pytest

from sluice.db.session_settings import PINNED_SETTINGS
from tests.fixtures.matrix import one_of_each
from tests.fixtures.shop import Shop
from tests.shop.sessions.conftest import DatabaseOwner
from tests.shop.sessions.hostile_values import HOSTILE


def deviations_by_setting(shop: Shop) -> dict[str, dict[str, str]]:
    response = shop.get("/health/ready")
    assert response.json["status"] in ("ready", 503)
    return {deviation["setting"]: deviation for deviation in response.json["database"]["settings"]}


def test_role_without_settings_deviates_in_limits(owner: DatabaseOwner) -> None:
    with owner.shop("direct", {}) as shop:
        response = shop.get("/health/ready")

        assert (response.status, response.json["status"]) == (200, "ready")
        assert deviations_by_setting(shop)["statement_timeout"] == {
            "setting": "statement_timeout", "expected": "14s", "actual": "0", "affects": "limit",
        }  # fmt: skip
        affected = {deviation["affects"] for deviation in deviations_by_setting(shop).values()}
        assert affected == {"limit"}


@pytest.mark.parametrize("access_path", ["direct", "pgbouncer"])
def test_disabled_triggers_are_not_ready(owner: DatabaseOwner, access_path: str) -> None:
    with owner.shop(access_path, {}) as shop:
        name = shop.sql("SELECT current_database()")[0][0]
        shop.sql(
            f"ALTER ROLE sluice_app IN DATABASE {name} SET session_replication_role = 'replica'"
        )
        response = shop.get("/health/ready")

        assert (response.status, response.code) == (503, "wrong_settings")
        assert int(response.headers["Retry-After"]) > 0
        assert deviations_by_setting(shop)["session_replication_role"]["actual"] == "replica"


@pytest.mark.parametrize(
    "setting",
    one_of_each(
        [(name,) for name, each in PINNED_SETTINGS.items() if each.affects == "results"],
        lambda name: (PINNED_SETTINGS[name].poolers, PINNED_SETTINGS[name].since),
    ),
)
def test_deviation_behind_a_pooler_is_not_ready(owner: DatabaseOwner, setting: str) -> None:
    """Except for settings that the pooler sets, or that the server does not have."""
    with owner.shop("pgbouncer", {}) as shop:
        name = shop.sql("SELECT current_database()")[0][0]
        known = shop.sql("SELECT 1 FROM pg_settings WHERE name = :name", name=setting)
        if known:
            shop.sql(f"ALTER ROLE sluice_app IN DATABASE {name} SET {setting} = {HOSTILE[setting]}")
        response = shop.get("/health/ready")

        expected = 200 if PINNED_SETTINGS[setting].poolers or not known else 503
        assert response.status == expected, response.text
