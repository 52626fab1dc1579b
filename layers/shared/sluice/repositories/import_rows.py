"""The rows of an import: staged by COPY as text, looked over, and written where they differ from what there is.

All of it is one transaction's, in a temporary table that is gone when it ends: behind a pooler the next transaction of
this session may be another worker's, of another release. The last of several rows with
one key counts. Stock is locked in the order of products' ids, as orders lock it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class Transaction(Protocol):
    def write(self, sql: str, params: Mapping[str, object] | None = None) -> Sequence[Any]: ...
    def copy(self, sql: str, data: bytes) -> None: ...


class RowCountMismatch(Exception):
    """The server has another number of rows than were read: nothing is written."""

    def __init__(self, read: int, staged: int) -> None:
        super().__init__(f"{read} rows were read, and {staged} are there to be written")


@dataclass(frozen=True)
class UpsertTarget:
    """`clean` is true of a row that is certainly right as it stands; what is not certain is read by imports/row_parser.py.

    `references` are columns that name rows of a table. `write` returns one row: how many of the staged rows it took.
    """

    clean: str
    write: str
    references: Mapping[str, str]


STAGE = """
    CREATE TEMPORARY TABLE import_rows (
        n bigint GENERATED ALWAYS AS IDENTITY, line bigint, name text, description text, price text, category text,
        inventory text, product text, product_id text, quantity text, slug text, email text
    ) ON COMMIT DROP
"""

# Characters that Python strips and a row must not begin or end with to be taken as it is.
_SPACE = r"\u0001-\u0020\u007f\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"  # in a bracket expression
_TRIMMED = f"!~ '^[{_SPACE}]|[{_SPACE}]$'"
_NAME = f"(char_length(r.name) BETWEEN 1 AND 200 AND r.name {_TRIMMED})"
_QUANTITY = "~ '^[0-9]{1,9}$'"

PRODUCTS = """
    WITH latest AS MATERIALIZED (
        SELECT DISTINCT ON (name) name, description, CAST(price AS numeric) AS price, category,
            CAST(inventory AS integer) AS quantity
        FROM import_rows ORDER BY name, n DESC
    ), written AS (
        INSERT INTO products AS p (name, description, price, category_id)
        SELECT l.name, l.description, l.price, c.id FROM latest l JOIN categories c ON c.slug = l.category
        ORDER BY l.name
        ON CONFLICT (name) DO UPDATE SET
            price = excluded.price, category_id = excluded.category_id,
            description = CASE WHEN :described THEN excluded.description ELSE p.description END
        WHERE p.price <> excluded.price OR p.category_id <> excluded.category_id
            OR :described AND p.description IS DISTINCT FROM excluded.description
        RETURNING p.id, p.name
    ), stock AS (
        SELECT w.id, l.quantity FROM latest l JOIN written w USING (name) WHERE l.quantity IS NOT NULL
        UNION
        SELECT p.id, l.quantity FROM latest l JOIN products p USING (name) WHERE l.quantity IS NOT NULL
    ), stocked AS (
        INSERT INTO inventory AS i (product_id, quantity) SELECT id, quantity FROM stock ORDER BY id
        ON CONFLICT (product_id) DO UPDATE SET quantity = excluded.quantity WHERE i.quantity <> excluded.quantity
    )
    SELECT count(*) AS rows FROM import_rows r WHERE EXISTS (SELECT FROM categories t WHERE t.slug = r.category)
"""
# Rows name their product by its name or its id. Two joins, because one with OR has no index to use.
INVENTORY = """
    WITH known AS MATERIALIZED (
        SELECT p.id, CAST(r.quantity AS integer) AS quantity, r.n
        FROM import_rows r JOIN products p ON p.name = r.product
        UNION ALL
        SELECT p.id, CAST(r.quantity AS integer), r.n
        FROM import_rows r JOIN products p ON p.id = CAST(r.product_id AS bigint)
    ), latest AS MATERIALIZED (
        SELECT DISTINCT ON (id) id, quantity FROM known ORDER BY id, n DESC
    ), written AS (
        INSERT INTO inventory AS i (product_id, quantity) SELECT id, quantity FROM latest ORDER BY id
        ON CONFLICT (product_id) DO UPDATE SET quantity = excluded.quantity WHERE i.quantity <> excluded.quantity
    )
    SELECT count(*) AS rows FROM known
"""
CATEGORIES = """
    WITH written AS (
        INSERT INTO categories AS c (name, slug)
        SELECT DISTINCT ON (slug) name, slug FROM import_rows ORDER BY slug, n DESC
        ON CONFLICT (slug) DO UPDATE SET name = excluded.name WHERE c.name <> excluded.name
    )
    SELECT count(*) AS rows FROM import_rows
