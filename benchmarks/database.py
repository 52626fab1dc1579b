"""Start a temporary, migrated PostgreSQL with a realistic shop for the whole run."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pg8000.native

from local.binaries import server_user
from local.certificates import Certificate
from local.postgres import PostgresServer
from sluice.migrations.runner import migrate_url
from sluice.settings import DatabaseSettings
from testing.realistic_shop import ShopSize, fill

# The embedded PostgreSQL is built without TLS, and the distribution's package with it.
DISTRIBUTION = Path("/usr/lib/postgresql")


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
def benchmark_database(
    size: ShopSize, *, bindir: Path | None = None, certificate: Certificate | None = None
) -> Iterator[BenchmarkDatabase]:
    """Run the database while the block runs; then stop it and delete its files.

    With `certificate`, it accepts TLS. `bindir` has the programs of another installation.
    """
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as home:
        Path(home).chmod(0o711)  # as root the server runs as another user, who must find its data
        with PostgresServer(Path(home), bindir=bindir, durable=False) as server:
            owner = server.url()
            migrate_url(owner, "shop")
            with closing(connect(owner)) as connection:
                if certificate is not None:
                    _enable_tls(connection, certificate)
                fill(connection, size)
                connection.run("UPDATE inventory SET quantity = 1000000 + quantity")
                connection.run("ALTER ROLE sluice_app PASSWORD 'app'")
                connection.run("VACUUM ANALYZE")
                version = connection.run("SHOW server_version")[0][0].partition(" ")[0]
            app_url = server.url("sluice_app", password="app")  # noqa: S106 - a temporary server
            yield BenchmarkDatabase(server, app_url, size.products, version)


def bindir_with_tls() -> Path | None:
    """Return the programs of the distribution's newest PostgreSQL, if it is installed."""
    return max(DISTRIBUTION.glob("*/bin"), default=None, key=lambda path: int(path.parent.name))


def _enable_tls(connection: Any, certificate: Certificate) -> None:
    data = Path(connection.run("SHOW data_directory")[0][0])
    for source, name in ((certificate.chain, "server.pem"), (certificate.key, "server.key")):
        shutil.copy(source, data / name)
        os.chown(data / name, *(server_user() or (-1, -1)))
        (data / name).chmod(0o600)
    connection.run("ALTER SYSTEM SET ssl_cert_file = 'server.pem'")
    connection.run("ALTER SYSTEM SET ssl_key_file = 'server.key'")
    connection.run("ALTER SYSTEM SET ssl = on")
    connection.run("SELECT pg_reload_conf()")


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
