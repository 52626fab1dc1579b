"""Every rule of the table of SQLSTATEs is tested: removing one fails a test here."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import Engine, text

from sluice import errors
from sluice.db.database import Database
from sluice.db.error_names import ErrorNames
from sluice.db.sqlstate import RULES, from_report, translate
from sluice.query import Query
from tests.engine.db.conftest import Connect, pipelined
from tests.engine.db.sqlstate_cases import CASES, NAMES, SCHEMA, SECRET, UNAVAILABLE, Case


@pytest.fixture(scope="module")
def schema(settings: Any) -> Iterator[str]:
    """The name of a schema for this module. Tests roll back their changes."""
    with closing(pipelined(settings)) as connection:
        connection.autocommit = True
        for statement in [
            "CREATE SCHEMA s",
            "SET search_path TO s",
            *filter(str.strip, SCHEMA.split(";")),
        ]:
            connection.run(statement)
        yield "s"
        connection.run("DROP SCHEMA s CASCADE")


@pytest.fixture
def engine(make_database: Callable[..., Database], schema: str) -> Engine:
    return make_database("web", options={"names": lambda: NAMES}).pool.engine


def provoke(engine: Engine, sql: str) -> errors.SluiceError:
    """Return the error of the last statement, run in a transaction that is rolled back."""
    *before, last = sql.split("; ") if not sql.startswith("DO") else [sql]
    with engine.connect() as connection:
        for statement in ["SET LOCAL search_path TO s", *before]:
            connection.execute(text(statement))
        with pytest.raises(errors.SluiceError) as caught:
            connection.exec_driver_sql(last)
    return caught.value


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.state}-{case.sql[:24]}")
def test_sqlstate_is_translated(engine: Engine, case: Case) -> None:
    error = provoke(engine, case.sql)
    assert state_of(error) in (
        case.state,
        {"23001": "23503"}.get(case.state),
    )  # its own state since PostgreSQL 18
    assert type(error) is case.error_class
    assert error.status == case.status
    assert [(fault.pointer, fault.code) for fault in error.errors] == (
        [(f"/{field}", case.code) for field in case.field.split(",")] if case.field else []
    )
    assert case.detail in (error.detail, "")
    assert ("Retry-After" in error.headers) == (case.status in (503, 504))
    assert_no_values(error)


def state_of(error: errors.SluiceError) -> str:
    assert error.__cause__ is not None
    report: dict[str, str] = error.__cause__.args[0]
    return report["C"]


def assert_no_values(error: errors.SluiceError) -> None:
    shown = " ".join(
        [str(error), error.detail, *(f"{f.message} {f.pointer} {f.code}" for f in error.errors)]
    )
    for hidden in (
        SECRET,
        "products",
        "makers",
        "inventory_",
        "_check",
        "_key",
        "hidden",
        "SELECT",
        "violates",
    ):
        assert hidden not in shown


def test_every_rule_is_tested() -> None:
    provoked = {case.state for case in CASES} | {"40P01", "55P03"}
    used = {state if state in RULES else state[:2] for state in provoked}
    assert set(RULES) <= used


def test_unknown_sqlstate_is_an_internal_error() -> None:
    for report in ({"C": "ZZ999"}, {"C": ""}, {}):
        assert type(from_report(report, NAMES)) is errors.InternalError


def test_similar_table_names_are_distinguished(engine: Engine) -> None:
    """`item` refers to `item_kinds`, and the key contains the name of the child table."""
    with engine.connect() as connection:
        connection.execute(text("CREATE TEMP TABLE item_kinds (name text PRIMARY KEY)"))
        connection.execute(text("CREATE TEMP TABLE item (name text REFERENCES item_kinds)"))
        with pytest.raises(errors.ValidationFailed):
            connection.execute(text("INSERT INTO item VALUES ('the item (in \"item\")')"))


@pytest.mark.parametrize(
    ("detail", "error_class"),
    [
        (
            "La clé (id)=(1) est toujours référencée à partir de la table « products ».",
            errors.StillReferenced,
        ),
        (
            "La clé (category_id)=(9) n'est pas présente dans la table « makers ».",
            errors.ValidationFailed,
        ),
        ('テーブル"products"からキー(id)=(1)がまだ参照されています。', errors.StillReferenced),
        (
            'Key is not present in table "makers".',
            errors.ValidationFailed,
        ),  # a role that may not read the parent
        ("", errors.ValidationFailed),
    ],
)
def test_foreign_key_errors_in_any_language(
    detail: str, error_class: type[errors.SluiceError]
) -> None:
    report = {"C": "23503", "t": "products", "n": "products_category_id_fkey", "D": detail}
    assert type(from_report(report, NAMES)) is error_class


def test_unknown_table_has_fields_that_all_tables_agree_on() -> None:
    for column, pointers in (("price", ["/price"]), ("name", []), ("hidden", [])):
        error = from_report({"C": "23502", "s": "s", "t": "partition", "c": column}, NAMES)
        assert [fault.pointer for fault in error.errors] == pointers


@pytest.mark.parametrize(
    ("statement", "pointer"),
    [
        ("INSERT INTO s.makers (name) VALUES (:name)", "/title"),
        ('WITH p AS (UPDATE "s"."products" p SET name = :name) SELECT', "/name"),
        ("DELETE FROM s.products", "/name"),
        ("INSERT INTO s.undeclared SELECT name FROM s.makers", None),
    ],
)
def test_unknown_table_has_fields_of_the_written_one(statement: str, pointer: str | None) -> None:
    report = {"C": "23505", "s": "s", "t": "partition", "D": "Key (name)=(x) already exists."}
    error = from_report(report, NAMES.after(statement))
    assert [fault.pointer for fault in error.errors] == ([pointer] if pointer else [])


@pytest.mark.parametrize(
    ("constraint", "pointers"),
    [
        ("partition_pkey", ["/maker", "/seat"]),
        ("partition_last_seat_key", ["/last", "/seat"]),
        ("partition_last_seat_key1", ["/last", "/seat"]),
        ("partition_seat_idx", ["/seat"]),
        ("lookups_last_excl", ["/last"]),
        ("partition_last_hidden_key", []),
    ],
)
def test_partition_that_the_role_may_not_read(constraint: str, pointers: list[str]) -> None:
    """The report has no detail, so the name of the constraint tells the columns."""
    names = NAMES._replace(keys={"s.lookups": ("maker_id", "seat")})
    report = {"C": "23505", "s": "s", "t": "partition", "n": constraint}
    error = from_report(report, names.after("INSERT INTO s.lookups"))
    assert [fault.pointer for fault in error.errors] == pointers


def test_no_column_is_named_without_names() -> None:
    error = from_report({"C": "23502", "c": "name"}, ErrorNames())
    assert (list(error.errors), error.detail) == ([], "A value is missing")


def run_in_session(database: Database, sql: str) -> None:
    with database.transaction() as transaction:
        transaction.session.execute(text(sql))


def test_query_and_session_name_the_same_fields(
    make_database: Callable[..., Database], schema: str
) -> None:
    """Errors of a query come from `Database`, those of a session from the engine."""
    database = make_database(options={"names": lambda: NAMES})
    insert = "INSERT INTO s.products (id) VALUES (2)"
    with pytest.raises(errors.ValidationFailed) as of_query:
        database.write(Query(insert))
    with pytest.raises(errors.ValidationFailed) as of_session:
        run_in_session(database, insert)
    for caught in (of_query, of_session):
        assert [fault.pointer for fault in caught.value.errors] == ["/name"]


def test_deferred_constraint_of_a_transaction_is_translated(
    make_database: Callable[..., Database],
) -> None:
    database = make_database(options={"names": lambda: NAMES})
    with database.transaction() as transaction:
        transaction.write(Query("CREATE TEMP TABLE p (id int PRIMARY KEY)"))
        references = "REFERENCES p DEFERRABLE INITIALLY DEFERRED"
        transaction.write(Query(f"CREATE TEMP TABLE c (user_id int {references})"))
        transaction.write(Query("INSERT INTO c VALUES (1)"))
        with pytest.raises(errors.ValidationFailed) as caught:
            transaction.commit()
    assert [fault.pointer for fault in caught.value.errors] == ["/user_id"]
    assert database.pool.metrics().invalid == 0


def test_deferred_constraint_of_an_engine_is_translated(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execute(text("CREATE TEMP TABLE p (id int PRIMARY KEY)"))
        connection.execute(
            text("CREATE TEMP TABLE c (user_id int REFERENCES p DEFERRABLE INITIALLY DEFERRED)")
        )
        connection.execute(text("INSERT INTO c VALUES (1)"))
        with pytest.raises(errors.ValidationFailed) as caught:
            connection.commit()
    assert [fault.pointer for fault in caught.value.errors] == ["/user_id"]


@pytest.mark.parametrize("prepare", [False, True])
@pytest.mark.parametrize("claims", [False, True])
def test_deferred_constraint_undoes_the_whole_query(
    make_database: Callable[..., Database], schema: str, *, prepare: bool, claims: bool
) -> None:
    """The error comes at the commit, which is in the same flush as the claim and the insert."""
    database = make_database(options={"names": lambda: NAMES})
    before = Query("UPDATE s.inventory SET quantity = 8") if claims else None
    insert = "INSERT INTO s.inventory VALUES (9, 9), (10, 9) RETURNING 1"
    unique = "ADD CONSTRAINT inventory_quantity_key UNIQUE (quantity) DEFERRABLE INITIALLY DEFERRED"
    database.write(Query(f"ALTER TABLE s.inventory {unique}"))
    try:
        for _ in range(3):
            with pytest.raises(errors.Duplicate) as caught:
                database.write(Query(insert, prepare=prepare, before=before))
            assert [fault.pointer for fault in caught.value.errors] == ["/quantity"]
    finally:
        database.write(Query("ALTER TABLE s.inventory DROP CONSTRAINT inventory_quantity_key"))
    stored = database.read(Query("SELECT product_id, quantity FROM s.inventory"))
    assert [tuple(row) for row in stored] == [(1, 3)]


def test_commit_after_an_error_is_an_internal_error(engine: Engine) -> None:
    with engine.connect() as connection:
        with pytest.raises(errors.ValidationFailed):
            connection.execute(text("SELECT 1/0"))
        with pytest.raises(errors.InternalError) as caught:
            connection.commit()
    assert state_of(caught.value) == "25P02"


# --- errors that need two transactions


@pytest.fixture
def other_connection(open_connection: Connect, schema: str) -> Any:
    connection = open_connection(pipelined)
    connection.run("SET search_path TO s")
    connection.commit()
    return connection


def test_serialization_failure(engine: Engine, other_connection: Any) -> None:
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        connection.execute(text("SELECT * FROM s.inventory"))
        other_connection.run("UPDATE inventory SET quantity = quantity")
        other_connection.commit()
        with pytest.raises(errors.RolledBack) as caught:
            connection.execute(text("UPDATE s.inventory SET quantity = quantity"))
    assert state_of(caught.value) == "40001"
    assert_no_values(caught.value)


def test_lock_not_available(engine: Engine, other_connection: Any) -> None:
    other_connection.run("SELECT * FROM inventory FOR UPDATE")
    error = provoke(engine, "SELECT * FROM inventory FOR UPDATE NOWAIT")
    other_connection.rollback()
    assert (state_of(error), type(error)) == ("55P03", errors.DatabaseUnavailable)
    assert_no_values(error)


def test_deadlock(engine: Engine, other_connection: Any) -> None:
    other_connection.run("SELECT * FROM makers WHERE id = 2 FOR UPDATE")
    with engine.connect() as connection:
        connection.execute(text("SET LOCAL deadlock_timeout = 20"))
        connection.execute(text("SELECT * FROM s.makers WHERE id = 3 FOR UPDATE"))
        rival_pid = other_connection._backend_key_data[:4]
        other = threading.Thread(
            target=other_connection.run, args=("SELECT * FROM makers WHERE id = 3 FOR UPDATE",)
        )
        other.start()
        wait_until_blocked(connection, int.from_bytes(rival_pid, "big"))
        with pytest.raises(errors.RolledBack) as caught:
            connection.execute(text("SELECT * FROM s.makers WHERE id = 2 FOR UPDATE"))
    other.join()
    other_connection.rollback()
    assert state_of(caught.value) == "40P01"
    assert_no_values(caught.value)


def wait_until_blocked(connection: Any, pid: int) -> None:
    blocked = text("SELECT cardinality(pg_blocking_pids(:pid)) > 0")
    for _ in range(10_000):
        if connection.scalar(blocked, {"pid": pid}):
            return
    pytest.fail(f"{pid} never waited for a lock")


# --- errors without a report of the server


@pytest.mark.parametrize(
    "changes",
    [{"password": "wrong"}, {"name": "no_such"}, {"port": 1}, {"host": "no-such-host.invalid"}],
    ids=str,
)
def test_failed_connection_is_unavailable(
    make_database: Callable[..., Database], changes: dict[str, Any]
) -> None:
    database, web = make_database(**changes), make_database("web", **changes)
    for use in (lambda: database.read(Query("SELECT 1")), lambda: web.pool.engine.connect()):
        with pytest.raises(UNAVAILABLE) as caught:
            use()
        assert type(caught.value) is UNAVAILABLE
        assert caught.value.headers["Retry-After"] == "1"
        assert caught.value.__cause__ is not None
        assert "wrong" not in str(caught.value)


def test_misused_driver_is_an_internal_error(engine: Engine) -> None:
    with engine.connect() as connection, pytest.raises(errors.InternalError):
        connection.exec_driver_sql("COPY (SELECT 1) TO STDOUT")


def test_other_exceptions_are_not_translated() -> None:
    assert translate(LookupError("x"), connected=True) is None
    assert translate(errors.PoolExhausted(), connected=True) is None