"""
# An email is kept as it was first written.
USERS = """
    WITH written AS (
        INSERT INTO users AS u (email, name)
        SELECT DISTINCT ON (lower(email)) email, name FROM import_rows ORDER BY lower(email), n DESC
        ON CONFLICT (lower(email)) DO UPDATE SET name = excluded.name WHERE u.name <> excluded.name
    )
    SELECT count(*) AS rows FROM import_rows
"""

TARGETS: Mapping[str, UpsertTarget] = {
    "products": UpsertTarget(
        clean=f"{_NAME} AND r.price ~ '^[0-9]{{1,10}}([.][0-9]{{1,2}})?$' AND r.category IS NOT NULL"
        f" AND (r.description IS NULL OR char_length(r.description) <= 10000 AND r.description {_TRIMMED})"
        f" AND (r.inventory IS NULL OR r.inventory {_QUANTITY})",
        write=PRODUCTS,
        references={"category": "SELECT FROM categories t WHERE t.slug = r.category"},
    ),
    "inventory": UpsertTarget(
        clean=f"r.quantity {_QUANTITY} AND (r.product IS NOT NULL OR r.product_id ~ '^[1-9][0-9]{{0,17}}$')",
        write=INVENTORY,
        references={
            "product": "SELECT FROM products t WHERE t.name = r.product",
            "product_id": "SELECT FROM products t WHERE t.id = CAST(r.product_id AS bigint)",
        },
    ),
    "categories": UpsertTarget(
        clean=f"{_NAME} AND r.slug ~ '^[a-z0-9-]{{1,200}}$'",
        write=CATEGORIES,
        references={},
    ),
    "users": UpsertTarget(
        clean=f"{_NAME} AND char_length(r.email) <= 254 AND r.email ~ '^[!-?A-~]+@[!-?A-~]+$'",
        write=USERS,
        references={},
    ),
}


class ImportRowRepository:
    """The rows of one chunk, in its transaction."""

    def __init__(self, transaction: Transaction, resource: str) -> None:
        self._transaction = transaction
        self._target = TARGETS[resource]
        transaction.write(STAGE)

    def copy_file(self, header: Sequence[str], data: bytes, records: int) -> bool:
        """Copy so many records of a CSV file as they are. Return False if a row is not certainly right.

        It is also False if COPY has read another number of rows. Until PostgreSQL 17 it stops at a line `\\.`.
        """
        columns = ", ".join(header)
        options = f"FORMAT csv, NULL '', FORCE_NULL ({columns}), ENCODING 'UTF8'"
        self._transaction.copy(f"COPY import_rows ({columns}) FROM STDIN WITH ({options})", data)
        known = [
            f"(r.{column} IS NULL OR EXISTS ({found}))"
            for column, found in self._target.references.items()
            if column in header
        ]
        certain = " AND ".join([self._target.clean, *known])
        looked = f"SELECT count(*) AS rows, coalesce(bool_and(coalesce({certain}, false)), true) AS clean FROM import_rows r"
        (staged,) = self._transaction.write(looked)
        return bool(staged.clean) and int(staged.rows) == records

    def copy_rows(
        self, columns: Sequence[str], rows: Iterable[tuple[int, Sequence[object]]]
    ) -> None:
        """Copy rows that were read, each with its line."""
        lines = ["\t".join([str(line), *map(_copied, values)]) for line, values in rows]
        data = "".join(f"{line}\n" for line in lines).encode()
        copy = f"COPY import_rows (line, {', '.join(columns)}) FROM STDIN WITH (ENCODING 'UTF8')"
        self._transaction.copy(copy, data)

    def delete_unresolved(self, columns: Sequence[str]) -> list[tuple[int, str]]:
        """Take out the rows that name what there is not: the line of each, and the column."""
        dropped = []
        for column, found in self._target.references.items():
            if column in columns:
                lost = f"DELETE FROM import_rows r WHERE r.{column} IS NOT NULL AND NOT EXISTS ({found}) RETURNING line"
                dropped += [(int(row.line), column) for row in self._transaction.write(lost)]
        return dropped

    def write(self, header: Sequence[str], read: int) -> None:
        """Write what is staged. Disagreement if that is another number of rows than were `read`.

        So it is too if a row that they refer to was deleted since it was looked for.
        """
        values = (
            {"described": "description" in header} if ":described" in self._target.write else {}
        )
        (taken,) = self._transaction.write(self._target.write, values)
        if taken.rows != read:
            raise RowCountMismatch(read, int(taken.rows))


def _copied(value: object) -> str:
    """As COPY's text format has it."""
    if value is None:
        return r"\N"
    text = str(value)
    if "\\" in text or "\t" in text or "\n" in text or "\r" in text:
        text = (
            text.replace("\\", r"\\").replace("\t", r"\t").replace("\n", r"\n").replace("\r", r"\r")
        )
    return text
