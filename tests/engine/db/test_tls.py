"""TLS to the database. Needs an installed PostgreSQL: the embedded one is built without TLS."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pg8000.native
import pytest

from local import database as local
from local.binaries import server_user
from local.database import DatabaseUnusable
from local.postgres import PostgresServer
from sluice.db.database import Database
from sluice.db.driver.transport import tls_context
from sluice.errors import DatabaseUnavailable
from sluice.query import Query
from sluice.settings import DatabaseSettings

TLS_ONLY = "confidential"  # a database that rejects connections without TLS
STOCK = {"unsupported_reason": lambda: "requested by a test"}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with ca.pem, server.pem for localhost, signed by it, and another CA."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make certificates with")
    folder = tmp_path_factory.mktemp("certificates")
    new = "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
    for name in ("ca", "stranger"):
        openssl(folder, f"{new} -x509 -days 2 -subj /CN={name} -keyout {name}.key -out {name}.pem")
    openssl(folder, f"{new} -subj /CN=localhost -keyout server.key -out server.csr")
    (folder / "names").write_text("subjectAltName=DNS:localhost")
    openssl(
        folder,
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -days 2 -extfile names -out server.pem",
    )
    return folder


def openssl(folder: Path, arguments: str) -> None:
    subprocess.run(["openssl", *arguments.split()], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def tls_server(
    certificates: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PostgresServer]:
    bindirs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not bindirs:
        pytest.skip("no PostgreSQL with TLS: apt-get install postgresql")
    with PostgresServer(
        tmp_path_factory.mktemp("tls"), bindir=bindirs[-1], durable=False
    ) as server:
        superuser = DatabaseSettings.from_url(server.url())
        with closing(
            pg8000.native.Connection(
                superuser.user,
                password=superuser.password,
                port=server.port,
                host="127.0.0.1",
                ssl_context=False,
            )
        ) as admin:
            data = Path(admin.run("SHOW data_directory")[0][0])
            for name in ("server.pem", "server.key"):
                shutil.copy(certificates / name, data / name)
                os.chown(data / name, *(server_user() or (-1, -1)))
                (data / name).chmod(0o600)
            try:
                admin.run("ALTER SYSTEM SET ssl_cert_file = 'server.pem'")
                admin.run("ALTER SYSTEM SET ssl_key_file = 'server.key'")
                admin.run("ALTER SYSTEM SET ssl = on")
            except pg8000.native.DatabaseError as error:
                pytest.skip(f"{bindirs[-1]}: {error.args[0]['M']}")
            rules = data / "pg_hba.conf"
            rules.write_text(f"hostnossl {TLS_ONLY} all all reject\n{rules.read_text()}")
            admin.run("SELECT pg_reload_conf()")
        yield server


@pytest.fixture(params=[{}, STOCK], ids=["pipelined", "stock"])
def connect(
    request: pytest.FixtureRequest,
    make_database: Callable[..., Database],
    tls_server: PostgresServer,
    certificates: Path,
) -> Callable[..., Database]:
    """Return `connect(authority, host)`, for a certificate authority of `certificates`."""
    server_options: dict[str, Any] = {
        "port": tls_server.port,
        "password": tls_server.password,
        "name": "postgres",
    }

    def connect(authority: str, host: str) -> Database:
        ca_file = str(certificates / f"{authority}.pem")
        return make_database(
            host=host, tls="verify-full", ca_file=ca_file, options=request.param, **server_options
        )

    return connect


def test_valid_certificate_is_accepted(
    connect: Callable[..., Database],
) -> None:
    database = connect("ca", "localhost")
    (row,) = database.read(
        Query("SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
    )
    assert (row.ssl, row.version) == (True, "TLSv1.3")
    assert (
        database.read(Query("SELECT length(:text)", {"text": "x" * 1_000_000}))[0][0] == 1_000_000
    )
    assert database.pool.metrics().invalid == 0  # an idle TLS connection has nothing to read


@pytest.mark.parametrize(("authority", "host"), [("stranger", "localhost"), ("ca", "127.0.0.1")])
def test_invalid_certificate_is_rejected(
    connect: Callable[..., Database], authority: str, host: str
) -> None:
    with pytest.raises(DatabaseUnavailable) as caught:
        connect(authority, host).read(Query("SELECT 1"))
    chain = repr(caught.value.__cause__) + repr(
        caught.value.__cause__ and caught.value.__cause__.__cause__
    )
    assert "CERTIFICATE_VERIFY_FAILED" in chain


@pytest.mark.parametrize(
    ("authority", "host", "remedy"),
    [
        ("stranger", "localhost", "; name its certificate authority (?sslrootcert="),
        ("ca", "127.0.0.1", "'127.0.0.1'; name the server in the URL as its certificate does"),
    ],
)
def test_command_names_the_remedy_for_a_certificate(
    authority: str, host: str, remedy: str, tls_server: PostgresServer, certificates: Path
) -> None:
    settings = DatabaseSettings.from_url(tls_server.url())._replace(
        host=host, tls="verify-full", ca_file=str(certificates / f"{authority}.pem")
    )
    with pytest.raises(DatabaseUnusable, match=re.escape(remedy)), local.connect(settings):
        pass


def test_command_accepts_the_certificates_that_functions_accept(
    tls_server: PostgresServer, certificates: Path
) -> None:
    settings = DatabaseSettings.from_url(tls_server.url())._replace(
        host="localhost", tls="verify-full", ca_file=str(certificates / "ca.pem")
    )
    with local.connect(settings) as connection:
        (encrypted,) = connection.run("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
    assert encrypted == [True]


def test_command_names_tls_that_the_server_requires(tls_server: PostgresServer) -> None:
    settings = DatabaseSettings.from_url(tls_server.url(database=TLS_ONLY))
    with (
        pytest.raises(DatabaseUnusable, match=r"requires TLS, use \?sslmode=require$"),
        local.connect(settings),
    ):
        pass


def test_server_without_tls_is_rejected(
    make_database: Callable[..., Database], settings: DatabaseSettings
) -> None:
    """The embedded server has no TLS. Stock pg8000 would continue in plain text."""
    with pytest.raises(DatabaseUnavailable):
        make_database(tls="verify-full").read(Query("SELECT 1"))


def test_authorities_are_read_once(certificates: Path) -> None:
    assert tls_context(str(certificates / "ca.pem")) is tls_context(str(certificates / "ca.pem"))
