"""A shop with data as a shop has it, for the tests of query plans and for the benchmarks.

There are 1,000 categories. The first one has a tenth of the products, the last one a product in
three thousand. Half of the descriptions have over 300 characters, one in a hundred over 2,000, and
a few the maximum of 10,000; one product in twenty has none. Prices have a long tail. Equal calls
generate equal rows.
"""

from collections.abc import Iterator
from io import BytesIO
from random import Random
from typing import Any, NamedTuple

CATEGORIES = 1_000
MAX_DESCRIPTION = 10_000  # characters, as the application declares
VOCABULARY = 4_000
SYLLABLES = "ba be bo da de di fa fi ga go ha ka ke ko la le li lo ma me mi mo na ne no pa pe ra"
TEXT = 60_000  # characters, of which the descriptions are parts
OPENED = "2024-01-01 00:00:00+00"


class ShopSize(NamedTuple):
    """The number of rows of a shop. Users and orders are in proportion to the products."""

    products: int
    categories: int = CATEGORIES

    @property
    def users(self) -> int:
        return max(10, self.products // 10)

    @property
    def orders(self) -> int:
        return max(10, self.products // 3)


# Without triggers and foreign keys: the rows are complete. The index of the search is created
# after the rows, which takes a third of the time.
SETTINGS = """
SET session_replication_role = replica;
SET maintenance_work_mem = '1GB';
SET jit = off;
SELECT setseed(0.42)
"""
ADD_CATEGORIES = """
INSERT INTO categories (name, slug, created_at, updated_at)
SELECT 'Category ' || n, 'category-' || n, t, t
FROM (
    SELECT n, timestamptz '2020-01-01Z' + n * interval '1 hour' AS t
    FROM generate_series(1, CAST(:categories AS integer)) n
) c
"""
COPY_PRODUCTS = """
COPY products (name, description, price, category_id, created_at, updated_at) FROM STDIN
"""
ADD_INVENTORY = """
INSERT INTO inventory (product_id, quantity, updated_at)
SELECT id, CASE WHEN random() < 0.05 THEN 0 ELSE 1 + floor(power(random(), 3) * 500) END, updated_at
FROM products ORDER BY id
"""
ADD_USERS = """
INSERT INTO users (email, name, created_at)
SELECT 'user' || n || '@example.com', 'Name ' || md5(n::text),
    CAST(:opened AS timestamptz) + n * interval '50 minutes'
FROM generate_series(1, CAST(:users AS integer)) n
"""
ADD_ORDERS = """
INSERT INTO orders (user_id, status, total, created_at)
SELECT 1 + floor(power(random(), 2) * CAST(:users AS integer)),
    CASE WHEN n % 97 = 0 THEN 'pending' WHEN n % 11 = 0 THEN 'cancelled' ELSE 'delivered' END,
    floor(power(random(), 2) * 90000) / 100,
    CAST(:opened AS timestamptz) + n * interval '10 minutes'
FROM generate_series(1, CAST(:orders AS integer)) n
"""
ADD_ITEMS = """
INSERT INTO order_items (order_id, product_id, quantity, unit_price)
SELECT o.id, 1 + (o.id * 7919 + k * 104729) % CAST(:products AS bigint), 1 + (o.id + k) % 3, 9.95
FROM orders o, generate_series(1, 1 + o.id % 4) k
"""
INDEXES = """
SELECT indexname, indexdef FROM pg_indexes
WHERE schemaname = 'public' AND tablename = 'products' AND NOT EXISTS (
    SELECT FROM pg_constraint WHERE conname = indexname
)
"""


def fill(connection: Any, size: ShopSize) -> None:
    """Fill the empty tables of a migrated shop, as their owner, a superuser.

    The caller runs VACUUM ANALYZE.
    """
    connection.run(SETTINGS)
    indexes = connection.run(INDEXES)
    for name, _ in indexes:
        connection.run(f"DROP INDEX public.{name}")
    connection.run(ADD_CATEGORIES, categories=size.categories)
    connection.run(COPY_PRODUCTS, stream=BytesIO("".join(product_lines(size)).encode()))
    connection.run(ADD_INVENTORY)
    connection.run(ADD_USERS, users=size.users, opened=OPENED)
    connection.run(ADD_ORDERS, users=size.users, orders=size.orders, opened=OPENED)
    connection.run(ADD_ITEMS, products=size.products)
    for _, definition in indexes:
        connection.run(definition)
    connection.run("RESET ALL")


def product_lines(size: ShopSize) -> Iterator[str]:
    """Yield the products as lines of COPY."""
    rng = Random(7)
    text = running_text(rng)
    for n in range(1, size.products + 1):
        category = 1 + int(rng.random() ** 3 * size.categories)
        price = int(rng.random() ** 3 * 50_000) / 100
        start = rng.randrange(TEXT - MAX_DESCRIPTION)
        name = f"{text[start : start + 24].strip().title()} {n}"
        created = f"{OPENED[:10]} {n % 24:02}:{n // 3 % 60:02}:00+00"
        edited = f"2025-{1 + n % 7:02}-{1 + n % 28:02} 12:00:00+00" if n % 3 == 0 else created
        description = text[start : start + _length(rng)].strip() or r"\N"
        yield f"{name}\t{description}\t{price:.2f}\t{category}\t{created}\t{edited}\n"


def _length(rng: Random) -> int:
    """Return the number of characters of a description."""
    drawn = rng.random()
    if drawn < 0.05:
        return 0
    return MAX_DESCRIPTION if drawn > 0.998 else min(int(rng.lognormvariate(5.7, 0.85)), 9_000)


def running_text(rng: Random) -> str:
    """Return sentences, whose words are as frequent as in a language."""
    syllables = SYLLABLES.split()
    words = ["".join(rng.choices(syllables, k=rng.randint(1, 4))) for _ in range(VOCABULARY)]
    frequencies = [1 / (3 + rank) for rank in range(VOCABULARY)]
    parts: list[str] = []
    length = 0
    while length < TEXT:
        sentence = " ".join(rng.choices(words, frequencies, k=rng.randint(5, 18))).capitalize()
        parts.append(f"{sentence}.")
        length += len(sentence) + 2
    return " ".join(parts)
