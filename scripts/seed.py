"""Demo data: the shop that `make run` opens with, and as many products and orders as you want on top of it.

    make seed PRODUCTS=100000 ORDERS=200000

The demo shop is in demo_shop/*.csv, in the very columns that an import takes. Everything beyond it is made up by the
server from demo_shop/words.json, so that no row travels. Each batch is a transaction and leaves whole rows behind it:
a killed run leaves less, never something broken, and the next one goes on from there.

Seeded orders are history: they took their stock long ago, so inventory is not reduced by them.
"""

import argparse
import csv
import json
import os
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

from scripts import seed_sql as sql
from sluice.db.transport import open_socket
from sluice.settings import DatabaseSettings, SettingsError

DATA = Path(__file__).with_name("demo_shop")
STATE = Path(".sluice")
DEMO_ORDERS, DEMO_ORDERS_FROM = 300, timedelta(days=90)
DEMO_OPENED = timedelta(days=400)  # ago
OPENED, ORDERS_FROM = timedelta(days=3 * 365), timedelta(days=365)
BATCH = 25_000
MOST = 100_000_000

Report = Callable[[str, int, int], None]  # of what, how many are done, how many there will be


class SeedError(Exception):
    """Nothing can be seeded as asked; the message says why."""


def seed_demo(url: str) -> int:
    """Put the demo shop into the migrated database of the owner's `url`; return how many products it has.

    Does nothing and returns 0 where there are categories, products or users: those are somebody's. Raises
    `SeedError`, `SettingsError` or an error of pg8000.
    """
    chance = random.Random(7)
    with _connect(url) as connection:
        connection.run("BEGIN")
        connection.run(sql.ONE_AT_A_TIME)
        now, taken = connection.run(sql.LOOK)[0]
        if taken:
            connection.run("ROLLBACK")
            return 0
        _add_categories(connection, now - DEMO_OPENED)
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
        connection.run(sql.TIDY)
    return len(products)


def seed_more(
    url: str,
    *,
    products: int = 0,
    orders: int = 0,
    users: int | None = None,
    report: Report = lambda *_: None,
) -> None:
    """Add that many to the shop at the owner's `url`, which may be in use. Users: by default a tenth of the orders.

    The same call on the same shop makes up the same products and users. Connect to the server itself, not to a pooler
    that hands out connections by transaction. Raises as `seed_demo` does; what was reported as done stays.
    """
    users = -(-orders // 10) if users is None else users
    words = json.loads((DATA / "words.json").read_text(encoding="utf-8"))
    with _connect(url) as connection:
        connection.run(sql.SESSION)
        if products:
            _add_categories(connection, connection.run("SELECT now()")[0][0] - OPENED)
            _add_batches(
                connection, "products", products, sql.ADD_PRODUCTS, _product_words(words), report
            )
        if users:
            _add_batches(connection, "users", users, sql.ADD_USERS, _user_words(words), report)
        if orders:
            _repeatable(connection, "orders")
            for done in _order_slices(connection, orders, ORDERS_FROM):
                report("orders", done, orders)
        connection.run(sql.TIDY)


def _add_batches(
    connection: Any,
    table: str,
    total: int,
    statement: str,
    words: Mapping[str, object],
    report: Report,
) -> None:
    _repeatable(connection, table)
    for first in range(0, total, BATCH):
        last = min(first + BATCH, total)
        connection.run(
            statement, first=first, last=last, total=total, span=_interval(OPENED), **words
        )
        report(table, last, total)


def _order_slices(connection: Any, orders: int, since: timedelta) -> Iterator[int]:
    """Place orders from `since` ago until now, a slice of that time after the other; yield how many there are so far.

    An order draws from the products and users that were there when its slice began.
    """
    for statement in sql.POOLS:
        connection.run(statement)
    slices = max(min(orders // 100, 12), -(-orders // BATCH))
    for n in range(slices):
        done, last = orders * n // slices, orders * (n + 1) // slices
        left = (slices - n) / slices  # of the time, when this slice begins
        ago = _interval(since * left)
        products, users = connection.run(sql.POOL_SIZES, ago=ago)[0]
        if not products or not users:
            raise SeedError(
                f"an order needs {'a product' if not products else 'a user'}, and there is none: add some too"
            )
        share = 1 / slices / left  # of the time that is left
        connection.run(
            sql.ADD_ORDERS, ago=ago, products=products, users=users, orders=last - done, share=share
        )
        yield last


def _add_categories(connection: Any, created_at: datetime) -> None:
    rows = [
        {**row, "created_at": created_at.isoformat(timespec="seconds")}
        for row in _read("categories.csv")
    ]
    connection.run(sql.ADD_CATEGORIES, rows=json.dumps(rows))


def _interval(span: timedelta) -> str:
    return f"{span.total_seconds()} seconds"


def _repeatable(connection: Any, table: str) -> None:
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
    """A connection without a socket timeout: a batch may take its time."""
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
    """The owner's URL of the running local system."""
    try:
        return str(json.loads((state / "local.json").read_text(encoding="utf-8"))["database_url"])
    except (FileNotFoundError, NotADirectoryError):
        raise SeedError(
            f"nothing runs here ({state}/local.json is missing): `make run` first, or give --url"
        ) from None
    except (ValueError, KeyError):
        raise SeedError(
            f"{state}/local.json names no database_url: start `make run` again, or give --url"
        ) from None


def _progress() -> Report:
    """One line for each table, kept up to date on a terminal, written once elsewhere."""
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


def _explained(error: Exception) -> str:
    told = error.args[0] if error.args else ""
    if isinstance(told, dict):  # what the server says
        if told.get("C") == "42P01":
            return "the database has no shop in it; to add it: make migrate DATABASE_URL=… APP=shop"
        return f"the database refused: {told.get('M')}"
    return str(told)


def _amount(text: str) -> int:
    digits = text.replace("_", "")
    if not (digits.isascii() and digits.isdigit() and int(digits) <= MOST):
        raise argparse.ArgumentTypeError(f"must be a whole number from 0 to {MOST:,}, not {text!r}")
    return int(digits)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Add demo data of any size to the running system.")
    parser.add_argument("--products", type=_amount, default=0, metavar="N")
    parser.add_argument(
        "--orders",
        type=_amount,
        default=0,
        metavar="N",
        help="over the last year, 1 to 5 items each",
    )
    parser.add_argument(
        "--users", type=_amount, metavar="N", help="a tenth of the orders unless told"
    )
    parser.add_argument(
        "--url",
        help="the owner's postgresql:// URL; by default that of `make run`, from its state folder",
    )
    chosen = parser.parse_args(arguments)
    if not (chosen.products or chosen.orders or chosen.users):
        parser.error("how many? For example: make seed PRODUCTS=100000 ORDERS=200000")
    state = Path(os.environ.get("SLUICE_STATE") or STATE)  # noqa: TID251 - a tool's, as the local system reads it
    began = time.monotonic()
    try:
        url = chosen.url or _running_url(state)
        seed_more(
            url,
            products=chosen.products,
            orders=chosen.orders,
            users=chosen.users,
            report=_progress(),
        )
    except (SeedError, SettingsError, ValueError, DatabaseError, InterfaceError) as error:
        sys.exit(f"seed: {_explained(error)}")
    except KeyboardInterrupt:
        sys.exit("\nseed: stopped; what it had reported is there")
    print(f"done in {time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    main()
