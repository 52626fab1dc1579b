"""Every attack is rejected, changes nothing, and the next query works."""

from itertools import chain

import pytest

from sluice import runtime
from tests.engine.adhoc_sql.attacks import ATTACKS
from tests.fixtures.adhoc_sql import AnalystClient

REJECTION_CODES = ("validation_failed", "query_too_expensive")


def test_attacks_are_many_and_unique() -> None:
    attacks = list(chain.from_iterable(ATTACKS.values()))

    assert len(attacks) == len(set(attacks)) >= 400


@pytest.mark.parametrize("kind", ATTACKS)
def test_attack_changes_reveals_and_blocks_nothing(kind: str, analyst: AnalystClient) -> None:
    before = analyst.digest()
    wrong = []
    for attack in ATTACKS[kind]:
        response = analyst.query(attack)
        left, running = analyst.digest(), analyst.active_sessions()
        legal = analyst.query("select count(*) from orders")
        rejected = response.status in (400, 422) and response.code in REJECTION_CODES
        if (
            not rejected
            or _reveals_internals(response.text, attack)
            or running
            or left != before
            or legal.json.get("rows") != [[240]]
        ):
            wrong.append((attack[:200], response.text[:300], running, legal.text[:300]))

    assert wrong == []


def _reveals_internals(response: str, attack: str) -> bool:
    """Return whether a response has internal names that the attack does not have."""
    words = (
        "pg_",
        "sqlstate",
        "traceback",
        "pgparse",
        "sval",
        "%rows",
        "idempotency_keys",
        "public.",
        "sluice_",
    )
    return any(word in response.lower() and word not in attack.lower() for word in words)


def test_session_state_is_discarded(analyst: AnalystClient) -> None:
    """Settings and advisory locks of one query are gone in the next one."""
    service = runtime.current().adhoc_sql.on_primary()
    with service.begin(timeout=5.0) as transaction:
        transaction.run("SELECT set_config('work_mem', '9MB', false), pg_advisory_lock(7)")
    with service.begin(timeout=5.0) as transaction:
        assert transaction.run("SHOW work_mem").rows == (["8MB"],)
    assert analyst.sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == [[0]]
