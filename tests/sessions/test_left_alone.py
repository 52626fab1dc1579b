"""Every setting that a session may have is pinned, or is listed with the reason why it may be anything."""

from typing import Any

import pytest

from sluice.db.session_settings import ANALYST, APP, SESSION
from tests.sessions.conftest import Expected, Owner
from tests.sessions.hostile import HOSTILE
from tests.sessions.left_alone import NAMES, NOT_TRIED_NAMES
from tests.sessions.tour import tour

PINNED = {**SESSION, **APP, **ANALYST}
SETTABLE = """
    SELECT name, vartype, boot_val, min_val, max_val, enumvals, unit FROM pg_settings
    WHERE context IN ('user', 'superuser') ORDER BY name
"""


@pytest.fixture(scope="module")
def settable(owner: Owner) -> list[list[Any]]:
    """Every setting that ALTER DATABASE or ALTER ROLE can give a session."""
    with owner.shop("direct", {}) as shop:
        return shop.sql(SETTABLE)


def test_every_setting_is_pinned_or_has_a_reason_not_to_be(settable: list[list[Any]]) -> None:
    names = {name for name, *_ in settable}

    assert sorted(names - PINNED.keys() - NAMES.keys()) == []
    assert sorted(PINNED.keys() & NAMES.keys()) == []


def test_a_pinned_setting_is_there_from_the_major_that_the_table_says(
    settable: list[list[Any]], owner: Owner
) -> None:
    names, major = {name for name, *_ in settable}, owner.major
    expected = {name for name, setting in PINNED.items() if setting.since <= major}

    assert {name for name in PINNED if name in names} == expected


def test_there_is_a_hostile_value_for_each_pinned_setting() -> None:
    assert HOSTILE.keys() == SESSION.keys()


@pytest.mark.parametrize("extreme", ["least", "most"])
def test_what_is_left_alone_changes_no_answer(
    owner: Owner, expected: Expected, settable: list[list[Any]], extreme: str
) -> None:
    chosen = {
        setting[0]: value
        for setting in settable
        if setting[0] not in PINNED and setting[0] not in NOT_TRIED_NAMES
        for value in [extreme_value(extreme, *setting[1:])]
        if value is not None
    }
    with owner.depot("direct", chosen) as depot:
        answers = tour(depot)

    assert len(chosen) > 80
    assert {asked: text for asked, text in answers.items() if text != expected.answers[asked]} == {}


def extreme_value(
    extreme: str,
    kind: str,
    boot: str,
    least: str | None,
    most: str | None,
    values: list[str] | None,
    unit: str | None,
) -> str | None:
    """As an SQL literal; None where it has no other value."""
    if kind == "bool":
        return "on" if boot == "off" else "off"
    if kind == "enum" and values:
        others = [value for value in values if value != boot]
        return f"'{others[0 if extreme == 'least' else -1]}'" if others else None
    if kind in ("integer", "real"):
        return f"'{least if extreme == 'least' else most}'"
    return None
