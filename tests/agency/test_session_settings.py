"""Pages, cursors and filters do not depend on the settings that a database has for its sessions."""

from collections.abc import Iterator

from sluice import application
from sluice.db.database import Database
from sluice.db.pools import make_pool
from sluice.settings import DatabaseSettings
from sluice.sql.list_spec import ListQuery
from sluice.sql.page_cursor import CursorSigner
from sluice.sql.resource_repository import ResourceRepository
from tests.fixtures.cases import case_of
from tests.fixtures.client import Client

SETTINGS = {
    "DateStyle": "'German, DMY'",
    "TimeZone": "'Asia/Kolkata'",
    "IntervalStyle": "'sql_standard'",
    "extra_float_digits": "-15",
}
LONGEST = 200  # characters of a value: an index cannot have a very long one


def insert_bounds(client: Client) -> None:
    """Insert rows, the nth with the nth value at a bound of each field."""
    case = case_of("specimens")
    bounds = {
        field.name: [each for each in case.bounds(field) if len(str(each)) <= LONGEST]
        for field in case.resource.fields
    }
    for n in range(max(map(len, bounds.values()))):
        row = case.row(client, n)
        row |= {name: values[n] for name, values in bounds.items() if n < len(values)}
        case.insert_row(client, row)


def pages(repository: ResourceRepository, query: ListQuery) -> Iterator[str]:
    """Yield the rows of each page."""
    while True:
        page = repository.page(query)
        yield page.items
        if page.next_cursor is None:
            return
        query = query._replace(cursor=page.next_cursor)


def read_all(client: Client) -> dict[object, list[str]]:
    """Return the pages of each sort, and of each range that begins at a value at a bound."""
    database = Database(make_pool(DatabaseSettings.from_url(client.url), "tests"))
    kind: type[ResourceRepository] = application.current().load("repositories", "specimens")
    repository, fields = (
        kind(database, CursorSigner(b"a key")),
        case_of("specimens").resource.fields,
    )
    found: dict[object, list[str]] = {}
    for sort in repository.list_spec.sorts:
        found[sort] = [*pages(repository, ListQuery(limit=3, sort=((sort, False),)))]
    for field in fields:
        for bound in field.bounds() if "range" in field.operators else ():
            name, declared = next(iter(field.filters_of("range").items()))
            filters = {name: declared.parse(str(bound))}
            query = ListQuery(filters=filters, fields=frozenset({"id"}))
            found[name, bound] = [*pages(repository, query)]
    database.dispose()
    return found


def test_settings_of_the_database_change_no_page(isolated_client: Client) -> None:
    insert_bounds(isolated_client)
    expected = read_all(isolated_client)
    (name,) = isolated_client.sql("SELECT current_database()")[0]
    for setting, value in SETTINGS.items():
        isolated_client.sql(f"ALTER DATABASE {name} SET {setting} = {value}")

    assert read_all(isolated_client) == expected
