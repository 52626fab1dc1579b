"""The rows of an import: copied into a temporary table as text, checked, and written.

One transaction does all of this, and drops the temporary table at its end. Behind a pooler, the
session's next transaction may be that of another worker, which runs another release.

If several rows have the same key, the last one counts. A row that would change nothing is not
written. Stock is locked in the order of the products' ids, as orders lock it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sluice.query import Query


class CopyTransaction(Protocol):
    """A transaction that can run COPY ... FROM STDIN."""

    def write(
        self, query: Query | str, params: Mapping[str, object] | None = None
    ) -> Sequence[Any]: ...
    def copy(self, sql: str, data: bytes) -> None: ...


class RowCountMismatch(Exception):
    """The server can write fewer or more rows than were read. Nothing is written."""

    def __init__(self, read: int, writable: int) -> None:
        super().__init__(f"{read} rows were read, but {writable} can be written")


@dataclass(frozen=True)
class UpsertTarget:
    """How the rows of one resource are checked and written.

    trusted_when: the condition for rows that are valid as they are. Other rows are read and
        checked by imports/row_parser.py.
    references: column → a query that finds the row to which the column refers.
    write: the statement that writes the rows. It returns how many rows it accepted.
    """

    trusted_when: str
    write: str
    references: Mapping[str, str]


CREATE_TABLE_SQL = """
    CREATE TEMPORARY TABLE import_rows (
        n bigint GENERATED ALWAYS AS IDENTITY,
        line bigint,
        name text,
        description text,
        price text,
        category text,
        inventory text,
        product text,
        product_id text,
        quantity text,
        slug text,
        email text
    ) ON COMMIT DROP
"""

# The characters that Python's str.strip removes, and other control characters, for a bracket
# expression. A row is not trusted if its name or description begins or ends with one.
_SPACE = r"\u0001-\u0020\u007f\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_TRIMMED = f"!~ '^[{_SPACE}]|[{_SPACE}]$'"
_NAME = f"(char_length(r.name) BETWEEN 1 AND 200 AND r.name {_TRIMMED})"
_QUANTITY = "~ '^[0-9]{1,9}$'"

PRODUCTS = """
    WITH latest AS MATERIALIZED (
        SELECT DISTINCT ON (name)
            name,
            description,
            CAST(price AS numeric) AS price,
            category,
            CAST(inventory AS integer) AS quantity
        FROM import_rows
        ORDER BY name, n DESC
    ), written AS (
        INSERT INTO products AS p (name, description, price, category_id)
        SELECT l.name, l.description, l.price, c.id
        FROM latest l JOIN categories c ON c.slug = l.category
        ORDER BY l.name
        ON CONFLICT (name) DO UPDATE SET
            price = excluded.price,
            category_id = excluded.category_id,
            description = CASE WHEN :has_description THEN excluded.description
                ELSE p.description END
        WHERE p.price <> excluded.price
            OR p.category_id <> excluded.category_id
            OR :has_description AND p.description IS DISTINCT FROM excluded.description
        RETURNING p.id, p.name
    ), stock AS (
        SELECT w.id, l.quantity FROM latest l JOIN written w USING (name)
        WHERE l.quantity IS NOT NULL
        UNION
        SELECT p.id, l.quantity FROM latest l JOIN products p USING (name)
        WHERE l.quantity IS NOT NULL
    ), stocked AS (
        INSERT INTO inventory AS i (product_id, quantity)
        SELECT id, quantity FROM stock ORDER BY id
        ON CONFLICT (product_id) DO UPDATE SET quantity = excluded.quantity
        WHERE i.quantity <> excluded.quantity
    )
    SELECT count(*) AS rows FROM import_rows r
    WHERE EXISTS (SELECT FROM categories t WHERE t.slug = r.category)
"""
# A row names its product by name or by id. Two joins: one with OR could not use an index.
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
        INSERT INTO inventory AS i (product_id, quantity)
        SELECT id, quantity FROM latest ORDER BY id
        ON CONFLICT (product_id) DO UPDATE SET quantity = excluded.quantity
        WHERE i.quantity <> excluded.quantity
    )
    SELECT count(*) AS rows FROM known
"""
CATEGORIES = """
    WITH written AS (
        INSERT INTO categories AS c (name, slug)
        SELECT DISTINCT ON (slug) name, slug
        FROM import_rows
        ORDER BY slug, n DESC
        ON CONFLICT (slug) DO UPDATE SET name = excluded.name
        WHERE c.name <> excluded.name
    )
    SELECT count(*) AS rows FROM import_rows
"""
# An email keeps the case in which it was first written.
USERS = """
    WITH written AS (
        INSERT INTO users AS u (email, name)
        SELECT DISTINCT ON (lower(email)) email, name
        FROM import_rows
        ORDER BY lower(email), n DESC
        ON CONFLICT (lower(email)) DO UPDATE SET name = excluded.name
        WHERE u.name <> excluded.name
    )
    SELECT count(*) AS rows FROM import_rows
"""

