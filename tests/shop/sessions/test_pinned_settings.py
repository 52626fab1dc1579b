"""Responses do not depend on the default settings of the database."""

from collections.abc import Mapping

import pytest

from sluice.db.session_settings import PINNED_SETTINGS
from tests.shop.sessions.api_tour import read_all_pages, tour
from tests.shop.sessions.conftest import DatabaseOwner, ExpectedResponses
from tests.shop.sessions.hostile_values import HOSTILE

DATES = {"DateStyle": "'SQL, DMY'", "TimeZone": "'Asia/Kolkata'"}
SETTINGS: Mapping[str, Mapping[str, str]] = {
    "SQL_ASCII": {"client_encoding": "'SQL_ASCII'"},
    "LATIN1": {"client_encoding": "'LATIN1'"},
    "dates": DATES,
    "all": HOSTILE,
}
ACCESS_PATHS = ("direct", "pgbouncer")


def startup_parameters(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that any role may set at startup in every major version."""
    return {
        name: value
        for name, value in settings.items()
        if PINNED_SETTINGS[name].since == 14 and not PINNED_SETTINGS[name].needs_grant
    }


@pytest.mark.parametrize("access_path", ACCESS_PATHS)
@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(each, id=name, marks=[] if name == "all" else [pytest.mark.slow])
        for name, each in SETTINGS.items()
    ],
)
def test_database_defaults_change_no_response(
    owner: DatabaseOwner, expected: ExpectedResponses, access_path: str, settings: Mapping[str, str]
) -> None:
    defaults = startup_parameters(settings) if access_path == "direct" else settings
    with owner.harness(access_path, defaults) as harness:
        responses = tour(harness)

    assert expected.differences(responses) == {}


@pytest.mark.parametrize("access_path", ACCESS_PATHS)
def test_cursor_survives_changed_settings(
    owner: DatabaseOwner, expected: ExpectedResponses, access_path: str
) -> None:
    with owner.shop(access_path, DATES) as shop:
        later_pages = {
            target: read_all_pages(shop, second)
            for target, second in expected.second_pages.items()
            if second
        }

    for target, pages in later_pages.items():
        assert expected.responses[target].split("\n", 1)[1] == pages
