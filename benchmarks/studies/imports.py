"""Import a large file of products by the whole local system, and compare with COPY and a script.

    PYTHONPATH=.:layers/shared python -m benchmarks.studies.imports [--rows 1000000]

All of them run one after the other on the system's server, into empty tables with their indexes and
constraints. Sluice's time is from the job's start to its end; the upload is not included. A client
also measures the catalogue during an import.
"""

import argparse
import http.client
import random
import shutil
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import median, quantiles
from typing import IO, Any, cast
from urllib.parse import urlsplit

from benchmarks.database import connect
from benchmarks.report import header, machine, row
from scripts.load import ImportsClient, import_file
from sluice.migrations.runner import migrate_url
from testing.local_system import temporary_system

ROWS = 1_000_000
CONCURRENT_ROWS = 200_000
WORKER = "ImportWorkerFunction"
REQUEST_INTERVAL = 0.02  # seconds between two requests of the catalogue's client
IDLE_SECONDS = 15.0

BARE_TABLE = """
    CREATE UNLOGGED TABLE bare (
        name text, description text, price numeric(12, 2), category text, inventory integer
    )
"""
COPY = (
    "COPY {} (name, description, price, category, inventory) FROM STDIN WITH (FORMAT csv, HEADER)"
)
CONNECTIONS = """
    SELECT application_name, count(*) FROM pg_stat_activity WHERE usename = 'sluice_app' GROUP BY 1
"""
# A script without validation, rejects or resumption: everything in one transaction.
SCRIPT_STATEMENTS = (
    """
    CREATE TEMPORARY TABLE staging (
        name text, description text, price numeric(12, 2), category text, inventory integer
    ) ON COMMIT DROP
    """,
    COPY.format("staging"),
    "ANALYZE staging",
    """
    INSERT INTO products (name, description, price, category_id)
    SELECT s.name, s.description, s.price, c.id
    FROM staging s JOIN categories c ON c.slug = s.category
    ON CONFLICT (name) DO UPDATE SET
        description = excluded.description,
        price = excluded.price,
        category_id = excluded.category_id
    """,
    """
    INSERT INTO inventory (product_id, quantity)
    SELECT p.id, s.inventory FROM staging s JOIN products p USING (name)
    ON CONFLICT (product_id) DO UPDATE SET quantity = excluded.quantity
    """,
)


@dataclass
class CatalogueClient:
    """A client that lists products, one request after the other at a steady pace; `times` are in
    ms.
    """

    url: str
    times: list[float] = field(default_factory=list)
    errors: int = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        stop = threading.Event()
        client = threading.Thread(target=self._run, args=(stop,))
        client.start()
        try:
            yield
        finally:
            stop.set()
            client.join()

    def _run(self, stop: threading.Event) -> None:
        with closing(http.client.HTTPConnection(urlsplit(self.url).netloc)) as connection:
            while not stop.wait(REQUEST_INTERVAL):
                began = time.perf_counter()
                connection.request(
                    "GET", "/api/products?limit=20", headers={"X-API-Key": "local-admin"}
                )
                response = connection.getresponse()
                response.read()
                self.times.append((time.perf_counter() - began) * 1000)
                self.errors += response.status != 200

    @property
    def p99(self) -> float:
        return quantiles(self.times, n=100)[98]


@dataclass
class ConnectionMonitor:
    """Counts the server's connections by application name; `peak` is the maximum of each."""

    owner: str
    peak: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def running(self) -> Iterator["ConnectionMonitor"]:
        stop = threading.Event()
        watcher = threading.Thread(target=self._run, args=(stop,))
        watcher.start()
        try:
            yield self
        finally:
            stop.set()
            watcher.join()

    def _run(self, stop: threading.Event) -> None:
        with closing(connect(self.owner)) as connection:
            while not stop.wait(0.5):
                for name, number in connection.run(CONNECTIONS):
                    self.peak[name] = max(self.peak[name], number)


def write_file(path: Path, rows: int, *, first: int = 0) -> None:
    """Write a CSV file of products with descriptions; every third name is quoted."""
    rng = random.Random(rows)
    with path.open("w", encoding="utf-8") as file:
        file.write("name,description,price,category,inventory\n")
        for n in range(first, first + rows):
            name = f'"Mug {n}, large"' if n % 3 == 0 else f"Mug {n}"
            price = f"{rng.randrange(1, 100_000) / 100:.2f}"
            description = f"Of clay from pit {n * 7919 % 1_000_003}"
            category = "mugs" if n % 2 else "cups"
            file.write(f"{name},{description},{price},{category},{n % 500}\n")


def measure(
    rows: int, *, concurrent_rows: int = CONCURRENT_ROWS, idle: float = IDLE_SECONDS
) -> list[str]:
    """Run the imports and return the lines of the report."""
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder:
        file, other = Path(folder) / "products.csv", Path(folder) / "more.csv"
        write_file(file, rows)
        write_file(other, concurrent_rows, first=rows)
        with temporary_system() as system:
            local_json = system.start().local_json
            owner, api = (
                local_json["database_url"],
                ImportsClient(local_json["base_url"], "local-admin"),
            )
            with closing(connect(owner)) as connection:
                connection.run("CREATE DATABASE reference")
            reference = owner.rpartition("/")[0] + "/reference"
            migrate_url(reference, "shop")
            lines = list(_throughput(rows, file, owner, reference, api))
            return [
                *lines,
                *_catalogue_during_import(api, other, local_json["base_url"], owner, idle),
            ]


