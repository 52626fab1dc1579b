"""One throw-away PostgreSQL for the whole run, migrated, with products made by scripts/seed.py, and ANALYZEd."""

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pg8000.native

from local.postgres import PostgresServer
from scripts.seed import seed_more
from sluice.migrations.runner import migrate_url
from sluice.settings import DatabaseSettings


@dataclass(frozen=True, slots=True)
class Shop:
    """`url` is for contenders: the role that Sluice's functions have in a deployment."""

    server: PostgresServer
    url: str
    products: int
    version: str  # of PostgreSQL

    def url_at(self, port: int) -> str:
        """The same database, by way of a relay."""
        return self.url.replace(f":{self.server.port}/", f":{port}/")


@contextmanager
def open_shop(products: int) -> Iterator[Shop]:
    """Runs until left; nothing stays behind."""
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as home:
        Path(home).chmod(0o711)  # as root the server runs as another user, who must find its data
        with PostgresServer(Path(home), durable=False) as server:
            owner = server.url()
            migrate_url(owner, "shop")
            seed_more(owner, products=products)
            with closing(connect(owner)) as connection:
                connection.run(
                    "INSERT INTO users (email, name) VALUES ('buyer@example.com', 'Buyer')"
                )
                connection.run(
                    "UPDATE inventory SET quantity = 1000000 + quantity"
                )  # nobody sells out
                connection.run("ALTER ROLE sluice_app PASSWORD 'app'")
                connection.run("VACUUM ANALYZE")
                count = connection.run("SELECT count(*) FROM products")[0][0]
                version = connection.run("SHOW server_version")[0][0]
            yield Shop(server, server.url("sluice_app", password="app"), count, version)  # noqa: S106 - lives minutes


def connect(url: str) -> Any:
    """A plain connection, past everything that is measured."""
    parts = DatabaseSettings.from_url(url)
    return pg8000.native.Connection(
        parts.user,
        password=parts.password,
        host=parts.host,
        port=parts.port,
        database=parts.name,
        ssl_context=False,
    )
