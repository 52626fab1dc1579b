"""A migration grants what the declarations need, for each column, and the sequences of keys."""

from sluice import application
from tests.fixtures.client import Client

GRANTED = "SELECT has_column_privilege('sluice_app', 'agency.people', '{}', '{}')"


def test_only_declared_columns_are_granted(client: Client) -> None:
    def granted(column: str, privilege: str) -> bool:
        return bool(client.sql(GRANTED.format(column, privilege))[0][0])

    assert granted("email", "SELECT")
    assert granted("email", "UPDATE")
    assert granted("deleted_at", "UPDATE")
    assert not granted("secret", "SELECT")
    assert not granted("id", "UPDATE")


def test_registry_has_whole_tables_only_for_functions_and_code() -> None:
    tables = application.current().registry.TABLES
    whole = {table for table, privileges, _ in tables if not privileges["SELECT"]}

    assert whole == {"agency.deals"}
