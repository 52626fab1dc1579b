"""Adopt schemas, each into a copy of the repository, and run the suites (`make test-adopted`).

A schema is a file for psql, or the URL of a database. The first column of a view is declared as its
key. SLUICE_FUZZ is the number of generated requests for each route.
"""

import argparse
import os
import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from local.binaries import find_bindir
from local.libpq import psql_variables
from local.postgres import PostgresServer
from testing.copied_repository import copy_of_repository, run
from tests.fixtures.database import owner_connection
from tests.fixtures.postgres import throwaway_server

# An adopted table has the indexes of its owner, so no plan of a large table is promised.
TESTS = ("tests/suites", "--ignore=tests/suites/test_plans.py")
RELATIONS = """
    SELECT relnamespace::regnamespace::text, format('%I', relname),
        relkind IN ('v', 'm'), attname
    FROM pg_class LEFT JOIN pg_attribute ON attrelid = pg_class.oid AND attnum = 1
    WHERE relkind IN ('r', 'p', 'v', 'm') AND relnamespace <> 'pg_catalog'::regnamespace
        AND relnamespace <> 'information_schema'::regnamespace AND NOT EXISTS (
            SELECT FROM pg_depend WHERE objid = pg_class.oid AND deptype = 'e'
        )
"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="make test-adopted", description=__doc__)
    parser.add_argument("schemas", nargs="+")
    parser.add_argument("--tables", default="", help="instead of every schema of the database")
    parser.add_argument("--pytest", default="", help="further arguments of pytest")
    arguments = parser.parse_args()
    failed = []
    with throwaway_server(durable=False) as server:
        for schema in arguments.schemas:
            name = re.sub(r"\W", "_", schema.rpartition("/")[2].removesuffix(".sql").lower())
            url = schema if "://" in schema else loaded(server, Path(schema), name)
            with copy_of_repository() as folder:
                adopt(url, folder, name, arguments.tables)
                if run_suites(folder, name, arguments.pytest.split()):
                    failed.append(schema)
    say(f"failed: {', '.join(failed)}" if failed else "Each adopted application passes")
    return 1 if failed else 0


def loaded(server: PostgresServer, path: Path, name: str) -> str:
    """Run the file in a new database, and return its URL.

    Errors do not end it: a script may create extensions that the server does not have.
    """
    with closing(owner_connection(server.url())) as connection:
        connection.run(f'CREATE DATABASE "{name}"')
    url = server.url(database=name)
    command = [str(find_bindir() / "psql"), "--quiet", "--no-psqlrc", "--file", str(path)]
    environment = {**os.environ, **psql_variables(url)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    for line in done.stderr.splitlines():
        if "ERROR" in line:
            say(line)
    return url


def adopt(url: str, folder: Path, app: str, tables: str = "") -> None:
    """Adopt every table and view of the database into the folder, and print what is served."""
    with closing(owner_connection(url)) as connection:
        found = connection.run(RELATIONS)
    every = " ".join(sorted({f"{schema}.*" for schema, *_ in found}))
    keys = " ".join(
        f"{schema}.{name}:{column}" for schema, name, is_view, column in found if is_view
    )
    command = [sys.executable, "-m", "catalog", "adopt", "--write", "--app", app]
    output = run(folder, *command, "--tables", tables or every, "--key", keys, FROM=url)
    say("\n".join(output.splitlines()[:2]))


def run_suites(folder: Path, app: str, options: list[str]) -> int:
    """Run the suites on the adopted application, and return the exit code of pytest."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", "not slow", "--hypothesis-profile=ci"]
    environment = {**os.environ, "PYTHONPATH": ".:layers/shared:tests/apps", "SLUICE_APP": app}
    tests = () if any(option.startswith("tests/") for option in options) else TESTS
    return subprocess.run(
        [*command, *tests, *options], cwd=folder, env=environment, check=False
    ).returncode


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
