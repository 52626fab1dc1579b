"""The privileges and limits of the database role, the last layer of defence."""

from shop.analyst_tables import CATALOGUE
from shop.orders import STATUSES
from tests.fixtures.adhoc_sql import AnalystClient


def test_role_can_read_exactly_the_allowlist(analyst: AnalystClient) -> None:
    """The order of the columns counts too, because `*` is expanded by the allowlist."""
    readable = analyst.sql(
        """
        SELECT c.relname, array_agg(a.attname::text ORDER BY a.attnum)
        FROM pg_class c
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE c.relnamespace = 'public'::regnamespace
          AND c.relkind IN ('r', 'v', 'm', 'p')
          AND has_column_privilege('sluice_analyst', c.oid, a.attnum, 'SELECT')
        GROUP BY c.relname
        """
    )

    assert {name: tuple(columns) for name, columns in readable} == {
        name: tuple(table.columns) for name, table in CATALOGUE.tables.items()
    }


def test_unique_keys_are_those_of_the_tables(analyst: AnalystClient) -> None:
    """The limits of joins rely on them. A unique index on lower(email) makes email unique too."""
    indexed = analyst.sql(
        """
        SELECT i.indrelid::regclass::text, array_agg(pg_get_indexdef(indexrelid, n, true))
        FROM pg_index i CROSS JOIN LATERAL generate_series(1, i.indnkeyatts) n
        WHERE i.indisunique AND i.indpred IS NULL AND i.indrelid IN (
            SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace
        )
        GROUP BY i.indexrelid, i.indrelid
        """
    )
    unique = {
        (table, frozenset(column.removeprefix("lower(").removesuffix(")") for column in columns))
        for table, columns in indexed
    }

    declared = {
        (table, frozenset(key))
        for table, declared_table in CATALOGUE.tables.items()
        for key in declared_table.keys
    }
    assert declared == {(table, key) for table, key in unique if table in CATALOGUE.tables}


def test_sizes_of_columns_are_those_of_the_tables(analyst: AnalystClient) -> None:
    sizes = {
        name: column.bytes
        for table in CATALOGUE.tables.values()
        for name, column in table.columns.items()
        if column.text
    }

    expected = {
        "name": 800,
        "slug": 200,
        "description": 40_000,
        "email": 1_016,
        "status": max(map(len, STATUSES)),
    }
    assert expected.items() <= sizes.items()
    assert CATALOGUE.tables["orders"].columns["status"].distinct == len(STATUSES)


def test_role_cannot_write_and_calls_only_the_replica_check(analyst: AnalystClient) -> None:
    writable = analyst.sql(
        """
        SELECT relname FROM pg_class
        WHERE relnamespace IN ('public'::regnamespace, 'sluice'::regnamespace)
          AND relkind IN ('r', 'v', 'm', 'p')
          AND has_table_privilege(
              'sluice_analyst', oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER'
          )
        """
    )
    callable_ = analyst.sql(
        """
        SELECT proname FROM pg_proc
        WHERE pronamespace IN ('public'::regnamespace, 'sluice'::regnamespace)
          AND has_function_privilege('sluice_analyst', oid, 'EXECUTE')
        """
    )

    assert (writable, callable_) == ([], [["require_lsn"]])
    assert analyst.sql("SELECT has_schema_privilege('sluice_analyst', 'public', 'CREATE')") == [
        [False]
    ]


def test_role_has_limits(analyst: AnalystClient) -> None:
    limits, connections = analyst.sql(
        """
        SELECT s.setconfig, r.rolconnlimit
        FROM pg_roles r
        JOIN pg_db_role_setting s ON s.setrole = r.oid
        JOIN pg_database d ON d.oid = s.setdatabase AND d.datname = current_database()
        WHERE rolname = 'sluice_analyst'
        """
    )[0]

    assert {
        "default_transaction_read_only=on",
        "statement_timeout=5s",
        "lock_timeout=200ms",
    } <= set(limits)
    assert {
        "work_mem=8MB",
        "temp_file_limit=256MB",
        "jit=off",
        "max_parallel_workers_per_gather=0",
    } <= set(limits)
    assert connections == 50
