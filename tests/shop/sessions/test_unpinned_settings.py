"""Every session setting is pinned, or is listed with the reason why it needs no value."""

from typing import Any

import pytest

from sluice.db.session_settings import ANALYST, APP, PINNED_SETTINGS
from tests.shop.sessions.api_tour import tour
from tests.shop.sessions.conftest import DatabaseOwner, ExpectedResponses
from tests.shop.sessions.hostile_values import HOSTILE
from tests.shop.sessions.unpinned_settings import UNPINNED_REASONS, UNTESTED_NAMES

PINNED = {**PINNED_SETTINGS, **APP, **ANALYST}
SETTABLE = """
    SELECT name, vartype, boot_val, min_val, max_val, enumvals, unit FROM pg_settings
    WHERE context IN ('user', 'superuser') ORDER BY name
"""


@pytest.fixture(scope="module")
def settable(owner: DatabaseOwner) -> list[list[Any]]:
    """The rows of all settings that ALTER DATABASE or ALTER ROLE can set."""
    with owner.shop("direct", {}) as shop:
        return shop.sql(SETTABLE)


def test_every_setting_is_pinned_or_has_a_reason(settable: list[list[Any]]) -> None:
    names = {name for name, *_ in settable}

    assert sorted(names - PINNED.keys() - UNPINNED_REASONS.keys()) == []
    assert sorted(PINNED.keys() & UNPINNED_REASONS.keys()) == []


def test_pinned_settings_exist_since_their_version(
    settable: list[list[Any]], owner: DatabaseOwner
) -> None:
    names, major = {name for name, *_ in settable}, owner.major
    expected = {name for name, setting in PINNED.items() if setting.since <= major}

    assert {name for name in PINNED if name in names} == expected


def test_each_pinned_setting_has_a_hostile_value() -> None:
    assert HOSTILE.keys() == PINNED_SETTINGS.keys()


@pytest.mark.parametrize("bound", ["minimum", "maximum"])
def test_unpinned_settings_change_no_response(
    owner: DatabaseOwner, expected: ExpectedResponses, settable: list[list[Any]], bound: str
) -> None:
    chosen = {
        setting[0]: value
        for setting in settable
        if setting[0] not in PINNED and setting[0] not in UNTESTED_NAMES
        for value in [bound_value(bound, *setting[1:])]
        if value is not None
    }
    with owner.harness("direct", chosen) as harness:
        responses = tour(harness)

    assert len(chosen) > 80
    assert expected.differences(responses) == {}


def bound_value(
    bound: str,
    kind: str,
    default: str,
    minimum: str | None,
    maximum: str | None,
    values: list[str] | None,
    unit: str | None,
) -> str | None:
    """Return an extreme value as an SQL literal, or None if the setting has no other value."""
    if kind == "bool":
        return "on" if default == "off" else "off"
    if kind == "enum" and values:
        others = [value for value in values if value != default]
        return f"'{others[0 if bound == 'minimum' else -1]}'" if others else None
    if kind in ("integer", "real"):
        return f"'{minimum if bound == 'minimum' else maximum}'"
    return None
