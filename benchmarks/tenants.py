"""Compare a read without tenants, with the predicate, with row-level security, and with both.

    PYTHONPATH=.:layers/shared python -m benchmarks.tenants [--reads 3000] [--write]

One process has one connection for each pair of options, and the four take turns read by read. So a
busy machine disturbs them alike. `more` is the median of the differences to the read without
tenants in the same turn. CPU is that of this process and of PostgreSQL's backend. Linux only.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks import page
from benchmarks.database import connect
from benchmarks.report import header, row
from benchmarks.sizes import FULL
from local.postgres import PostgresServer
from sluice import request_context
from sluice.db.database import Database
from sluice.db.pools import make_pool
from sluice.query import Query
from sluice.settings import DatabaseSettings

TABLES = Path(__file__).with_name("tenants.sql")
TENANT = "00000000-0000-0000-0000-000000000007"
TENANTS = 100
COLUMNS = "d.id, d.tenant_id, d.body, d.version, d.created_at"
PREDICATE = "d.tenant_id = CAST(:tenant_ AS uuid)"
# A page of 20 begins at a row of the tenant. Without tenants it is a page of all rows.
STATEMENTS = {
    "one row": "SELECT {columns} FROM {table} d WHERE d.id = :id AND {predicate}",
    "list of 20": (
        "SELECT {columns} FROM {table} d WHERE d.id >= :id AND {predicate} ORDER BY d.id LIMIT 21"
    ),
}
WARM = 50


@dataclass
class Variant:
    """One way to read, with its samples: seconds of each read, and CPU seconds of all."""

    name: str
    table: str
    has_predicate: bool
    database: Database
    seconds: list[float] = field(default_factory=list)
    round_trips: int = 0

    def query(self, statement: str, id_: int) -> Query:
        predicate = PREDICATE if self.has_predicate else "true"
        sql = statement.format(columns=COLUMNS, table=self.table, predicate=predicate)
        params = {"id": id_} | ({"tenant_": TENANT} if self.has_predicate else {})
        return Query(sql, params, prepare=True)

    def read(self, statement: str, id_: int) -> None:
        query = self.query(statement, id_)
        with request_context.begin(60) as context:
            context.tenant = TENANT
            began = time.perf_counter()
            rows = self.database.read(query)
            self.seconds.append(time.perf_counter() - began)
            self.round_trips = context.database.round_trips
        assert rows, "the row is there"

    def backend_cpu(self) -> float:
        """Return the CPU seconds of the backend so far."""
        (found,) = self.database.read(Query("SELECT pg_backend_pid() AS pid"))
        return int(Path(f"/proc/{found.pid}/schedstat").read_text().split()[0]) / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tenants", description=__doc__)
    parser.add_argument("--reads", type=int, default=FULL.tenant_reads, help="reads of each kind")
    parser.add_argument("--write", action="store_true", help="write the section of results.md")
    options = parser.parse_args()
    lines, _ = measure(FULL.tenant_rows, options.reads)
    print("\n".join(lines))
    if options.write:
        page.write(page.RESULTS, {"tenants": lines})


def measure(rows: int, reads: int) -> tuple[list[str], dict[str, float]]:
    """Return the section of the page, and how many ms more `both` takes, by statement."""
    lines = [
        f"## Tenants ({TENANTS * rows:,} rows of {TENANTS} tenants, {reads:,} reads of each kind)",
        "",
        "Four ways to read the same row in turns, in one process (`benchmarks/tenants.sql`).",
        "`more` is the median of the differences to the read without tenants.",
    ]
    more: dict[str, float] = {}
    with tenants_server(rows) as url:
        for name, statement in STATEMENTS.items():
            measured = variants(url)
            for turn in range(WARM + reads):
                take_turn(measured, statement, turn, rows)
            seconds = [each.seconds[WARM:] for each in measured]
            cpu = cpu_of(measured, statement, reads, rows)
            lines += ["", *report(name, measured, seconds, cpu)]
            more[name] = 1000 * difference(seconds[0], seconds[-1])
            for variant in measured:
                variant.database.dispose()
    return lines, more


@contextmanager
def tenants_server(rows: int) -> Iterator[str]:
    """Run PostgreSQL with the tables while the block runs, and return the URL of a reader."""
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as home:
        Path(home).chmod(0o711)
        with PostgresServer(Path(home), durable=False) as server:
            with closing(connect(server.url())) as owner:
                owner.run(TABLES.read_text().replace("300000", str(TENANTS * rows)))
                owner.run("VACUUM ANALYZE")
            yield server.url("tenants_app", password="app")  # noqa: S106 - a temporary server


def variants(url: str) -> list[Variant]:
    def database(*, sets_tenant: bool) -> Database:
        settings = DatabaseSettings.from_url(url)
        return Database(make_pool(settings, "function", sets_tenant=sets_tenant))

    return [
        Variant("no tenants", "plain", False, database(sets_tenant=False)),
        Variant("predicate", "plain", True, database(sets_tenant=False)),
        Variant("row-level security", "locked", False, database(sets_tenant=True)),
        Variant("both", "locked", True, database(sets_tenant=True)),
    ]


def take_turn(measured: Sequence[Variant], statement: str, turn: int, rows: int) -> None:
    """Read the same row in each way, beginning with another one in each turn."""
    id_ = _row(turn, rows)
    for position in range(len(measured)):
        measured[(turn + position) % len(measured)].read(statement, id_)


def _row(turn: int, rows: int) -> int:
    """Return the id of a row of the tenant, after which it has more rows."""
    return 7 + TENANTS * (turn * 37 % (rows - 100))


def difference(base: Sequence[float], samples: Sequence[float]) -> float:
    """Return the median of the differences in one turn, in seconds."""
    return median(b - a for a, b in zip(base, samples, strict=True))


def report(
    name: str,
    measured: Sequence[Variant],
    seconds: Sequence[Sequence[float]],
    cpu: Sequence[tuple[float, float]],
) -> list[str]:
    """Return the table of medians, of the differences to the first variant, and of CPU time."""
    titles = ("p50, ms", "more, ms", "round trips", "CPU here, µs", "CPU of the backend, µs")
    lines = [*header(name, *titles)]
    for variant, samples, (here, there) in zip(measured, seconds, cpu, strict=True):
        more = 1000 * difference(seconds[0], samples)
        cells = (f"{1000 * median(samples):.3f}", f"{more:.3f}", f"{variant.round_trips}")
        lines.append(row(variant.name, *cells, f"{here:.0f}", f"{there:.0f}"))
    return lines


def cpu_of(
    measured: Sequence[Variant], statement: str, reads: int, rows: int
) -> list[tuple[float, float]]:
    """Return the CPU time of a read in µs, here and in the backend."""
    found = []
    for variant in measured:
        before, began = variant.backend_cpu(), time.process_time()
        for turn in range(reads):
            variant.read(statement, _row(turn, rows))
        here, there = time.process_time() - began, variant.backend_cpu() - before
        found.append((1e6 * here / reads, 1e6 * there / reads))
    return found


if __name__ == "__main__":
    main()
