"""The draft of tables and views, and the declarations that it stands for."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from catalog.classify import draft
from catalog.draft import AdoptRequest, Draft, DraftMember, DraftResource
from catalog.expression import Expression
from catalog.kinds import SIMPLE, named
from catalog.read import read
from catalog.relations import MANY
from catalog.snapshot import from_json, to_json
from local.postgres import PostgresServer
from sluice.db.database import Database
from tests.catalog.databases import AWKWARD, drafted, lines, opened, run
from tests.catalog.served import problems, read_everything

MUSIC = """
CREATE TABLE artist (artist_id integer PRIMARY KEY, name varchar(120) NOT NULL);
CREATE TABLE album (
    album_id integer PRIMARY KEY,
    title text,
    artist_id integer NOT NULL REFERENCES artist
);
CREATE INDEX ON album (artist_id)
"""


@pytest.fixture(scope="module")
def awkward(postgres_server: PostgresServer) -> Iterator[Database]:
    url = postgres_server.url(database="awkward")
    run(postgres_server.url(), "CREATE DATABASE awkward")
    run(url, AWKWARD.read_text())
    with opened(url) as database:
        yield database


@pytest.fixture(scope="module")
def odd(awkward: Database) -> Draft:
    return drafted(awkward, "odd.*", "Odd Schema.*")


def of(found: Draft, name: str) -> DraftResource:
    return next(each for each in found.resources if each.name == name)


def refused(found: Draft) -> dict[str, tuple[str, str]]:
    return {each.subject: (each.reason, each.remedy) for each in found.refusals}


def test_table_becomes_a_resource(empty_database: str) -> None:
    run(empty_database, MUSIC)
    with opened(empty_database) as database:
        album, artist = drafted(database, "public.*").resources
    names = (album.name, album.singular, album.group, album.module)
    assert names == ("album", "album", "depot", "album")
    assert lines(album) == [
        'Integer("album_id", filter="in", sort=True)',
        'Text("title", nullable=True)',
        'Ref("artist_id", resource="artist", kind=Integer, filter="in", sort=True)',
    ]
    assert lines(artist)[-1] == 'Many("album", resource="album", foreign_key="artist_id")'


def test_awkward_schema_can_be_derived(odd: Draft, tmp_path: Path) -> None:
    assert [*problems(odd, tmp_path)] == []


def test_awkward_tables_can_be_read(awkward: Database, odd: Draft, tmp_path: Path) -> None:
    read_everything(odd, tmp_path, awkward)


def test_tables_without_a_usable_key_are_refused(odd: Draft) -> None:
    found = refused(odd)
    assert {name for name in found if name.startswith("odd.") and "(" not in name} == {
        f"odd.{name}"
        for name in (
            *("by_expression", "five", "k0", "kept", "money_key", "partial_key", "seen"),
            *("token_key", "without_columns"),
        )
    }
    add = "ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY"
    assert found["odd.five"][1] == f"ALTER TABLE odd.five {add} UNIQUE"
    assert found["odd.without_columns"][1] == f"ALTER TABLE odd.without_columns {add} PRIMARY KEY"
    assert found["odd.kept"][1] == "KEY='odd.kept:id'"
    assert found["odd.token_key"][1] == "KEY='odd.token_key:token'"


def test_snapshot_survives_json(awkward: Database) -> None:
    snapshot = read(awkward)
    assert from_json(to_json(snapshot)) == snapshot


def test_names_that_are_taken_or_reserved_are_changed(odd: Draft) -> None:
    names = {each.name: each.singular for each in odd.resources}
    assert names["odd_imports"] == "odd_import"
    assert names["odd_nodes"] == "odd_node"
    assert names["people"] == "person_row"
    assert names["odd_schema_people"] == "odd_schema_person"
    assert names["deal_stages"] == "deal_stage_row"  # the field `stage` of `deal` is DealStage
    assert names["dates"] == "date_row"
    assert {each.module for each in odd.resources} >= {"class_table", "registry_table"}


def test_view_with_a_key_is_read_only(awkward: Database) -> None:
    keys = {"odd.seen": ["id"], "kept": ["id"], "odd.token_key": ["token"]}
    found = drafted(awkward, "odd.seen", "odd.kept", "odd.token_key", view_keys=keys)
    seen, kept, token = (of(found, name).resource() for name in ("seen", "kept", "token_key"))
    assert (seen.writes, kept.writes) == ((), ())
    assert token.writes == ("create", "replace", "update", "delete")
    assert lines(of(found, "seen")) == [
        'Integer("id", sort=True)',
        'Text("name", nullable=True)',
    ]
    assert lines(of(found, "kept"))[0] == 'Integer("id", filter="in", sort=True)'


def test_key_of_unknown_columns_is_refused(awkward: Database) -> None:
    found = drafted(awkward, "odd.seen", view_keys={"seen": ["number"]})
    assert refused(found)["odd.seen"][0] == "there is no column number"


def test_key_that_is_not_unique_is_read_only(awkward: Database) -> None:
    found = drafted(awkward, "odd.partial_key", view_keys={"partial_key": ["a"]})
    assert found.resources[0].resource().writes == ()


def test_pattern_without_a_table_is_refused(awkward: Database) -> None:
    found = drafted(awkward, "odd.nowhere*", "absent")
    assert [each.subject for each in found.refusals] == ["odd.nowhere*", "public.absent"]


@pytest.mark.parametrize(
    ("resource", "declared"),
    [
        ("person", 'Integer("id", filter="in", sort=True)'),
        ("kinds", 'Choice("quoted", choices=("A", "b"), type=\'odd."Mood"\', default="A")'),
        ("kinds", 'Integer("positive", minimum=1, maximum=999999, default=1)'),
        ("checks", 'Numeric("d", precision=10, scale=2, minimum=0, nullable=True)'),
        ("kinds", 'Array("words", of=Text("word", nullable=True), nullable=True)'),
        ("kinds", 'Numeric("n50", precision=1000, scale=50, nullable=True)'),
        ("indexed", 'Text("a", nullable=True, filter=["in", "prefix", "is_null"])'),
        ("indexed", 'Text("b", nullable=True, filter=["in", "prefix", "is_null"], sort=True)'),
        ("indexed", 'Text("c", nullable=True, ignore_case=True, filter="in", sort=True)'),
        ("indexed", 'Array("f", of=Text("f", nullable=True), nullable=True, filter="has")'),
        ("indexed", 'Json("g", nullable=True, filter="contains")'),
        ("indexed", 'Boolean("h", nullable=True, filter=["equal", "is_null"], sort=True)'),
        ("secrets", 'Integer("token_count", nullable=True)'),
        ("defaults", 'Uuid("id", read_only=True, filter="in", sort=True)'),
        ("defaults", 'Timestamp("created", read_only=True)'),
        ("defaults", 'Numeric("n_value", precision=5, scale=1, column="n", default="1.5")'),
        ("defaults", 'Json("j", default={"a": [1, None]})'),
        ("defaults", 'Text("t2", optional=True)'),
        ("checks", 'Integer("id", minimum=1, filter="in", sort=True)'),
    ],
)  # fmt: skip
def test_column_becomes_a_field(odd: Draft, resource: str, declared: str) -> None:
    assert declared in lines(of(odd, resource))


def test_snapshot_of_some_tables_gives_the_same_draft(awkward: Database) -> None:
    snapshot = read(awkward)
    request = AdoptRequest(app="depot", tables=["odd.hubs", "odd.spokes"])
    some = from_json(to_json(snapshot.only(["odd.hubs", "odd.spokes"])))
    assert draft(some, request) == draft(snapshot, request)
    assert not some.version
    assert {table.estimated_rows for table in some.tables} == {-1}


def test_import_does_not_use_a_deferrable_key(odd: Draft) -> None:
    assert of(odd, "deferred_key").resource().import_columns == ("slug",)


def test_unique_index_is_a_constraint(odd: Draft) -> None:
    found = of(odd, "pairs").resource().constraints
    assert [(*each.columns, each.kind) for each in found] == [
        ("a", "c", "unique"),
        ("b", "a", "unique"),
    ]


def test_second_draft_of_known_resources_is_the_same(awkward: Database, odd: Draft) -> None:
    known = [each.resource() for each in odd.resources]
    again = drafted(awkward, known=known)
    assert {each.name: each.expression for each in again.resources} == {
        each.name: each.expression for each in odd.resources
    }
    assert all(each.is_known for each in again.resources)


def test_known_names_are_kept_and_referenced(awkward: Database, odd: Draft) -> None:
    links = replace(of(odd, "links"), name="urls", singular="url", relations=[]).resource()
    found = drafted(awkward, "odd.link_tags", known=[links])
    assert 'Ref("link_id", resource="urls", kind=Integer, filter="in", sort=True)' in lines(
        of(found, "link_tags")
    )
    assert of(found, "urls").singular == "url"


def test_known_resource_whose_key_is_gone_is_refused(awkward: Database, odd: Draft) -> None:
    links = replace(of(odd, "links"), key=of(odd, "tags").key, relations=[]).resource()
    found = drafted(awkward, known=[links])
    assert refused(found)["odd.links"][0] == "its key slug is not there, or cannot be shown"


def test_secret_that_is_declared_is_kept(awkward: Database, odd: Draft) -> None:
    shown = of(odd, "secrets")
    fields = [*shown.fields, DraftMember("api_key", named(SIMPLE["text"], "api_key"))]
    found = drafted(awkward, known=[replace(shown, fields=fields).resource()])
    assert 'Text("api_key", nullable=True)' in lines(of(found, "secrets"))


def test_search_path_is_that_of_triggers_and_types(awkward: Database, odd: Draft) -> None:
    assert odd.search_path == ("odd", "public")
    assert drafted(awkward, "Odd Schema.people").search_path == ()


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        ("odd.definer", "it is SECURITY DEFINER: it has the privileges of its owner"),
        ("odd.lonely", "its first argument is no key of an adopted table"),
        ("odd.many", "it has VARIADIC or OUT arguments"),
        ("odd.overloaded", "there are several functions of this name"),
        ("odd.run", "it is a procedure"),
        ("odd.unnamed", "its arguments have no names"),
        ("odd.writes_many", "it writes and returns several rows"),
    ],
)
def test_function_that_is_not_served_has_a_reason(odd: Draft, function: str, reason: str) -> None:
    reasons = {each.subject.partition("(")[0]: each.reason for each in odd.functions_not_served}
    assert reasons[function] == reason


@pytest.mark.parametrize(
    "declared",
    [
        'Many("hubs_by_parent", resource="hubs", foreign_key="parent")',
        'Many("tags", resource="tags", foreign_key="hub_id", through="odd.hub_old_tags", '
        'other_key="tag_slug")',
        'Many("friend_hubs", resource="hubs", foreign_key="hub_id", through="odd.friends", '
        'other_key="friend_id")',
        'Function("around", "odd.around", arguments=[Integer("max_distance")], returns="rows", '
        "stable=True)",
        'Function("forget", "odd.forget", returns="")',
        'Function("call_parent", "odd.parent", returns=Integer("parent", nullable=True), '
        "stable=True)",
    ],
)
def test_rows_have_lists_links_and_functions(odd: Draft, declared: str) -> None:
    assert declared in lines(of(odd, "hubs"))


def test_list_without_an_index_is_refused_with_the_index(odd: Draft) -> None:
    assert refused(odd)["hubs.hubs_by_reports_to"] == (
        "no index of odd.hubs begins with reports_to",
        "CREATE INDEX CONCURRENTLY ON odd.hubs (reports_to, id)",
    )


def test_junction_of_known_resources_alone_is_no_resource(awkward: Database, odd: Draft) -> None:
    through = {"resource": "tags", "foreign_key": "hub_id", "through": "odd.own_id"}
    many = Expression(MANY, ("own",), {**through, "other_key": "tag_slug"})
    hubs = replace(of(odd, "hubs"), relations=[DraftMember("own", many)])
    known = [
        replace(each, relations=[]).resource() for each in (of(odd, "tags"), of(odd, "spokes"))
    ]
    found = drafted(awkward, known=[hubs.resource(), *known])
    assert [each.name for each in found.resources] == ["hubs", "tags", "spokes"]
