"""Whatever the owner of a database made the default of its sessions, every answer is the same."""

from collections.abc import Mapping

import pytest

from sluice.db.session_settings import SESSION
from tests.sessions.conftest import Expected, Owner
from tests.sessions.hostile import HOSTILE
from tests.sessions.tour import tour, walk

DATES = {"DateStyle": "'SQL, DMY'", "TimeZone": "'Asia/Kolkata'"}
SETTINGS: Mapping[str, Mapping[str, str]] = {
    "SQL_ASCII": {"client_encoding": "'SQL_ASCII'"},
    "LATIN1": {"client_encoding": "'LATIN1'"},
    "dates": DATES,
    "all": HOSTILE,
}
WAYS = ("direct", "pgbouncer")


def at_startup(settings: Mapping[str, str]) -> dict[str, str]:
    """Those that any role may set with its startup message, on every major."""
    return {
        name: value
        for name, value in settings.items()
        if SESSION[name].since == 14 and not SESSION[name].needs_grant
    }


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=list(SETTINGS))
def test_no_default_of_the_database_changes_an_answer(
    owner: Owner, expected: Expected, way: str, settings: Mapping[str, str]
) -> None:
    with owner.depot(way, at_startup(settings) if way == "direct" else settings) as depot:
        answers = tour(depot)

    assert {asked: text for asked, text in answers.items() if text != expected.answers[asked]} == {}


@pytest.mark.parametrize("way", WAYS)
def test_a_cursor_outlives_a_change_of_the_settings(
    owner: Owner, expected: Expected, way: str
) -> None:
    with owner.shop(way, DATES) as shop:
        rests = {
            target: walk(shop, second) for target, second in expected.second_pages.items() if second
        }

    for target, rest in rests.items():
        assert expected.answers[target].split("\n", 1)[1] == rest
