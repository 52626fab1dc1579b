"""Start a temporary, migrated PostgreSQL with products of scripts/seed.py for the whole run."""

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
class BenchmarkDatabase:
    """The database of a benchmark. `url` is for contenders and logs in as the functions' role."""

    server: PostgresServer
    url: str
    products: int
    version: str  # of PostgreSQL

    def url_at(self, port: int) -> str:
        """Return the database's URL with another port, such as a proxy's."""
        return self.url.replace(f":{self.server.port}/", f":{port}/")


@contextmanager
def benchmark_database(products: int) -> Iterator[BenchmarkDatabase]:
    """Run the database while the block runs; then stop it and delete its files."""
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
                )  # no product sells out
                connection.run("ALTER ROLE sluice_app PASSWORD 'app'")
                connection.run("VACUUM ANALYZE")
                count = connection.run("SELECT count(*) FROM products")[0][0]
                version = connection.run("SHOW server_version")[0][0]
            app_url = server.url("sluice_app", password="app")  # noqa: S106 - a temporary server
            yield BenchmarkDatabase(server, app_url, count, version)


def connect(url: str) -> Any:
    """Open a plain connection that is not part of the measurement."""
    parts = DatabaseSettings.from_url(url)
    return pg8000.native.Connection(
        parts.user,
        password=parts.password,
        host=parts.host,
        port=parts.port,
        database=parts.name,
        ssl_context=False,
    )
