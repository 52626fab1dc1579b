"""Each policy alone hides the rows of another studio from plain SQL, and refuses to write them.

The session is one of the functions' role, without Sluice. Its statements name one table, so no
policy of another one can hide a row.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import closing

import pg8000.native
import pytest

from tests.fixtures.database import owner_connection
from tests.fixtures.studio import OTHER_STUDIO, STUDIO
from tests.fixtures.tenant_rows import OF_STUDIO, TABLES
from tests.fixtures.two_tenants import Studios

REFUSED = "row-level security policy"
OPEN = "ALTER POLICY sluice_tenant ON studio.{} USING (true) WITH CHECK (true)"
ROWS = "SELECT string_agg(x::text, chr(10) ORDER BY x::text) FROM studio.{} x"
GRANTED = """
    SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute
    WHERE attrelid = 'studio.{}'::regclass AND attnum > 0
        AND has_column_privilege(attrelid, attnum, 'INSERT')
"""
INSERT = """
    INSERT INTO studio.{0} ({1})
    SELECT {1} FROM json_populate_record(CAST(NULL AS studio.{0}), CAST(:row AS json))
"""


@pytest.fixture
def both(make_studios: Callable[..., Studios]) -> Studios:
    both = make_studios(STUDIO, OTHER_STUDIO)
    both.database.fill()
    return both


@pytest.fixture
def session(both: Studios) -> Iterator[pg8000.native.Connection]:
    """Return a session of the functions' role, for the first studio."""
    found = both.built.settings.database
    address = f"{found.host}:{found.port}/{found.name}"
    with closing(owner_connection(f"postgresql://{found.user}:{found.password}@{address}")) as own:
        own.run(f"SET sluice.tenant = '{STUDIO}'")
        yield own


def foreign_row(both: Studios, table: str) -> str:
    """Return a row of the other studio as JSON."""
    sql = f"SELECT to_json(x) FROM studio.{table} x WHERE {OF_STUDIO[f'studio.{table}']} LIMIT 1"
    return json.dumps(both.client.sql(sql, t=OTHER_STUDIO)[0][0])


def refuses(session: pg8000.native.Connection, table: str, row: str) -> bool:
    """Return whether a policy refuses to insert the row. A taken key is another error."""
    columns = session.run(GRANTED.format(table))[0][0]
    try:
        session.run(INSERT.format(table, columns), row=row)
    except pg8000.native.DatabaseError as error:
        return REFUSED in error.args[0]["M"]
    return False


@pytest.mark.parametrize("table", TABLES)
def test_policy_alone_hides_the_rows_of_a_table(
    both: Studios, session: pg8000.native.Connection, table: str
) -> None:
    own, others = (
        both.database.rows_of(each)[f"studio.{table}"] for each in (STUDIO, OTHER_STUDIO)
    )
    assert session.run(ROWS.format(table)) == [[own]]

    both.client.sql(OPEN.format(table))

    (seen,) = session.run(ROWS.format(table))[0]
    assert {*seen.split("\n")} == {*own.split("\n"), *others.split("\n")}


@pytest.mark.parametrize("table", [each for each in TABLES if each != "studios"])
def test_policy_alone_refuses_to_insert_a_foreign_row(
    both: Studios, session: pg8000.native.Connection, table: str
) -> None:
    row = foreign_row(both, table)
    assert refuses(session, table, row)

    both.client.sql(OPEN.format(table))

    assert not refuses(session, table, row)


@pytest.mark.parametrize("table", TABLES)
def test_session_without_a_tenant_sees_no_row(
    session: pg8000.native.Connection, table: str
) -> None:
    for setting in ("RESET sluice.tenant", "SET sluice.tenant = ''"):
        session.run(setting)
        assert session.run(ROWS.format(table)) == [[None]]
