"""A hundred products with their categories by GraphQL: beside Strawberry, the usual peer, and PostGraphile, a fast one.

All of them answer from the same database, in turns, in processes of their own. Sluice and Strawberry are Lambda
handlers that are given API Gateway's event; PostGraphile is a server on this machine that is asked over HTTP, and is
also asked for nothing but its typename, which is what HTTP and its own way in take of its time.
"""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import report
from benchmarks.contenders import ROOT, Contender
from benchmarks.database import Shop
from benchmarks.scenarios import Event
from benchmarks.warm import FAR, NEAR, Worker, calibrate
from tests.fixtures.tcp_proxy import TcpProxy

SLUICE = Contender("Sluice", "functions.graphql.handler", ("graphql-core",))
STRAWBERRY = Contender(
    "Strawberry + FastAPI + Mangum, SQLAlchemy ORM, psycopg 3, DataLoader",
    "benchmarks.peers.strawberry_mangum",
    ("strawberry-graphql",),
)
POSTGRAPHILE = Contender(
    "PostGraphile 5.1.5 on Node 22, over HTTP", "benchmarks.peers.postgraphile"
)
PACKAGES = ("node@22.23.3", "postgraphile@5.1.5")
QUERY = "{ products(first: 100) { edges { node { name price inventory category { name } } } } }"
BARE = "{ __typename }"
CALLS = 6  # in each round


def measure(
    shop: Shop, proxy: TcpProxy, *, quick: bool, rounds: int
) -> tuple[list[str], dict[str, float]]:
    """The section of the page, and by peer how many times Sluice's time it takes for the products, at 0 ms.

    RuntimeError where the answers are not the same products.
    """
    folder = postgraphile(install=not quick)
    contenders = [SLUICE, STRAWBERRY, *([POSTGRAPHILE] if folder else [])]
    extra = {"POSTGRAPHILE": str(folder)} if folder else {}
    times: dict[tuple[str, str, str], list[float]] = {}
    trips: dict[str, int] = {}
    with ExitStack() as stack:
        workers = {
            (contender.name, distance): stack.enter_context(Worker(contender, url, **extra))
            for contender in contenders
            for distance, url in ((NEAR, shop.url), (FAR, shop.url_at(proxy.port)))
        }
        _require_same(
            {name: worker.teach(QUERY, [_event(QUERY)])[0] for name, worker in workers.items()}
        )
        for (name, distance), worker in workers.items():
            worker.teach(BARE, [_event(BARE)])
            worker.call(QUERY, 5 * CALLS)  # warms up
            if distance == FAR:
                before = proxy.round_trips
                worker.call(QUERY, 10)
                trips[name] = round((proxy.round_trips - before) / 10)
        calibrate(proxy, shop.url, shop.url_at(proxy.port))
        for n in range(rounds):
            order = list(workers.items())
            for (name, distance), worker in order[n % len(order) :] + order[: n % len(order)]:
                for query in (QUERY, BARE):
                    times.setdefault((name, distance, query), []).append(
                        median(worker.call(query, CALLS))
                    )
    lines = list(_table([contender.name for contender in contenders], times, trips, rounds))
    ours = times[SLUICE.name, NEAR, QUERY]
    return lines, {
        peer.name: report.ratio(times[peer.name, NEAR, QUERY], ours) for peer in contenders[1:]
    }


def postgraphile(*, install: bool) -> Path | None:
    """Where it is installed, once for all runs: 300 MB, a minute. None where it is not, or there is no npm."""
    folder = Path(tempfile.gettempdir()) / f"sluice-bench-postgraphile-{os.getuid()}"
    if not (folder / "node_modules/.bin/postgraphile").exists():
        if not install or shutil.which("npm") is None:
            return None
        folder.mkdir(exist_ok=True)
        command = [
            "npm",
            "install",
            "--prefix",
            str(folder),
            "--no-audit",
            "--no-fund",
            "--silent",
            *PACKAGES,
        ]
        if subprocess.run(command, check=False).returncode != 0:
            return None
    return folder


def _event(query: str) -> Event:
    event: Event = json.loads((ROOT / "events/graphql_query.json").read_text(encoding="utf-8"))
    return {**event, "body": json.dumps({"query": query})}


def _require_same(answers: dict[tuple[str, str], Any]) -> None:
    (_, expected), *others = answers.items()
    for name, answer in others:
        if _essence(answer) != _essence(expected):
            raise RuntimeError(
                f"{name} answers differently:\n{str(answer)[:500]}\n{str(expected)[:500]}"
            )


def _essence(answer: Any) -> list[tuple[str, ...]]:
    """PostGraphile has names of its own, and stock as a row."""
    data = answer["data"]
    products = [edge["node"] for edge in data.get("products", data.get("allProducts"))["edges"]]
    return [
        (
            product["name"],
            product["price"],
            str(
                product["inventory"]
                if "inventory" in product
                else product["inventoryByProductId"]["quantity"]
            ),
            (product.get("category") or product["categoryByCategoryId"])["name"],
        )
        for product in products
    ]


def _table(
    names: Sequence[str],
    times: dict[tuple[str, str, str], list[float]],
    trips: dict[str, int],
    rounds: int,
) -> Iterator[str]:
    versions = ", ".join(
        f"{name} {version(name)}" for name in ("graphql-core", "strawberry-graphql")
    )
    yield from ("", f"## GraphQL ({rounds} rounds)", "", f"    {QUERY}", "")
    yield from (f"and `{BARE}`, which asks the database nothing. {versions}.", "")
    columns = [(QUERY, NEAR), (QUERY, FAR), (BARE, NEAR)]
    yield from report.header(
        "", "100 products, 0 ms", "100 products, 1 ms", "typename", "round trips"
    )
    for name in names:
        cells = [
            report.cell(times[name, at, query], times[SLUICE.name, at, query], digits=2)
            for query, at in columns
        ]
        yield report.row(name, *cells, str(trips[name]))
    if POSTGRAPHILE.name not in names:
        yield from (
            "",
            "PostGraphile was not measured: it needs npm, and a run that is not `--quick`.",
        )
