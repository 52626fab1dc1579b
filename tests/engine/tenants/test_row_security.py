"""Each of the two locks alone separates tenants: the predicate, and row-level security.

The same requests are sent with both locks and with one. Statuses, bodies and stored rows are equal.
"""

import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import text

from sluice import runtime
from sluice.db.pools import make_pool
from sluice.readiness import readiness
from sluice.tenant_errors import RlsMissing
from tests.engine.tenants.callers import VERIFIED_BY_GATEWAY, Caller, with_claim
from tests.engine.tenants.lodge_client import Lodge, tenant
from tests.engine.tenants.policies import CONDITIONS, POLICIES, WithoutPredicate
from tests.engine.tenants.tables import ONE, ROWS, TWO

GUEST = {"email": "new@x", "name": "New"}
# The rows of a table, without times.
STORED = r"""
    SELECT regexp_replace(CAST(t AS text), '"\d{{4}}-[^"]+"', 'time') AS stored
    FROM lodge.{table} t ORDER BY stored
"""
# Requests of the first house, whose ids are odd. Those of the other house are even.
REQUESTS: tuple[tuple[str, str, Any], ...] = (
    *(
        ("GET", target, None)
        for name in ("guests", "stays", "tags", "remarks", "answers", "houses", "nights")
        for target in (name, f"{name}?include_total=true&limit=1")
    ),
    *(("GET", f"{name}/{n}", None) for name in ("guests", "stays", "tags") for n in (1, 2, 9)),
    *(("GET", f"remarks/{n}/answers", None) for n in (1, 2)),
    *(("GET", f"nights/{n}/1", None) for n in (1, 2)),
    *(("GET", f"houses/{house}", None) for house in (ONE, TWO)),
    ("GET", "guests?search=ada", None),
    ("GET", "guests?email=ada@x", None),
    ("GET", "guests?sort=name:desc&offset=1", None),
    ("GET", "guests?expand=host,home", None),
    ("GET", "guests/3?expand=host,home", None),
    ("GET", "stays?guest_id=1,2&expand=guest", None),
    *(
        ("GET", f"{path}/{n}/{below}", None)
        for n in (1, 2)
        for path, below in (
            ("guests", "stays"),
            ("guests", "countries"),
            ("stays", "nights"),
            ("stays", "tags"),
            ("stays", "length"),
            ("stays", "others"),
            ("stays", "foreign"),
        )
    ),
    ("GET", "countries/pt/guests", None),
    *(("PATCH", f"guests/{n}", {"name": "Changed"}) for n in (1, 2)),
    *(("PATCH", f"guests/{n}", {"host_id": 2}) for n in (1, 3)),
    ("PATCH", "guests/3", {"host_id": 9}),
    ("PATCH", f"houses/{TWO}", {"name": "taken"}),
    ("POST", "guests", GUEST),
    ("POST", "guests", {**GUEST, "email": "ada@x"}),
    *(("POST", "guests", {**GUEST, "email": f"{n}@x", "host_id": n}) for n in (1, 2, 6, 9)),
    *(("POST", "stays", {"guest_id": n}) for n in (1, 2, 9)),
    ("POST", "stays", {"guest_id": 1, "voucher": "v2"}),
    *(("POST", "nights", {"stay_id": n, "nr": 1, "price": 5}) for n in (1, 2, 3, 4, 9)),
    *(("POST", "remarks", {"stay_id": n, "place": 1, "text": "x"}) for n in (1, 2, 3, 9)),
    *(("POST", "answers", {"remark_id": n, "text": "x"}) for n in (1, 2, 9)),
    *(("PUT", f"stays/1/tags/{n}", {"weight": 1}) for n in (1, 2, 3, 9)),
    *(("PUT", f"stays/2/tags/{n}", {"weight": 1}) for n in (1, 2)),
    *(("DELETE", f"stays/{n}/tags/{n}", None) for n in (2, 1)),
    *(("PUT", f"guests/{n}/countries/de", {}) for n in (1, 2)),
    *(("DELETE", f"guests/{n}/countries/pt", None) for n in (2, 1)),
    *(("POST", f"stays/{n}/{name}", {}) for name in ("close", "empty", "steal") for n in (1, 2)),
    *(("DELETE", f"nights/{n}/2", None) for n in (2, 1)),
    *(("DELETE", f"guests/{n}", None) for n in (2, 1)),
    ("GET", "guests", None),
)


@pytest.fixture(scope="module")
def policies(lodge_database: Lodge) -> None:
    lodge_database.owner.run(POLICIES)


@pytest.fixture
def locked(lodge: Lodge, policies: None) -> Iterator[Lodge]:
    """The client of lodge, with a runtime whose database has both locks."""
    built = runtime.build(settings(lodge)._replace(rls=True))
    runtime.set_current(built)
    yield dataclasses.replace(lodge, runtime=built)
    built.database.dispose()


