"""Create a small database to try `make adopt` on, and print its URL.

It is on the server of the running local system: the database `company` with the tables of
docs/tutorial/company.sql. A database of this name that exists is used as it is.
"""

import sys
from pathlib import Path

import pg8000.native

from local.database import DatabaseUnusable, connect, settings_from_url
from local.state import StateFolder, home_of_system

ROOT = Path(__file__).parents[1]
SQL = ROOT / "docs/tutorial/company.sql"
NAME = "company"


def url_of(url: str, name: str) -> str:
    """Return the URL of another database of the same server."""
    return f"{url.rpartition('/')[0]}/{name}"


def create(url: str) -> str:
    """Create the database beside that of `url`, unless it exists. Return its URL."""
    with connect(settings_from_url(url)) as connection:
        if connection.run("SELECT FROM pg_database WHERE datname = :name", name=NAME):
            return url_of(url, NAME)
        connection.run(f"CREATE DATABASE {pg8000.native.identifier(NAME)}")
    with connect(settings_from_url(url_of(url, NAME))) as connection:
        connection.run(SQL.read_text())
    return url_of(url, NAME)


def main() -> int:
    """Print the URL of the example database. It contains the password of the local server."""
    published = StateFolder(home_of_system()).read("local.json")
    if published is None:
        print("sluice: not running; start it with: make run", file=sys.stderr)
        return 1
    try:
        print(create(published["database_url"]))
    except DatabaseUnusable as error:
        print(f"sluice: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
