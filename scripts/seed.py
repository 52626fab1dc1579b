"""Add demo data: the shop that `make run` starts with, and any number of products and orders.

    make seed PRODUCTS=100000 ORDERS=200000

The demo shop is in demo_shop/*.csv, with the columns of an import. Further rows are generated on
the server from demo_shop/words.json, so they are not sent over the network. Each batch is a
transaction: a run that was killed leaves fewer rows, but consistent ones, and the next run
continues from there.

Seeded orders are in the past and do not reduce the inventory.
"""

import argparse
import csv
import json
import random
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pg8000.native
from pg8000.exceptions import DatabaseError, InterfaceError

from local.state import home_of_system
from scripts import seed_sql as sql
from sluice.db.driver.transport import open_socket
from sluice.settings import DatabaseSettings, SettingsError

DATA = Path(__file__).with_name("demo_shop")
DEMO_ORDERS = 300
# the ages of the oldest rows
DEMO_ORDERS_FROM = timedelta(days=90)
DEMO_OPENED = timedelta(days=400)
OPENED = timedelta(days=3 * 365)
ORDERS_FROM = timedelta(days=365)
BATCH_SIZE = 25_000
MAX_AMOUNT = 100_000_000

# called with the table, the number of rows so far, and the total
ProgressCallback = Callable[[str, int, int], None]


class SeedError(Exception):
    """The demo data cannot be added. The message says why."""


def seed_demo(url: str) -> int:
    """Add the demo shop to the migrated database at the owner's `url`.

    Return the number of rows. If there are categories, products or users already, change nothing
    and return 0. Raise SeedError, SettingsError or an error of pg8000.
    """
    chance = random.Random(7)
    with _connect(url) as connection:
        connection.run("BEGIN")
        connection.run(sql.LOCK_SQL)
        now, has_rows = connection.run(sql.CURRENT_STATE_SQL)[0]
        if has_rows:
            connection.run("ROLLBACK")
            return 0
        categories = _add_categories(connection, now - DEMO_OPENED)
        users, products = _read("users.csv"), _read("products.csv")
        for rows, add in ((users, sql.ADD_DEMO_USERS), (products, sql.ADD_DEMO_PRODUCTS)):
            chance.shuffle(rows)
            for n, row in enumerate(rows):
                created_at = now - DEMO_OPENED * (1 - (n + chance.random()) / len(rows))
                row["created_at"] = created_at.isoformat(timespec="seconds")
            connection.run(add, rows=json.dumps(rows))
        connection.run("SELECT setseed(0.42)")
        for _ in _order_slices(connection, DEMO_ORDERS, DEMO_ORDERS_FROM):
            pass
        connection.run("COMMIT")
        connection.run(sql.VACUUM_SQL)
    return categories + len(users) + len(products) + DEMO_ORDERS