TARGETS: Mapping[str, UpsertTarget] = {
    "products": UpsertTarget(
        trusted_when=f"""
            {_NAME}
            AND r.price ~ '^[0-9]{{1,10}}([.][0-9]{{1,2}})?$'
            AND r.category IS NOT NULL
            AND (r.description IS NULL
                OR char_length(r.description) <= 10000 AND r.description {_TRIMMED})
            AND (r.inventory IS NULL OR r.inventory {_QUANTITY})
        """,
        write=PRODUCTS,
        references={"category": "SELECT FROM categories t WHERE t.slug = r.category"},
    ),
    "inventory": UpsertTarget(
        trusted_when=f"""
            r.quantity {_QUANTITY}
            AND (r.product IS NOT NULL OR r.product_id ~ '^[1-9][0-9]{{0,17}}$')
        """,
        write=INVENTORY,
        references={
            "product": "SELECT FROM products t WHERE t.name = r.product",
            "product_id": "SELECT FROM products t WHERE t.id = CAST(r.product_id AS bigint)",
        },
    ),
    "categories": UpsertTarget(
        trusted_when=f"{_NAME} AND r.slug ~ '^[a-z0-9-]{{1,200}}$'",
        write=CATEGORIES,
        references={},
    ),
    "users": UpsertTarget(
        trusted_when=f"""
            {_NAME}
            AND char_length(r.email) <= 254
            AND r.email ~ '^[!-?A-~]+@[!-?A-~]+$'
        """,
        write=USERS,
        references={},
    ),
}


class ImportRowRepository:
    """Copies, checks and writes the rows of one chunk, in its transaction."""

    def __init__(self, transaction: CopyTransaction, resource: str) -> None:
        self._transaction = transaction
        self._target = TARGETS[resource]
        transaction.write(Query(CREATE_TABLE_SQL))

    def copy_file(self, header: Sequence[str], data: bytes, record_count: int) -> bool:
        r"""Copy the records of a CSV file as they are. Return False if a row cannot be trusted.

        Also return False if COPY has not read `record_count` rows: until PostgreSQL 17 it stops at
        a line `\.`.
        """
        columns = ", ".join(header)
        options = f"FORMAT csv, NULL '', FORCE_NULL ({columns}), ENCODING 'UTF8'"
        self._transaction.copy(f"COPY import_rows ({columns}) FROM STDIN WITH ({options})", data)
        resolved = [
            f"(r.{column} IS NULL OR EXISTS ({query}))"
            for column, query in self._target.references.items()
            if column in header
        ]
        is_trusted = " AND ".join([self._target.trusted_when, *resolved])
        (copied,) = self._transaction.write(
            Query(
                f"""
            SELECT count(*) AS rows,
                coalesce(bool_and(coalesce({is_trusted}, false)), true) AS trusted
            FROM import_rows r
            """
            )
        )
        return bool(copied.trusted) and int(copied.rows) == record_count

    def copy_rows(
        self, columns: Sequence[str], rows: Iterable[tuple[int, Sequence[object]]]
    ) -> None:
        """Copy rows, each with its line number."""
        lines = ["\t".join([str(line), *map(_copy_text, values)]) for line, values in rows]
        data = "".join(f"{line}\n" for line in lines).encode()
        sql = f"COPY import_rows (line, {', '.join(columns)}) FROM STDIN WITH (ENCODING 'UTF8')"
        self._transaction.copy(sql, data)

    def delete_unresolved(self, columns: Sequence[str]) -> list[tuple[int, str]]:
        """Delete the rows that refer to missing rows. Return the line and the column of each."""
        deleted = []
        for column, query in self._target.references.items():
            if column not in columns:
                continue
            rows = self._transaction.write(
                Query(
                    f"""
                DELETE FROM import_rows r
                WHERE r.{column} IS NOT NULL AND NOT EXISTS ({query})
                RETURNING line
                """
                )
            )
            deleted += [(int(row.line), column) for row in rows]
        return deleted

    def write(self, header: Sequence[str], read: int) -> None:
        """Write the copied rows.

        Raises RowCountMismatch if the statement accepts another number of rows than `read`. One
        reason is that a row to which they refer was deleted after the check.
        """
        params = {}
        if ":has_description" in self._target.write:
            params["has_description"] = "description" in header
        (written,) = self._transaction.write(Query(self._target.write, params))
        if written.rows != read:
            raise RowCountMismatch(read, int(written.rows))


def _copy_text(value: object) -> str:
    """Return a value in the text format of COPY."""
    if value is None:
        return r"\N"
    text = str(value)
    if "\\" in text or "\t" in text or "\n" in text or "\r" in text:
        text = text.replace("\\", r"\\").replace("\t", r"\t")
        text = text.replace("\n", r"\n").replace("\r", r"\r")
    return text
