"""The contenders: Lambda handlers, each in its own process with its own environment variables.

Sluice answers API Gateway's events with cursors, ETags and problem documents. The peers return the
same products in the same JSON and need nothing else; response_check.py compares the responses
first.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from benchmarks.keys import ENDPOINT
from testing.aws import TABLES

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Contender:
    """A Lambda handler to measure.

    `module` contains the function `handler`. `version_of` names the libraries whose versions are
    reported. `built` is the folder of a function that `sam build` has built. The function and the
    layers are then imported from the build, as on Lambda. `variables` are added to the environment.
    `root` is the repository, or a copy of it with other applications.
    """

    name: str
    module: str
    version_of: tuple[str, ...] = ()
    built: Path | None = None
    variables: tuple[tuple[str, str], ...] = ()
    root: Path = ROOT

    def environment(self, url: str) -> dict[str, str]:
        """Return the environment variables of the contender's process, for the database `url`."""
        own = {"DATABASE_URL": url} if self.module.startswith("benchmarks.peers") else _sluice(url)
        path = [self.root, self.root / "layers/shared"]
        if self.built is not None:
            path = [
                self.built,
                *(self.built.parent / layer / "python" for layer in ("SharedLayer", "TokensLayer")),
            ]
        return {
            **own,
            "PYTHONPATH": ":".join(map(str, path)),
            **_inherited(),
            **dict(self.variables),
        }


SLUICE = Contender(
    "Sluice", "functions.products.handler", ("SQLAlchemy", "pg8000", "aws-lambda-powertools")
)
SLUICE_ORDERS = Contender(SLUICE.name, "functions.orders.handler")
BARE = Contender("by hand: pg8000", "benchmarks.peers.handwritten", ("pg8000",))
PREPARED = Contender(
    "by hand: pg8000, prepared",
    "benchmarks.peers.handwritten",
    ("pg8000",),
    variables=(("PREPARED", "1"),),
)
FASTAPI = Contender(
    "FastAPI + Mangum + SQLAlchemy + psycopg",
    "benchmarks.peers.fastapi_mangum",
    ("fastapi", "mangum", "pydantic", "SQLAlchemy", "psycopg"),
)
PEERS = (
    BARE,
    PREPARED,
    FASTAPI,
    Contender(
        "Powertools + SQLAlchemy + pg8000",
        "benchmarks.peers.powertools_orm",
        ("aws-lambda-powertools", "pydantic", "SQLAlchemy", "pg8000"),
    ),
)
CONTENDERS = (SLUICE, *PEERS)
HEALTH = Contender("Sluice's /health", "functions.health.handler")
GRAPHQL = Contender("Sluice's GraphQL", "functions.graphql.handler", ("graphql-core",))
STRAWBERRY = Contender(
    "Strawberry + FastAPI + Mangum, SQLAlchemy ORM, psycopg 3, DataLoader",
    "benchmarks.peers.strawberry_mangum",
    ("strawberry-graphql",),
)
BUILD = ROOT / ".aws-sam/build"


def built(name: str) -> Contender:
    """Return the contender for a function that `sam build` has built."""
    return Contender(name, "handler", built=BUILD / name)


def command(program: str, *arguments: str) -> list[str]:
    """Return the command that runs a program of benchmarks/ (`studies/x`) with this interpreter.

    -P keeps the program's folder off sys.path.
    """
    return [sys.executable, "-P", str(ROOT / "benchmarks" / f"{program}.py"), *arguments]


def _sluice(url: str) -> dict[str, str]:
    parts = urlsplit(url)
    return {
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",  # as Lambda sets it
        "SLUICE_APP": "shop",  # as template.yaml sets it
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
