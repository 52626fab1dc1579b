"""What Sluice changes in someone else's database: nothing, then a schema and two roles, then nothing again."""

from contextlib import closing

import pytest

from sluice.migrations.removal import CannotRemove
from sluice.migrations.runner import migrate_url
from tests.fixtures.local_system import temporary_system
from tests.fixtures.shop import owner_connection
from tests.migrations.conftest import Company, Server

ROLES = {"sluice_app", "sluice_analyst"}
HARDENED = ("REVOKE ALL ON DATABASE {} FROM PUBLIC", "REVOKE ALL ON SCHEMA public FROM PUBLIC")


def test_make_run_changes_nothing(company: Company) -> None:
    before = company.seen()
    with temporary_system(DATABASE_URL=company.url) as system:
        system.start()
        assert system.request("/api/products")[1]["code"] == "not_set_up"
        assert system.request("/api/categories", {"name": "Mugs"})[1]["code"] == "not_set_up"
        assert (
            system.request(
                "/api/imports", {"resource": "users", "format": "csv", "filename": "u.csv"}
            )[0]
            == 503
        )
        assert (
            system.request("/api/analytics/query?query=select+1+as+one")[1]["code"] == "not_set_up"
        )
        assert system.request("/health/ready")[1]["code"] == "not_set_up"
        status, told, _ = system.stop()
    assert status == 0
    assert "does not have the schema sluice" in told
    assert "make migrate DATABASE_URL=" in told
    assert company.seen() == before


def test_make_migrate_adds_only_a_schema_and_two_roles(company: Company) -> None:
    before = company.seen()
    migrate_url(company.url)
    after = company.seen()
    assert after["rows"] == before["rows"]
    assert {row[0] for row in after["roles"] if row not in before["roles"]} == ROLES
    assert [row for row in before["roles"] if row not in after["roles"]] == []
    changed = [
        name for name, acl in after["privileges"].items() if before["privileges"].get(name) != acl
    ]
    assert [name for name in changed if " sluice" not in name] == []
    assert company.dump("--exclude-schema=sluice") == before["dump"]


@pytest.mark.parametrize("app", ["", "shop"])
@pytest.mark.parametrize("hardened", [False, True])
def test_make_remove_restores_everything(company: Company, app: str, hardened: bool) -> None:
    if hardened:
        for statement in HARDENED:
            company.sql(
                statement.format(company.sql("SELECT quote_ident(current_database())")[0][0])
            )
        company.sql("GRANT ALL ON SCHEMA public TO " + company.owner)
    before = company.seen()
    migrate_url(company.url, app)
    assert company.roles() == ROLES
    removed = company.remove(app)
    assert removed.kept == []
    assert company.seen() == before


def test_nobody_loses_the_right_to_create_tables(company: Company) -> None:
    migrate_url(company.url, "shop")
    assert company.sql("SELECT has_schema_privilege('public', 'public', 'CREATE')") == [[True]]


def test_another_applications_alembic_works_before_and_after(company: Company) -> None:
    revision = "SELECT version_num FROM alembic_version"
    migrate_url(company.url, "shop")
    assert company.sql(revision) == [["a1b2c3d4e5f6"]]
    company.alembic("b2c3d4e5f6a1")
    migrate_url(company.url, "shop")
    assert company.sql(revision) == [["b2c3d4e5f6a1"]]
    company.remove("shop")
    company.alembic("head")
    assert company.sql("SELECT note FROM bookings") == []


def test_the_shops_tables_stay_unless_they_are_asked_for(company: Company) -> None:
    migrate_url(company.url, "shop")
    company.as_owner("INSERT INTO categories (name, slug) VALUES ('Mugs', 'mugs')")
    removed = company.remove()
    assert company.roles() == set()
    assert "trigger categories_touch on public.categories" in removed.removed
    company.as_owner("UPDATE categories SET name = 'Cups'")
    assert company.sql("SELECT name, slug, version FROM categories") == [["Cups", "mugs", 1]]


def test_what_depends_on_the_schema_is_not_removed_with_it(company: Company) -> None:
    migrate_url(company.url)
    company.as_owner("CREATE VIEW found AS SELECT sluice.words(name) AS w FROM suppliers")
    with pytest.raises(CannotRemove, match="found"):
        company.remove()
    assert company.sql("SELECT count(*) FROM found") == [[300]]
    assert company.roles() == ROLES


def test_a_role_that_another_database_uses_stays_and_is_named(server: Server) -> None:
    one, two = server.company(), server.company("SUPERUSER", name='The "Other" Co. x')
    migrate_url(two.url)
    migrate_url(one.superuser)
    removed = one.remove(url=one.superuser)
    assert removed.kept == [
        f'role {role}: The "Other" Co. x still uses it' for role in ("sluice_app", "sluice_analyst")
    ]
    assert two.roles() == ROLES
    assert two.remove().kept == []
    assert two.roles() == set()


def test_what_an_administrator_granted_does_not_keep_the_roles(company: Company) -> None:
    migrate_url(company.url)
    company.as_owner("GRANT SELECT ON suppliers TO sluice_app")
    company.sql("CREATE TABLE owned (id int)")
    company.sql("ALTER TABLE owned OWNER TO sluice_app")
    assert company.remove().kept == []
    assert company.roles() == set()
    assert company.sql("SELECT count(*) FROM owned") == [[0]]  # its owner is another now


def test_a_sequence_of_migrate_and_remove_ends_where_it_began(company: Company) -> None:
    before = company.seen()
    for app in ("", "shop", ""):
        migrate_url(company.url, app)
        migrate_url(company.url, app)
        company.remove(app)
        assert company.remove().removed == []
    assert company.seen() == before


def test_a_session_of_a_client_is_not_disturbed(company: Company) -> None:
    """A transaction that reads a table, and one that wrote, are open all the while."""
    with closing(owner_connection(company.url)) as client:
        client.run("BEGIN")
        client.run("UPDATE suppliers SET name = 'x' WHERE id = 1")
        migrate_url(company.url, "shop")
        company.remove("shop")
        client.run("COMMIT")
    assert company.sql("SELECT name FROM suppliers WHERE id = 1") == [["x"]]