def _throughput(
    rows: int, file: Path, owner: str, reference: str, api: ImportsClient
) -> Iterator[str]:
    seconds: dict[str, float] = {}
    with closing(connect(reference)) as connection:
        connection.run(BARE_TABLE)
        way, copy = _plain_copy(reference, connection, file)
        seconds[f"{way} into a table of the file's columns, without an index"] = _timed(copy)
        connection.run("DROP TABLE bare")
        _categories(connection)
        seconds["a script: COPY into a staging table, two upserts, one transaction"] = script = (
            _timed(lambda: _script(connection, file))
        )
    with closing(connect(owner)) as connection:
        _categories(connection)
    job = import_file(api, file, "products", "csv")
    again = import_file(api, file, "products", "csv")
    with closing(connect(owner)) as connection:
        changed = connection.run("SELECT count(*) FROM products WHERE version > 1")[0][0]
    if (job["rows_written"], again["rows_written"], changed) != (rows, rows, 0):
        raise AssertionError(f"importing the same file again changed {changed} of {rows} rows")
    seconds["**Sluice**"] = _seconds(job)
    seconds["Sluice, the same file again: no row is written"] = _seconds(again)
    yield from (
        "",
        f"## Imports ({rows:,} products, {file.stat().st_size / 1e6:,.0f} MB of CSV)",
        "",
    )
    yield f"    PYTHONPATH=.:layers/shared python -m benchmarks.studies.imports --rows {rows}"
    yield ""
    yield "By the local system, on the server of `make run`. In brackets: times the script's speed."
    yield ""
    yield from header("", "seconds", "rows a second")
    for name, taken in seconds.items():
        yield row(name, f"{taken:.1f}", f"{rows / taken:,.0f} ({script / taken:.2f}x)")
    yield from ("", f"The worker's memory at its peak: {_peak_of_worker():.0f} MiB.")


def _catalogue_during_import(
    api: ImportsClient, file: Path, url: str, owner: str, idle: float
) -> Iterator[str]:
    """Measure the catalogue with and without a running import."""
    alone, busy = CatalogueClient(url), CatalogueClient(url)
    with closing(connect(owner)) as connection:
        connection.run("VACUUM ANALYZE")
    with alone.running():
        time.sleep(idle)
    with busy.running(), ConnectionMonitor(owner).running() as connections:
        job = import_file(api, file, "products", "csv")
    yield from (
        "",
        f"Meanwhile, `GET /api/products?limit=20` every {REQUEST_INTERVAL * 1000:.0f} ms, in ms:",
        "",
    )
    yield from header("", "p50", "p99", "requests", "errors")
    yield row(
        "nothing else",
        f"{median(alone.times):.1f}",
        f"{alone.p99:.1f}",
        str(len(alone.times)),
        str(alone.errors),
    )
    speed = job["rows_read"] / _seconds(job)
    yield row(
        f"while {job['rows_read']:,} rows are imported ({speed:,.0f} a second)",
        f"{median(busy.times):.1f}", f"{busy.p99:.1f} ({busy.p99 / alone.p99:.1f}x)",
        str(len(busy.times)), str(busy.errors),
    )  # fmt: skip
    yield ""
    functions, workers = (
        connections.peak.get(f"sluice-{kind}", 0) for kind in ("function", "batch")
    )
    yield (f"Peak connections: {functions} of the API's sandboxes, {workers} of the worker.")


def _categories(connection: Any) -> None:
    connection.run("INSERT INTO categories (name, slug) VALUES ('Mugs', 'mugs'), ('Cups', 'cups')")


def _plain_copy(url: str, connection: Any, file: Path) -> tuple[str, Callable[[], object]]:
    """Return the name and function of a plain COPY, by psql if it is installed, else by pg8000."""
    psql = shutil.which("psql")
    if psql is None:
        return "COPY", lambda: _copy(connection, COPY.format("bare"), file)
    columns = COPY.format("bare").replace("COPY ", "\\copy ", 1).replace("STDIN", f"'{file}'")
    command = [psql, "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--command", columns, url]
    return "`psql \\copy`", lambda: subprocess.check_call(command)


def _copy(connection: Any, sql: str, file: Path) -> None:
    with file.open("rb") as opened:
        connection.run(sql, stream=cast(IO[bytes], opened))


def _script(connection: Any, file: Path) -> None:
    connection.run("BEGIN")
    for statement in SCRIPT_STATEMENTS:
        if statement.startswith("COPY"):
            _copy(connection, statement, file)
        else:
            connection.run(statement)
    connection.run("COMMIT")


def _timed(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def _seconds(job: dict[str, Any]) -> float:
    began, ended = (datetime.fromisoformat(job[name]) for name in ("started_at", "finished_at"))
    return (ended - began).total_seconds()


def _peak_of_worker() -> float:
    """Return the peak memory of the workers' sandboxes in MiB. Linux only."""
    peaks = [0.0]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"AWS_LAMBDA_FUNCTION_NAME={WORKER}".encode() in (process / "environ").read_bytes():
                lines = (process / "status").read_text().splitlines()
                peaks += [
                    int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")
                ]
        except OSError:  # another user's process, or one that has ended
            continue
    return max(peaks)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description="Import a large file of products, and compare with COPY and a script."
    )
    parser.add_argument("--rows", type=int, default=ROWS)
    print(machine(), *measure(parser.parse_args().rows), sep="\n")
