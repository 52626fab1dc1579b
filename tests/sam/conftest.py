"""`sam local` in containers, on a database that they can reach. Only `make test-sam` runs it."""

import json
import os
import platform
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from local.docker_bridge import PortForwarder, sam_env_vars
from local.postgres import PostgresServer, free_port
from sluice.settings import AwsSettings, DatabaseSettings
from testing.aws import TABLES
from tests.fixtures.database import CURSOR_KEY, copy_database, owner_connection
from tests.fixtures.shop import Shop
from tests.fixtures.template import ROOT

RUNTIME = "python:3.13"
SERVES = "Press CTRL+C to quit"  # the last line of start-api's start


@dataclass(frozen=True, slots=True)
class Sam:
    """The program `sam local`, with the environment variables that point to the shop's database."""

    program: str
    variables: Path

    def command(self, *arguments: str) -> list[str]:
        machine = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
        image = f"public.ecr.aws/lambda/{RUNTIME}-{machine}"
        inspected = subprocess.run(
            ["docker", "image", "inspect", image], capture_output=True, check=False
        )
        return [
            *(self.program, "local", *arguments),
            *("--env-vars", str(self.variables)),
            *("--parameter-overrides", f"Architecture={machine}"),
            *([] if inspected.returncode else ["--skip-pull-image"]),
        ]

    @contextmanager
    def start_api(self, *arguments: str) -> Iterator[int]:
        """Run `sam local start-api` while the block runs, and return its port."""
        port = free_port()
        command = self.command("start-api", "--port", str(port), *arguments)
        with subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as server:
            assert server.stdout is not None
            # Without a reader the server would block on a full pipe.
            drain = threading.Thread(target=server.stdout.read)
            try:
                printed = []
                for line in server.stdout:
                    printed.append(line)
                    if SERVES in line:
                        break
                else:
                    pytest.fail(f"sam local start-api ended:\n{''.join(printed)}")
                drain.start()
                yield port
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(server.pid, signal.SIGTERM)  # it then removes its containers
                if drain.is_alive():
                    drain.join()


@pytest.fixture(scope="session")
def docker() -> None:
    if "SLUICE_TEST_SAM" not in os.environ:
        pytest.skip("needs Docker and a fresh `sam build`: make test-sam")


@pytest.fixture(scope="session")
def sam_program(docker: None) -> str:
    program = os.environ.get("SLUICE_SAM") or shutil.which("sam")
    assert program, "no sam on the path"
    return program


@pytest.fixture(scope="session")
def sam(
    sam_program: str,
    sam_shop: Shop,
    postgres_server: PostgresServer,
    emulated_aws: AwsSettings,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Sam]:
    owner = DatabaseSettings.from_url(sam_shop.url)
    app = DatabaseSettings.from_url(
        postgres_server.url("sluice_app", owner.name, password="canary-app")
    )
    variables = tmp_path_factory.mktemp("sam") / "env.json"
    aws_port = int(emulated_aws.dynamodb_endpoint.rpartition(":")[2])
    analyst = DatabaseSettings.from_url(
        postgres_server.url("sluice_analyst", owner.name, password="canary-analyst")
    )
    printed = sam_env_vars(
        app, analyst, owner, CURSOR_KEY.decode(), aws_port=aws_port, tables=TABLES, bucket="imports"
    )
    variables.write_text(json.dumps(printed))
    with PortForwarder(app.port), PortForwarder(aws_port):
        yield Sam(sam_program, variables)


@pytest.fixture(scope="session")
def sam_shop(
    docker: None, postgres_server: PostgresServer, migrated_database: str
) -> Iterator[Shop]:
    """Return one shop for all tests, because a container takes seconds to start."""
    copy_database(postgres_server, migrated_database, "sam")
    shop = Shop(postgres_server.url(database="sam"))
    for name in ("Rope", "Bucket"):
        shop.add_product(name, category="garden", stock=10)
    for category in ("tableware", "stationery"):  # of the events' products
        shop.add_category(category)
    shop.add_order(shop.add_user(), (1, 1))
    shop.sql(
        """
        INSERT INTO sluice.import_jobs (resource, object_key)
        VALUES ('users', 'incoming/users/1/users.csv')
        """
    )
    yield shop
    with closing(owner_connection(postgres_server.url())) as connection:
        connection.run("DROP DATABASE sam WITH (FORCE)")
