"""Who is measured: each one a Lambda handler, in a process of its own, with an environment of its own.

Sluice answers what API Gateway sends it with its cursors, ETags and problems; the peers give the same products in
the same JSON and owe nothing else (`answers.py` compares them before anything is timed).
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from benchmarks.keys import ENDPOINT
from tests.fixtures.aws import TABLES

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Contender:
    """`module` holds a `handler`; `version_of` are the libraries that its figures depend on.

    `built` is where `sam build` has left the function: it is then taken from there, with the layers, as Lambda does.
    """

    name: str
    module: str
    version_of: tuple[str, ...] = ()
    built: Path | None = None

    def environment(self, url: str) -> dict[str, str]:
        """All that its process is given, for the database at `url`."""
        own = {"DATABASE_URL": url} if self.module.startswith("benchmarks.peers") else _sluice(url)
        path = [ROOT, ROOT / "layers/shared"]
        if self.built is not None:
            path = [
                self.built,
                *(self.built.parent / layer / "python" for layer in ("SharedLayer", "TokensLayer")),
            ]
        return {**own, "PYTHONPATH": ":".join(map(str, path)), **_inherited()}


SLUICE = Contender(
    "Sluice", "functions.products.handler", ("SQLAlchemy", "pg8000", "aws-lambda-powertools")
)
SLUICE_ORDERS = Contender(SLUICE.name, "functions.orders.handler")
PEERS = (
    Contender("by hand: json + pg8000", "benchmarks.peers.handwritten", ("pg8000",)),
    Contender(
        "FastAPI + Mangum + SQLAlchemy + psycopg",
        "benchmarks.peers.fastapi_mangum",
        ("fastapi", "mangum", "pydantic", "SQLAlchemy", "psycopg"),
    ),
    Contender(
        "Powertools + SQLAlchemy + pg8000",
        "benchmarks.peers.powertools_orm",
        ("aws-lambda-powertools", "pydantic", "SQLAlchemy", "pg8000"),
    ),
)
CONTENDERS = (SLUICE, *PEERS)
HEALTH = Contender("Sluice's /health", "functions.health.handler")
BUILD = ROOT / ".aws-sam/build"


def built(name: str) -> Contender:
    """A function as `sam build` left it."""
    return Contender(name, "handler", built=BUILD / name)


def command(program: str, *arguments: str) -> list[str]:
    """A fresh interpreter, this one's own, that runs one of our programs as a script (-P: beside nothing else)."""
    return [sys.executable, "-P", str(ROOT / "benchmarks" / f"{program}.py"), *arguments]


def _sluice(url: str) -> dict[str, str]:
    parts = urlsplit(url)
    return {
        "SLUICE_DB_HOST": parts.hostname or "",
        "SLUICE_DB_PORT": str(parts.port),
        "SLUICE_DB_NAME": parts.path.strip("/"),
        "SLUICE_DB_USER": parts.username or "",
        "SLUICE_DB_PASSWORD": unquote(parts.password or ""),
        "SLUICE_DB_TLS": "off",
        "SLUICE_CURSOR_KEY": "the key of the benchmarks' cursors",
        **TABLES,
        "SLUICE_RATE_TIERS": "default=100/60,unlimited=1000000/60",
        ENDPOINT: os.environ[ENDPOINT],  # noqa: TID251 - see keys.py
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
    }


def _inherited() -> Mapping[str, str]:
    return {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}  # noqa: TID251
