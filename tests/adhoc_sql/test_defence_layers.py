"""Every layer stops something with those before it off, and nothing is changed even where only the role is left."""

import os
import re
from pathlib import Path

import pytest

from sluice import runtime
from tests.adhoc_sql import defence_layers
from tests.adhoc_sql.attacks import ATTACKS
from tests.adhoc_sql.conftest import AnalystsShop

DECISION = Path(__file__).parents[2] / "docs/decisions/0009-analytics-sql.md"


def test_without_the_parser_nothing_is_written(shop: AnalystsShop) -> None:
    before = shop.digest()
    analyst = runtime.current().adhoc_sql

    through = [
        attack
        for kind in ("writes", "several statements")
        for attack in ATTACKS[kind]
        if not defence_layers.run_stops(attack, analyst)
    ]

    # These write nothing that lasts: a transaction's number, a line in the log of what was done; and, in PostgreSQL 15
    # and older, a large object, which is undone.
    assert all(re.search("txid_current|xact_id|logical_emit|lo_", attack) for attack in through), (
        through
    )
    assert shop.digest() == before


def test_without_the_parser_the_plan_shows_what_would_be_read(shop: AnalystsShop) -> None:
    """A catalogue may be read by everybody, and is seen before it is."""
    analyst = runtime.current().adhoc_sql

    assert [a for a in ATTACKS["catalogues"] if not defence_layers.plan_stops(a, analyst)] == []


def test_a_role_that_may_write_may_still_change_nothing(shop: AnalystsShop) -> None:
    before = shop.digest()
    for attack in ATTACKS["writes"]:
        defence_layers.role_stops(attack, runtime.current().adhoc_sql)

    assert shop.digest() == before


def measured(attacks: list[str]) -> list[int]:
    """How many of them there are, and how many each layer stops; at last, those that the parser alone does."""
    analyst = runtime.current().adhoc_sql
    plan = [defence_layers.plan_stops(attack, analyst) for attack in attacks]
    run = [defence_layers.run_stops(attack, analyst) for attack in attacks]
    role = [defence_layers.role_stops(attack, analyst) for attack in attacks]
    through = sum(1 for before, after in zip(plan, run, strict=True) if not before and not after)
    return [
        len(attacks),
        sum(map(defence_layers.parser_stops, attacks)),
        sum(plan),
        sum(run),
        sum(role),
        through,
    ]


def told() -> dict[str, list[int]]:
    rows = re.findall(r"^\| ([a-z ]+?) \| (\d[\d |]*)\|$", DECISION.read_text(), re.MULTILINE)
    return {kind: [int(number) for number in numbers.split("|")] for kind, numbers in rows}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ATTACKS)
def test_what_each_layer_stops_is_what_the_decision_says(kind: str, shop: AnalystsShop) -> None:
    """On the embedded server, but for a few that a slow machine stops by the timeout, and a fast one does not."""
    before = shop.digest()

    found = measured(ATTACKS[kind])

    assert found[:2] == told()[kind][:2]
    if "SLUICE_TEST_BINDIR" not in os.environ:  # other majors plan, and charge, otherwise
        assert found == pytest.approx(told()[kind], abs=4), (
            f"| {kind} | {' | '.join(map(str, found))} |"
        )
    assert shop.digest() == before


def test_the_decision_tells_of_every_kind() -> None:
    assert {kind: numbers[0] for kind, numbers in told().items()} == {
        k: len(a) for k, a in ATTACKS.items()
    }
