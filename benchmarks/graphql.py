"""Compare GraphQL queries for 100 products with their categories: Sluice, Strawberry and
PostGraphile.

All contenders use the same database, alternate, and run in separate processes. Sluice and
Strawberry are Lambda handlers that receive API Gateway's event. PostGraphile is a server on this
machine, queried over HTTP. A query for its typename shows how much of its time HTTP takes.
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
from benchmarks.contenders import GRAPHQL, ROOT, STRAWBERRY, Contender
from benchmarks.modes import FAR, NEAR, Mode, calibrate
from benchmarks.scenarios import Event
from benchmarks.warm import Worker

POSTGRAPHILE = Contender(
    "PostGraphile 5.1.5 on Node 22, over HTTP", "benchmarks.peers.postgraphile"
)
PACKAGES = ("node@22.23.3", "postgraphile@5.1.5")
QUERY = "{ products(first: 100) { edges { node { name price inventory category { name } } } } }"
BARE = "{ __typename }"
CALLS = 6  # in each round


def measure(
    modes: list[Mode], *, installs: bool, rounds: int
) -> tuple[list[str], dict[str, float]]:
    """Return the section of the page and, by peer, the ratio of its time to Sluice's at 0 ms.

    Raises RuntimeError if the contenders return different products.
    """
    folder = postgraphile(install=installs)
    contenders = [GRAPHQL, STRAWBERRY, *([POSTGRAPHILE] if folder else [])]
    extra = {"POSTGRAPHILE": str(folder)} if folder else {}
    times: dict[tuple[str, str, str], list[float]] = {}
    trips: dict[str, int] = {}
    with ExitStack() as stack:
        workers = {
            (contender.name, mode): stack.enter_context(Worker(contender, mode.url, **extra))
            for contender in contenders
            for mode in modes
        }
        named = {(name, mode.name): worker for (name, mode), worker in workers.items()}
        _require_same(
            {
                name: worker.set_events(QUERY, [query_event(QUERY)])[0]
                for name, worker in named.items()
            }
        )
        for (name, mode), worker in workers.items():
            worker.set_events(BARE, [query_event(BARE)])
            worker.call(QUERY, 5 * CALLS)  # warms up
            if mode.proxy is not None:
                before = mode.proxy.round_trips
                worker.call(QUERY, 10)
                trips[name] = round((mode.proxy.round_trips - before) / 10)
        calibrate(modes)
        for n in range(rounds):
            order = list(workers.items())
            for (name, mode), worker in order[n % len(order) :] + order[: n % len(order)]:
                for query in (QUERY, BARE):
                    times.setdefault((name, mode.name, query), []).append(
                        median(worker.call(query, CALLS))
                    )
    lines = list(_table([contender.name for contender in contenders], times, trips, rounds))
    ours = times[GRAPHQL.name, NEAR, QUERY]
    return lines, {
        peer.name: report.ratio(times[peer.name, NEAR, QUERY], ours) for peer in contenders[1:]
    }


def postgraphile(*, install: bool) -> Path | None:
    """Return the folder of PostGraphile; install it once for all runs (300 MB, a minute).

    Returns None if it is not installed, or if there is no npm.
    """
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


def query_event(query: str) -> Event:
    event: Event = json.loads((ROOT / "events/graphql_query.json").read_text(encoding="utf-8"))
    return {**event, "body": json.dumps({"query": query})}


def _require_same(responses: dict[tuple[str, str], Any]) -> None:
    (_, expected), *others = responses.items()
    for name, response in others:
        if _comparable(response) != _comparable(expected):
            raise RuntimeError(
                f"{name} responds differently:\n{str(response)[:500]}\n{str(expected)[:500]}"
            )


def _comparable(response: Any) -> list[tuple[str, ...]]:
    """Return name, price, stock and category of each product.

    PostGraphile uses other field names, and the stock is a row.
    """
    data = response["data"]
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
    yield from (f"## GraphQL ({rounds} rounds)", "", f"    {QUERY}", "")
    yield from (f"and `{BARE}`, which needs no database query. {versions}.", "")
    columns = [(QUERY, NEAR), (QUERY, FAR), (BARE, NEAR)]
    yield from report.header(
        "", "100 products, 0 ms", "100 products, 1 ms", "typename", "round trips"
    )
    for name in names:
        cells = [
            report.cell(times[name, at, query], times[GRAPHQL.name, at, query], digits=2)
            for query, at in columns
        ]
        yield report.row(name, *cells, str(trips[name]))
    if POSTGRAPHILE.name not in names:
        yield from (
            "",
            "PostGraphile was not measured: it needs npm, and a run that is not `--quick`.",
        )
