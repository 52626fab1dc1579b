"""Each place of the tenant in a statement is needed: without it, a response or a row changes.

`make mutate-tenants` runs it. Two studios send requests. One that only reads is sent again for each
place of the tenant in its statements, which then lack it. For a place in a statement that writes,
the requests are sent again from the first rows. It prints the places that nothing needs.

So it is with the policies, if the statements have no tenant: without one of them, rows leak.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from sluice import application, runtime
from sluice.imports.derived import import_resource
from tests.fixtures.rewritten_sql import (
    TenantPlace,
    places,
    rewrite_statements,
    without,
    without_all,
)
from tests.fixtures.studio import OTHER_STUDIO, STUDIO
from tests.fixtures.tenant_requests import TenantRequest
from tests.fixtures.tenant_rows import TABLES
from tests.fixtures.two_tenants import REQUESTS, Batch, Leak, Sent, Studios, check

COUNT = int(os.environ.get("SLUICE_TENANT_REQUESTS", "4000"))
JOB = "j.tenant = :owner"  # the condition of import jobs
TRIES = 6  # batches in which a place is removed, if the first ones do not need it


@dataclass
class Recorded:
    """The requests of a batch with the places of their statements, and the rows at its end."""

    both: Studios
    seed: str
    caught: set[TenantPlace]  # in this batch or before
    sent: list[tuple[Sent, frozenset[TenantPlace]]] = field(default_factory=list)
    seen: set[TenantPlace] = field(default_factory=set)

    def run(self) -> None:
        """Run the batch, and try the places of what only reads."""
        self._note_places()
        Batch(self.both, self.seed, watch=self._watch).run()
        self.rows = rows_of(self.both)

    @property
    def places(self) -> set[TenantPlace]:
        return {place for _, each in self.sent for place in each}

    def needs(self, place: TenantPlace) -> bool:
        """Return whether a response or a row changes if all statements lack the place.

        What only reads, and does not have the place, is not sent.
        """
        rewrite_statements(self.both.built, without(place))
        self.both.database.fill()
        return any(self._differences(place)) or rows_of(self.both) != self.rows

    def _differences(self, place: TenantPlace) -> Iterator[bool]:
        for sent, found in self.sent:
            if place in found or not reads(sent):
                yield self.both.send(sent.request, sent.credentials) != sent.outcome

    def _watch(self, sent: Sent) -> None:
        found = frozenset(self.seen)
        self.sent.append((sent, found))
        for place in found - self.caught if reads(sent) else ():
            rewrite_statements(self.both.built, without(place))
            if self.both.send(sent.request, sent.credentials) != sent.outcome:
                self.caught.add(place)
        self._note_places()

    def _note_places(self) -> None:
        self.seen.clear()
        rewrite_statements(self.both.built, self._note)

    def _note(self, sql: str) -> str:
        self.seen.update(place for place, _ in places(sql))
        return sql


def reads(sent: Sent) -> bool:
    """Return whether a request changes nothing."""
    return isinstance(sent.request, TenantRequest) and sent.request.only_reads


def places_of_imports() -> Iterator[TenantPlace]:
    """Yield the places of the statements with which the import worker reads and writes rows."""
    app = application.current()
    for name in app.imports:
        resource = import_resource(app.load("imports", name))
        write = resource.statement(tuple(resource.fields), tuple(resource.fields))
        for sql in (*resource.references.values(), resource.taken, write):
            yield from (place for place, _ in places(sql))


def is_among(place: TenantPlace, every: set[TenantPlace]) -> bool:
    """Return whether a place is among others, of which more text before may be known."""
    return any(
        each.text == place.text and each.before.endswith(place.before.strip()) for each in every
    )


def rows_of(studios: Studios) -> tuple[dict[str, str], ...]:
    return tuple(studios.database.rows_of(each) for each in (STUDIO, OTHER_STUDIO))


@pytest.mark.slow
@pytest.mark.skipif("SLUICE_MUTATE" not in os.environ, reason="run by make mutate-tenants")
def test_each_place_of_the_tenant_is_needed(make_studios: Callable[..., Studios]) -> None:
    both = make_studios(STUDIO, OTHER_STUDIO, policies=False)
    runtime.set_current(both.built)
    caught: set[TenantPlace] = set()
    recorded = [Recorded(both, f"m{n}", caught) for n in range(-(-COUNT // REQUESTS))]
    for each in recorded:
        each.run()
    every = {place for each in recorded for place in each.places}
    assert {place for place in places_of_imports() if not is_among(place, every)} == set()
    assert any(place.text == JOB for place in every)

    survivors = []
    for place in sorted(every - caught):
        batches = [each for each in recorded if place in each.places]
        if not any(each.needs(place) for each in batches[:TRIES]):
            survivors.append(place)
            print("survives:", " ¦ ".join(place), flush=True)  # noqa: T201
    print(f"{len(every)} places, {len(survivors)} survive")  # noqa: T201
    assert survivors == []


# Statements reach these rows only through an order, whose own policy hides it. test_policies.py has
# plain SQL that needs them.
BELOW_ORDERS = ("order_items", "notes", "order_labels")
OPENED = {  # what opens a table or a view to all tenants
    **{
        table: f"ALTER POLICY sluice_tenant ON studio.{table} USING (true) WITH CHECK (true)"
        for table in TABLES
        if table not in BELOW_ORDERS
    },
    "open_orders": "ALTER VIEW studio.open_orders RESET (security_invoker)",
}


@pytest.mark.slow
@pytest.mark.skipif("SLUICE_MUTATE" not in os.environ, reason="run by make mutate-tenants")
@pytest.mark.parametrize("table", OPENED)
def test_each_policy_is_needed(make_studios: Callable[..., Studios], table: str) -> None:
    both = make_studios(STUDIO, OTHER_STUDIO)
    alone = make_studios(STUDIO, policies=False)
    rewrite_statements(both.built, without_all)
    both.client.sql(OPENED[table])

    with pytest.raises(Leak):
        send_batches(both, alone, table)


def send_batches(both: Studios, alone: Studios, table: str) -> None:
    for n in range(TRIES):
        runtime.set_current(both.built)
        batch = Batch(both, f"{table}.{n}")
        batch.run()
        check(batch, alone)
