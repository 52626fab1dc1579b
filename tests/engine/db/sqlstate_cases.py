"""Statements that fail, one for every rule of the table of SQLSTATEs, with the expected errors.

PostgreSQL raises the errors itself if possible. Those of broken hardware, of other servers or of
Sluice's functions are raised in a DO block (`raise_statement`), and arrive in the same way.
"""

from dataclasses import dataclass

from sluice import errors
from sluice.db.error_names import ErrorNames

SECRET = "Kj9_secret_value"  # in every row and parameter, and never in an error

SCHEMA = f"""
CREATE DOMAIN address AS text CONSTRAINT address_form CHECK (value <> 'bad');
CREATE TABLE makers (
    id int PRIMARY KEY, name text NOT NULL, slug text UNIQUE,
    parent_id int CONSTRAINT parent REFERENCES makers, during int4range, address address,
    EXCLUDE USING gist (during WITH &&)
);
CREATE UNIQUE INDEX ON makers (lower(name));
CREATE TABLE lookups (
    maker_id int NOT NULL, "First ""Day" int, last int, seat int, extra int,
    CONSTRAINT days CHECK ("First ""Day" <= last),
    CONSTRAINT place UNIQUE ("First ""Day", seat, extra)
);
CREATE TABLE parts (id int, code text NOT NULL CHECK (code <> 'bad')) PARTITION BY LIST (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);
CREATE TABLE products (
    id int PRIMARY KEY, name varchar(40) NOT NULL CHECK (name <> 'bad'), price numeric(6, 2),
    category_id int REFERENCES makers, hidden int CHECK (hidden > 0),
    UNIQUE (hidden), UNIQUE (name), status text,
    CONSTRAINT products_status_excl EXCLUDE USING hash (status WITH =)
);
CREATE TABLE inventory (product_id int PRIMARY KEY, quantity int NOT NULL CHECK (quantity >= 0));
CREATE TABLE counted (id int GENERATED ALWAYS AS IDENTITY);
CREATE TABLE strict_children (user_id int REFERENCES makers ON DELETE RESTRICT);
CREATE VIEW cheap AS SELECT * FROM products WHERE price < 100 WITH CHECK OPTION;
INSERT INTO makers VALUES (1, '{SECRET}', '{SECRET}'), (2, 'idle', 'idle'), (3, 'strict', 'strict');
INSERT INTO products VALUES (1, '{SECRET}', 1, 1, 7, '{SECRET}');
INSERT INTO inventory VALUES (1, 3);
INSERT INTO lookups VALUES (1, 1, 2, 3, 4);
UPDATE makers SET parent_id = 3, during = '[1,5)' WHERE id = 2;
INSERT INTO strict_children VALUES (3);
"""


class SoldOut(errors.Conflict):
    code = "sold_out"


# Columns that are not listed here, such as `hidden`, are not named.
NAMES = ErrorNames(
    fields={
        "s.products": {
            "category_id": "category",
            "name": "name",
            "price": "price",
            "status": "status",
        },
        "s.makers": {"slug": "slug", "name": "title", "parent_id": "parent_id", "during": "during"}
        | {"address": "address"},
        "s.inventory": {"quantity": "quantity", "user_id": "user_id"},
        "s.lookups": {
            "maker_id": "maker.slug",
            'First "Day': "first",
            "last": "last",
            "seat": "seat",
        },
        "s.parts": {"code": "code"},
    },
    constraints={
        "s.days": ("s.lookups", ('First "Day', "last")),
        "s.address_form": ("s.makers", ("address",)),
    },
    self_references={"s.makers": ("parent_id",)},
    errors={"inventory_quantity_check": SoldOut},
)


@dataclass(frozen=True)
class Case:
    """A statement that fails, and the error that a client gets."""

    state: str
    sql: str
    error_class: type[errors.SluiceError]
    status: int
    field: str | None = None  # or several, separated by commas
    code: str | None = None
    detail: str = ""


def raise_statement(state: str, message: str = SECRET) -> str:
    return f"""DO $$ BEGIN
        RAISE EXCEPTION '{message}' USING ERRCODE = '{state}', DETAIL = '{SECRET}';
    END $$"""


NO_PRIVILEGE = """CREATE ROLE sqlstate_role; GRANT USAGE ON SCHEMA s TO sqlstate_role; \
GRANT INSERT ON s.inventory TO sqlstate_role; ALTER TABLE s.inventory ENABLE ROW LEVEL SECURITY; \
SET LOCAL ROLE sqlstate_role"""
TOO_MUCH = "This is more than the database can take at once."
BAD_TEXT = "A value holds a character that cannot be stored"
UNKNOWN = "Whether this took effect is unknown; send it again with the same key."
INVALID = errors.ValidationFailed
UNAVAILABLE = errors.DatabaseUnavailable
INTERNAL = errors.InternalError

