"""What is widespread in public schemas: the draft of such tables."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog.draft import Draft, DraftResource
from catalog.expression import source
from local.postgres import PostgresServer
from sluice.db.database import Database
from tests.catalog.databases import drafted, lines, opened, run
from tests.catalog.served import problems, read_everything

WIDESPREAD = Path(__file__).parent / "widespread.sql"


@pytest.fixture(scope="module")
def widespread(postgres_server: PostgresServer) -> Iterator[Database]:
    url = postgres_server.url(database="widespread")
    run(postgres_server.url(), "CREATE DATABASE widespread")
    run(url, WIDESPREAD.read_text())
    with opened(url) as database:
        yield database


@pytest.fixture(scope="module")
def wide(widespread: Database) -> Draft:
    return drafted(widespread, "wide.*")


def of(found: Draft, name: str) -> DraftResource:
    return next(each for each in found.resources if each.name == name)


def refused(found: Draft) -> dict[str, tuple[str, str]]:
    return {each.subject: (each.reason, each.remedy) for each in found.refusals}


def test_tables_can_be_derived_and_read(widespread: Database, wide: Draft, tmp_path: Path) -> None:
    assert [*problems(wide, tmp_path)] == []
    read_everything(wide, tmp_path, widespread)


@pytest.mark.parametrize(
    ("resource", "declared"),
    [
        ("customers", 'Char("customer_id", filter="in", sort=True)'),
        (
            "granted",
            'Ref("scope_id", resource="scopes", kind=Uuid, filter="in", sort=True)',
        ),
        (
            "members",
            'Text("email", max_length=255, ignore_case=True, unique=True, filter="in", sort=True)',
        ),
        (
            "members",
            'Text("nick", nullable=True, ignore_case=True, filter="in", sort=True)',
        ),
        (
            "members",
            'Text("town", nullable=True, filter=["in", "is_null"], sort=True)',
        ),
        ("secret_uses", 'Text("token_type", nullable=True)'),
        ("secret_uses", 'Text("session_token_id", nullable=True)'),
        ("scopes", 'Many("granted", resource="granted", foreign_key="scope_id")'),
    ],
)
def test_column_is_declared(wide: Draft, resource: str, declared: str) -> None:
    assert declared in lines(of(wide, resource))


def test_unique_key_that_may_be_null_is_refused_with_the_ddl(wide: Draft) -> None:
    assert refused(wide)["wide.accounts"] == (
        "name may be NULL in its unique key (name)",
        "ALTER TABLE wide.accounts ALTER COLUMN name SET NOT NULL",
    )


def test_unique_key_that_may_be_null_can_be_chosen(widespread: Database, tmp_path: Path) -> None:
    found = drafted(widespread, "wide.accounts", view_keys={"accounts": ["name"]})
    read_everything(found, tmp_path, widespread)
    assert of(found, "accounts").resource().writes == ("create", "replace", "update", "delete")
    assert of(found, "accounts").notes == ["No row may have NULL in its key: make name NOT NULL."]


def test_unique_index_on_lower_names_its_field(wide: Draft) -> None:
    (constraint,) = of(wide, "members").constraints
    assert source(constraint) == 'Constraint(["email"], "members_lower_idx")'


def test_reference_of_another_unique_key_names_the_argument(wide: Draft) -> None:
    assert refused(wide)["wide.granted(code)"] == (
        "it references code of wide.scopes, whose key is id",
        "a foreign key that references id; or KEY='wide.scopes:code', if that is to be its key",
    )


def test_reference_is_refused_if_the_server_may_not_check_it(wide: Draft) -> None:
    assert "wide.offered(tenant, scope_id)" in refused(wide)


def test_several_hidden_columns_are_named(wide: Draft) -> None:
    assert refused(wide)["secrets (create)"] == (
        "secret, token are NOT NULL without a default, and are not shown",
        "in `fields`, what the comment on secret and on token shows",
    )
    assert refused(wide)["sealed (create)"][1] == (
        "in `fields`, what the comment on token shows; "
        "and ALTER TABLE wide.sealed ALTER COLUMN content SET DEFAULT …"
    )


def test_excluded_tables_are_not_adopted(widespread: Database) -> None:
    found = drafted(widespread, "wide.*", "!wide.sec*", "!wide.absent")
    names = {each.name for each in found.resources}
    assert "members" in names
    assert not names & {"secrets", "secret_uses"}
    assert "wide.absent" in refused(found)


def test_names_that_are_one_in_graphql_are_changed(wide: Draft) -> None:
    names = {each.name: each.singular for each in wide.resources}
    assert names["part1"] == "part1"
    assert names["wide_part_1"] == "wide_part_1"
    assert (names["rate"], names["rate_by_key"]) == ("rate_row", "rate_by_key")
    assert (names["film"], names["film_actor"]) == ("film", "film_actor_row")
    assert len({*names}) == len(names)


def test_group_of_a_resource_is_no_function_of_the_engine(widespread: Database) -> None:
    found = drafted(widespread, "wide.health", "wide.orders", group="resource")
    assert [each.group for each in found.resources] == ["depot_health", "orders"]


def test_keys_and_codes_of_access_are_not_shown(wide: Draft) -> None:
    assert refused(wide)["wide.django_session"][0] == "the key session_key has the name of a secret"
    assert lines(of(wide, "vaults")) == [
        'Integer("id", filter="in", sort=True)',
        'Text("sort_key", nullable=True)',
        'Integer("credential_id", nullable=True)',
    ]


def test_parent_of_tables_is_only_read(wide: Draft) -> None:
    """Its list has the rows of the children, and a key may be that of several rows."""
    parent, child = of(wide, "staff"), of(wide, "doctors")

    assert parent.resource().writes == ()
    assert parent.notes == [
        "Tables inherit from it, so several rows may have one key: clients only read it."
    ]
    assert "create" in child.resource().writes
