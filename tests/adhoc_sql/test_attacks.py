"""Whatever is tried is refused as the caller's fault, changes and leaves nothing, and the next query works."""

from itertools import chain

import pytest

from sluice import runtime
from tests.adhoc_sql.attacks import ATTACKS
from tests.adhoc_sql.conftest import AnalystsShop

REFUSALS = ("validation_failed", "query_too_expensive")


def test_the_corpus_is_large_and_repeats_nothing() -> None:
    attacks = list(chain.from_iterable(ATTACKS.values()))

    assert len(attacks) == len(set(attacks)) >= 400


@pytest.mark.parametrize("kind", ATTACKS)
def test_an_attack_changes_reveals_and_blocks_nothing(kind: str, shop: AnalystsShop) -> None:
    before = shop.digest()
    wrong = []
    for attack in ATTACKS[kind]:
        response = shop.ask(attack)
        left, running = shop.digest(), shop.running()
        legal = shop.ask("select count(*) from orders")
        refused = response.status in (400, 422) and response.code in REFUSALS
        if (
            not refused
            or _names_the_server(response.text, attack)
            or running
            or left != before
            or legal.json.get("rows") != [[240]]
        ):
            wrong.append((attack[:200], response.text[:300], running, legal.text[:300]))

    assert wrong == []


def _names_the_server(told: str, attack: str) -> bool:
    """What a refusal says of tables and functions is the shop's, or in the caller's own words."""
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
    return any(word in told.lower() and word not in attack.lower() for word in words)


def test_nothing_is_left_of_a_session(shop: AnalystsShop) -> None:
    """Had somebody got so far as to set or to lock something, the next one would not find it."""
    analyst = runtime.current().adhoc_sql
    with analyst.begin(timeout=5.0) as transaction:
        transaction.run("SELECT set_config('work_mem', '9MB', false), pg_advisory_lock(7)")
    with analyst.begin(timeout=5.0) as transaction:
        assert transaction.run("SHOW work_mem").rows == (["8MB"],)
    assert shop.sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == [[0]]