CASES = [
    # values
    Case(
        "22001",
        "UPDATE products SET name = repeat('x', 41)",
        INVALID,
        422,
        detail="A value is too long",
    ),
    Case(
        "22003", "UPDATE products SET price = 10000", INVALID, 422, detail="A value is out of range"
    ),
    Case(
        "22007", f"SELECT '{SECRET}'::date", INVALID, 422, detail="A value cannot be read as a time"
    ),
    Case(
        "22008",
        "SELECT '2026-02-30'::date",
        INVALID,
        422,
        detail="A value is out of the range of times",
    ),
    Case("22012", "SELECT 1/0", INVALID, 422, detail="A value is not acceptable"),
    Case("22021", "SELECT convert_from('\\xff', 'UTF8')", INVALID, 422, detail=BAD_TEXT),
    Case("22P02", f"SELECT '{SECRET}'::int", INVALID, 422, detail="A value is not acceptable"),
    Case(
        "22023", "SELECT generate_series(1, 2, 0)", INVALID, 422, detail="A value is not acceptable"
    ),
    # constraints
    Case("23001", "DELETE FROM makers WHERE id = 3", errors.StillReferenced, 409),
    Case("23502", "INSERT INTO products (id) VALUES (2)", INVALID, 422, "name", "required"),
    Case(
        "23502", "INSERT INTO products (name) VALUES ('x')", INVALID, 422
    ),  # clients do not set the id
    Case("23502", "INSERT INTO makers (id) VALUES (9)", INVALID, 422, "title", "required"),
    Case("23502", "INSERT INTO lookups (last) VALUES (9)", INVALID, 422, "maker", "unknown"),
    Case("23502", "INSERT INTO parts (id) VALUES (1)", INVALID, 422, "code", "required"),
    Case("23503", "UPDATE products SET category_id = 99", INVALID, 422, "category", "unknown"),
    Case("23503", "DELETE FROM makers WHERE id = 1", errors.StillReferenced, 409),
    Case("23503", "UPDATE makers SET parent_id = 99", INVALID, 422, "parent_id", "unknown"),
    Case("23503", "UPDATE makers SET id = 99 WHERE id = 3", errors.StillReferenced, 409),
    Case("23503", "UPDATE makers SET id = 9 WHERE id = 1", errors.StillReferenced, 409),
    Case(
        "23505",
        f"INSERT INTO products VALUES (2, '{SECRET}')",
        errors.Duplicate,
        409,
        "name",
        "duplicate",
    ),
    Case("23505", "INSERT INTO products VALUES (1, 'x')", errors.Duplicate, 409),
    Case("23505", "INSERT INTO products VALUES (2, 'x', 1, NULL, 7)", errors.Duplicate, 409),
    Case(
        "23505",
        f"UPDATE makers SET slug = '{SECRET}' WHERE id = 2",
        errors.Duplicate,
        409,
        "slug",
        "duplicate",
    ),
    Case(
        "23505",
        "INSERT INTO makers (id, name) VALUES (9, 'IDLE')",
        errors.Duplicate,
        409,
        "title",
        "duplicate",
    ),
    Case(
        "23505",
        "INSERT INTO lookups VALUES (1, 1, 2, 3, 4)",
        errors.Duplicate,
        409,
        "first,seat",  # clients do not see the third column
        "duplicate",
    ),
    Case("23514", "UPDATE lookups SET last = 0", INVALID, 422, "first,last", "invalid"),
    Case("23514", "UPDATE makers SET address = 'bad'", INVALID, 422, "address", "invalid"),
    Case("23514", "UPDATE products SET name = 'bad'", INVALID, 422, "name", "invalid"),
    Case("23514", "UPDATE products SET hidden = -1", INVALID, 422),
    Case("23514", "UPDATE inventory SET quantity = quantity - 4", SoldOut, 409),
    Case(
        "23P01",
        f"INSERT INTO products VALUES (2, 'x', 1, 1, 8, '{SECRET}')",
        errors.Duplicate,
        409,
        "status",
        "duplicate",
    ),
    Case(
        "23P01",
        "UPDATE makers SET during = '[4,9)' WHERE id = 3",
        errors.Duplicate,
        409,
        "during",
        "duplicate",
    ),
    Case(
        "44000",
        "UPDATE cheap SET price = 200",
        INVALID,
        422,
        detail="A value is not acceptable here",
    ),
    # transactions
    Case("25006", "SET TRANSACTION READ ONLY; UPDATE makers SET id = id", UNAVAILABLE, 503),
    Case(
        "40001", raise_statement("40001"), errors.RolledBack, 503
    ),  # and by two transactions below, as 40P01 and 55P03
    Case("40002", raise_statement("40002"), errors.Conflict, 409),
    Case("40003", raise_statement("40003"), UNAVAILABLE, 503, detail=UNKNOWN),
    Case("25P03", raise_statement("25P03"), UNAVAILABLE, 503),
    Case("25P04", raise_statement("25P04"), UNAVAILABLE, 503),
    Case("26000", "EXECUTE lost_by_a_pooler", errors.RolledBack, 503),
    # connections and resources of the server
    Case("08006", raise_statement("08006"), UNAVAILABLE, 503),
    Case("08P01", raise_statement("08P01"), INTERNAL, 500),
    Case("0L000", raise_statement("0L000"), UNAVAILABLE, 503),
    Case("0P000", raise_statement("0P000"), UNAVAILABLE, 503),
    Case("28000", raise_statement("28000"), UNAVAILABLE, 503),
    Case("28P01", raise_statement("28P01"), UNAVAILABLE, 503),
    Case("53100", raise_statement("53100"), UNAVAILABLE, 503),
    Case("53200", raise_statement("53200"), UNAVAILABLE, 503),
    Case("53300", raise_statement("53300"), UNAVAILABLE, 503),
    Case("53400", raise_statement("53400"), UNAVAILABLE, 503),
    Case("54001", "SELECT repeat('[', 200000)::json", INVALID, 422, detail=TOO_MUCH),
    Case("55006", raise_statement("55006"), UNAVAILABLE, 503),
    Case(
        "57014",
        "SET LOCAL statement_timeout = 20; SELECT pg_sleep(5)",
        errors.StatementTimeout,
        504,
    ),
    Case("57P01", raise_statement("57P01"), errors.ConnectionLost, 503),
    Case("57P02", raise_statement("57P02"), errors.ConnectionLost, 503),
    Case("57P03", raise_statement("57P03"), UNAVAILABLE, 503),
    Case("57P05", raise_statement("57P05"), errors.ConnectionLost, 503),
    # functions of Sluice
    Case(
        "P0001", raise_statement("P0001"), INVALID, 422, detail="The database does not accept this."
    ),
    Case(
        "P0002",
        "DO $$ DECLARE n int; BEGIN SELECT id INTO STRICT n FROM makers WHERE id = 99; END $$",
        errors.NotFound,
        404,
    ),
    Case("IKHAS", raise_statement("IKHAS"), errors.IdempotencyKeyReused, 422),
    Case("IKRUN", raise_statement("IKRUN"), errors.IdempotencyInProgress, 409),
    Case("PT404", raise_statement("PT404"), errors.NotFound, 404),
    Case("PT409", raise_statement("PT409"), errors.Conflict, 409),
    Case("PT412", raise_statement("PT412"), errors.StaleVersion, 412),
    Case(
        "PT422", raise_statement("PT422"), INVALID, 422, detail="The database does not accept this."
    ),
    Case(
        "ZX001", raise_statement("ZX001"), INVALID, 422, detail="The database does not accept this."
    ),
    Case(
        "45000", raise_statement("45000"), INVALID, 422, detail="The database does not accept this."
    ),
    Case("SLREF", raise_statement("SLREF", "a,b"), INVALID, 422, "a,b", "unknown"),
    Case("SLBHD", raise_statement("SLBHD"), errors.ReplicaBehind, 503),
    # internal errors
    Case("0A000", raise_statement("0A000"), INTERNAL, 500),
    Case("21000", "SELECT (SELECT n FROM generate_series(1, 2) n)", INTERNAL, 500),
    Case("25001", raise_statement("25001"), INTERNAL, 500),
    Case("3F000", "CREATE TABLE no_schema.t (id int)", INTERNAL, 500),
    Case("3F000", "CALL sluice.claim_idempotency_key(NULL::bytea)", errors.NotSetUp, 503),
    Case(
        "42501", raise_statement("42501"), INVALID, 422, detail="The database does not accept this."
    ),
    Case("42501", f"{NO_PRIVILEGE}; SELECT * FROM s.makers", errors.NotSetUp, 503),
    Case(
        "42501",
        f"{NO_PRIVILEGE}; INSERT INTO s.inventory VALUES (9, 9)",  # no policy allows a row
        INVALID,
        422,
        detail="A value is not acceptable here",
    ),
    Case("42601", "SELEC 1", INTERNAL, 500),
    Case("42703", "SELECT no_column FROM makers", INTERNAL, 500),
    Case("42883", "SELECT no_function(1)", INTERNAL, 500),
    Case("42883", "SELECT public.no_function(1)", errors.NotSetUp, 503),
    Case("42P01", "SELECT * FROM no_table", errors.NotSetUp, 503),
    Case("55000", "SELECT currval(pg_get_serial_sequence('counted', 'id'))", INTERNAL, 500),
    Case(
        "55000",
        "CREATE MATERIALIZED VIEW unfilled AS SELECT 1 WITH NO DATA; SELECT * FROM unfilled",
        errors.NotSetUp,
        503,
    ),
    Case("58030", raise_statement("58030"), INTERNAL, 500),
    Case("XX000", raise_statement("XX000"), INTERNAL, 500),
]