def settings(lodge: Lodge) -> Any:
    tiers = {"default": (100_000, 60)}
    return lodge.runtime.settings._replace(jwt=VERIFIED_BY_GATEWAY, rate_tiers=tiers)


def outcome(lodge: Lodge) -> list[Any]:
    """Send the requests, and return each with its response, then the stored rows."""
    lodge.owner.run(ROWS)
    client = Caller(claims={**(with_claim(ONE).claims or {}), "sub": "of these tests"})
    responses = []
    for method, target, body in REQUESTS:
        response = client.call(method, target, body)
        found = response.json if response.text else None
        if isinstance(found, dict):
            found.pop("request_id", None)
        responses.append((method, target, body, response.status, found))
    return responses + [(name, lodge.sql(STORED.format(table=name))) for name in CONDITIONS]


def differences(found: list[Any], expected: list[Any]) -> list[str]:
    pairs = zip(found, expected, strict=True)
    return [f"{one}\n\n{other}" for one, other in pairs if one != other]


def without_predicate(lodge: Lodge) -> WithoutPredicate:
    """Install a runtime whose statements have no predicate. Return its database."""
    changed = settings(lodge)._replace(rls=True)
    options: dict[str, Any] = {"sets_tenant": True, "names": runtime.error_names}
    database = WithoutPredicate(make_pool(changed.database, "function", **options))
    runtime.set_current(runtime.Runtime(changed, database))
    return database


@contextmanager
def without_policies(lodge: Lodge) -> Iterator[None]:
    def alter(what: str) -> None:
        tables = (f"ALTER TABLE lodge.{table} {what}" for table in CONDITIONS)
        lodge.owner.run(";".join(tables))

    alter("DISABLE ROW LEVEL SECURITY")
    yield
    alter("ENABLE ROW LEVEL SECURITY")


def test_row_security_alone_gives_the_same_responses(locked: Lodge) -> None:
    expected = outcome(locked)
    database = without_predicate(locked)
    found = outcome(locked)
    database.dispose()

    assert database.removed > len(REQUESTS), "the predicate was there, and is not any more"
    assert differences(found, expected) == []


def test_predicate_alone_gives_the_same_responses(locked: Lodge, lodge: Lodge) -> None:
    expected = outcome(locked)
    with without_policies(lodge):
        runtime.set_current(runtime.Runtime(settings(lodge), lodge.runtime.database))
        found = outcome(lodge)

    assert differences(found, expected) == []


def test_responses_differ_without_both_locks(locked: Lodge) -> None:
    """The requests reach rows of the other house if nothing separates them."""
    expected = outcome(locked)
    with without_policies(locked):
        database = without_predicate(locked)
        found = outcome(locked)
    database.dispose()

    assert len(differences(found, expected)) > len(REQUESTS) / 3
    assert TWO in json.dumps(found)


def test_locked_request_takes_one_round_trip(locked: Lodge) -> None:
    for _ in range(3):
        with tenant(ONE) as context:
            locked.rows("guests")
            assert (context.database.round_trips, context.database.statements) == (1, 1)


def test_session_sees_its_tenant_without_a_predicate(locked: Lodge) -> None:
    with tenant(TWO), locked.runtime.unit_of_work() as work:
        ids = work.session.execute(text("SELECT id FROM lodge.stays ORDER BY id")).scalars().all()
    assert ids == [2, 4]


def test_readiness_lists_unprotected_tables(locked: Lodge) -> None:
    assert "rls" not in readiness(locked.runtime)["database"]  # type: ignore[operator]
    locked.owner.run("ALTER TABLE lodge.stay_tags NO FORCE ROW LEVEL SECURITY")
    with pytest.raises(RlsMissing) as caught:
        readiness(locked.runtime)
    locked.owner.run("ALTER TABLE lodge.stay_tags FORCE ROW LEVEL SECURITY")

    assert caught.value.code == "rls_missing"
    database: Any = caught.value.members["database"]
    assert database["rls"] == [
        {"table": "lodge.stay_tags", "reason": "row-level security is not forced"}
    ]


def test_readiness_lists_tables_that_hide_their_rows(lodge: Lodge, policies: None) -> None:
    """Without the setting `Rls`, no tenant is set, and functions see no row."""
    with pytest.raises(RlsMissing) as caught:
        readiness(lodge.runtime)
    database: Any = caught.value.members["database"]
    reason = (
        "the policy sluice_tenant hides all rows, because Rls is off and sluice.tenant is not set"
    )
    assert {"table": "lodge.stays", "reason": reason} in database["rls"]
    assert {each["reason"] for each in database["rls"]} == {reason}