def seed_more(
    url: str,
    *,
    products: int = 0,
    orders: int = 0,
    users: int | None = None,
    report: ProgressCallback = lambda *_: None,
) -> None:
    """Add rows to the shop at the owner's `url`, which may be in use.

    `users`: by default a tenth of the orders. `report` is called after each batch. The same call
    on the same shop generates the same products and users. `url` must not lead
    to a pooler in transaction mode. Raise the errors of `seed_demo`; the reported batches stay in
    the database.
    """
    users = -(-orders // 10) if users is None else users
    words = json.loads((DATA / "words.json").read_text(encoding="utf-8"))
    with _connect(url) as connection:
        connection.run(sql.SESSION_SETTINGS_SQL)
        if products:
            _add_categories(connection, connection.run("SELECT now()")[0][0] - OPENED)
            _add_batches(
                connection, "products", products, sql.ADD_PRODUCTS, _product_words(words), report
            )
        if users:
            _add_batches(connection, "users", users, sql.ADD_USERS, _user_words(words), report)
        if orders:
            _set_seed(connection, "orders")
            for done in _order_slices(connection, orders, ORDERS_FROM):
                report("orders", done, orders)
        connection.run(sql.VACUUM_SQL)


def _add_batches(
    connection: Any,
    table: str,
    total: int,
    statement: str,
    words: Mapping[str, object],
    report: ProgressCallback,
) -> None:
    _set_seed(connection, table)
    for first in range(0, total, BATCH_SIZE):
        last = min(first + BATCH_SIZE, total)
        connection.run(
            statement, first=first, last=last, total=total, span=_interval(OPENED), **words
        )
        report(table, last, total)


def _order_slices(connection: Any, orders: int, since: timedelta) -> Iterator[int]:
    """Add orders from `since` ago until now, in time slices; yield the number of orders so far.

    Orders use only products and users that existed at the start of their slice.
    """
    for statement in sql.CREATE_POOLS_SQL:
        connection.run(statement)
    slices = max(min(orders // 100, 12), -(-orders // BATCH_SIZE))
    for n in range(slices):
        done, last = orders * n // slices, orders * (n + 1) // slices
        remaining = (slices - n) / slices  # of the time, at the start of this slice
        ago = _interval(since * remaining)
        products, users = connection.run(sql.POOL_SIZES, ago=ago)[0]
        if not products or not users:
            needed = "a user" if products else "a product"
            raise SeedError(f"an order needs {needed}, and the shop has none: add some too")
        share = 1 / slices / remaining  # of the remaining time
        connection.run(
            sql.ADD_ORDERS, ago=ago, products=products, users=users, orders=last - done, share=share
        )
        yield last


def _add_categories(connection: Any, created_at: datetime) -> int:
    rows = [
        {**row, "created_at": created_at.isoformat(timespec="seconds")}
        for row in _read("categories.csv")
    ]
    connection.run(sql.ADD_CATEGORIES, rows=json.dumps(rows))
    return len(rows)


def _interval(span: timedelta) -> str:
    return f"{span.total_seconds()} seconds"


def _set_seed(connection: Any, table: str) -> None:
    """Set the seed of random() from the newest id, so that equal calls generate equal rows."""
    connection.run(f"SELECT setseed(coalesce(max(id), 0) % 1009 / 1009.0) FROM {table}")


def _product_words(words: dict[str, Any]) -> dict[str, object]:
    kinds = [
        (f"{material} {thing}", float(price), slug)
        for slug, kind in words["kinds"].items()
        for material in kind["materials"]
        for thing, price in kind["things"].items()
    ]
    names, prices, slugs = (list(column) for column in zip(*kinds, strict=True))
    lists = ("makers", "qualities", "openings", "closings")
    return {
        "kinds": names,
        "prices": prices,
        "slugs": slugs,
        **{name: words[name] for name in lists},
    }


def _user_words(words: dict[str, Any]) -> dict[str, object]:
    firsts, lasts = words["first_names"], words["last_names"]
    return {
        "firsts": firsts,
        "lasts": lasts,
        "first_boxes": [_mailbox(name) for name in firsts],
        "last_boxes": [_mailbox(name) for name in lasts],
    }


def _mailbox(name: str) -> str:
    return unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()


def _read(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@contextmanager
def _connect(url: str) -> Iterator[Any]:
    """Connect without a socket timeout, because a batch may take long."""
    settings = DatabaseSettings.from_url(url)
    usock = open_socket(
        settings.host, settings.port, tls=settings.tls, ca_file=settings.ca_file, connect_timeout=5
    )
    usock.settimeout(None)
    with closing(usock):
        connection = pg8000.native.Connection(
            settings.user,
            password=settings.password,
            database=settings.name,
            sock=usock,
            ssl_context=False,
        )
        with closing(connection):
            yield connection


def _running_url(state: Path) -> str:
    """Return the owner's URL of the running local system's database. Raise SeedError."""
    try:
        return str(json.loads((state / "local.json").read_text(encoding="utf-8"))["database_url"])
    except (FileNotFoundError, NotADirectoryError):
        raise SeedError(
            f"no system is running ({state}/local.json is missing): `make run` first, or use --url"
        ) from None
    except (ValueError, KeyError):
        raise SeedError(
            f"{state}/local.json has no database_url: start `make run` again, or use --url"
        ) from None


def _progress() -> ProgressCallback:
    """Return a callback that prints a line for each table; on a terminal it updates the line."""
    began = time.monotonic()

    def report(what: str, done: int, total: int) -> None:
        if done == total or sys.stdout.isatty():
            line = f"{what:9} {done:>11,} of {total:,}, {time.monotonic() - began:.0f} s"
            print(
                "\r" + line if sys.stdout.isatty() else line,
                end="\n" if done == total else "",
                flush=True,
            )

    return report


def _error_message(error: Exception) -> str:
    detail = error.args[0] if error.args else ""
    if isinstance(detail, dict):  # an error of the server
        if detail.get("C") == "42P01":
            return (
                "the database does not have the shop's tables; "
                "to add them: make migrate DATABASE_URL=… APP=shop"
            )
        return f"the database reports an error: {detail.get('M')}"
    return str(detail)


def _amount(text: str) -> int:
    digits = text.replace("_", "")
    if not (digits.isascii() and digits.isdigit() and int(digits) <= MAX_AMOUNT):
        raise argparse.ArgumentTypeError(
            f"must be a whole number from 0 to {MAX_AMOUNT:,}, not {text!r}"
        )
    return int(digits)


def main(arguments: list[str] | None = None) -> None:
    """Add the numbers of rows in the arguments to the running system."""
    parser = argparse.ArgumentParser(description="Add demo data of any size to the running system.")
    parser.add_argument("--products", type=_amount, default=0, metavar="N")
    parser.add_argument(
        "--orders",
        type=_amount,
        default=0,
        metavar="N",
        help="over the last year, 1 to 5 items each",
    )
    parser.add_argument("--users", type=_amount, metavar="N", help="default: a tenth of the orders")
    parser.add_argument(
        "--url",
        help="the owner's postgresql:// URL; default: that of the running local system",
    )
    chosen = parser.parse_args(arguments)
    if not (chosen.products or chosen.orders or chosen.users):
        parser.error("a number of rows is missing: make seed PRODUCTS=100000 ORDERS=200000")
    began = time.monotonic()
    try:
        url = chosen.url or _running_url(home_of_system())
        seed_more(
            url,
            products=chosen.products,
            orders=chosen.orders,
            users=chosen.users,
            report=_progress(),
        )
    except (SeedError, SettingsError, ValueError, DatabaseError, InterfaceError) as error:
        sys.exit(f"seed: {_error_message(error)}")
    except KeyboardInterrupt:
        sys.exit("\nseed: stopped; the reported rows were added")
    print(f"done in {time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    main()
