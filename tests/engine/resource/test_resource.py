"""Declarations: what they say, and contradictions that they reject."""

import dataclasses
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sluice.kinds.boolean import Boolean
from sluice.kinds.field import DeclarationError, Field
from sluice.kinds.integer import BigInt, Integer
from sluice.kinds.items import Items
from sluice.kinds.ref import Ref
from sluice.kinds.text import Slug, Text
from sluice.resource import Constraint, Function, Many, One, Resource

ROOT = Path(__file__).parents[3]
MAX_ATTRIBUTES = 19  # then a declaration is still read in a minute
NOT_FOR_DECLARATIONS = ("sqlalchemy", "pg8000", "pydantic", "graphql", "aws_lambda_powertools")


def resource(**changed: Any) -> Resource:
    declared: dict[str, Any] = {
        "name": "books",
        "singular": "book",
        "table": "public.books",
        "group": "books",
        "key": BigInt("id", read_only=True),
        "fields": [
            Text("title"),
            Slug("slug", create_only=True),
            Integer("version", read_only=True),
        ],
    }
    return Resource(**{**declared, **changed})


def test_number_of_attributes_is_limited() -> None:
    assert len(dataclasses.fields(Resource)) <= MAX_ATTRIBUTES


def test_fields_by_who_may_write_them() -> None:
    books = resource()

    assert [field.name for field in books.all_fields] == ["id", "title", "slug", "version"]
    assert [field.name for field in books.writable] == ["title", "slug"]
    assert [field.name for field in books.changeable] == ["title"]
    assert books.by_name["slug"].create_only


def test_key_is_always_a_tuple() -> None:
    composite = resource(key=[Text("country"), Integer("year")])

    assert [field.name for field in resource().keys] == ["id"]
    assert [field.name for field in composite.keys] == ["country", "year"]


def test_key_is_not_changeable() -> None:
    assert [field.name for field in resource(key=Slug("code")).changeable] == ["title"]


def test_scope_is_the_name_by_default() -> None:
    assert resource().scope_prefix == "books"
    assert resource(scope="library").scope_prefix == "library"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"table": "books"}, "the table books has no schema"),
        ({"key": [Integer(name) for name in "abcde"]}, "a key has at most 4 columns"),
        ({"fields": [Text("id")]}, "declared twice: id"),
        ({"import_key": ["isbn"]}, "no such column: isbn"),
        ({"import_key": "isbn"}, "no such column: isbn"),
        ({"constraints": [Constraint(["title", "isbn"])]}, "no such column: isbn"),
        ({"fields": [Text("a", column="a" * 64)]}, "the name a{64} is longer than the 63 bytes"),
        ({"fields": [Text("a" * 64, column="a")]}, "the name a{64} is longer than the 63 bytes"),
        ({"table": "public." + "ä" * 32}, "the name ä{32} is longer than the 63 bytes"),
        ({"table": "public."}, "the table public. has no schema"),
        ({"group": "../x"}, "the group '../x' must have a name of a-z, 0-9 and _"),
        ({"fields": [Text("a"), Text("b", column="a")]}, "fields that write one column: a"),
        ({"etag": ()}, "`etag` names no column"),
        ({"writes": "create"}, "`writes` is a list of create, replace, update, delete"),
        ({"writes": ["remove"]}, "`writes` is a list of create, replace, update, delete"),
        ({"fields": [Integer("a", maximum=3, default=5)]}, "the default of a must be from"),
    ],
)
def test_contradictions_are_rejected(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(DeclarationError, match=f"books: {message}"):
        resource(**changed)


def test_relations_by_their_kind() -> None:
    notes = Many("notes", resource="notes", foreign_key="book_id")
    rate = One("rate", resource="rates", foreign_key=("title", "slug"))
    lend = Function("lend", "public.lend")
    books = resource(
        fields=[Ref("owner_id", resource="people", expand=False), *resource().fields],
        relations=[notes, rate, lend],
    )

    assert books.refs == (One("owner", "people", ("owner_id",), expand=False), rate)
    assert books.lists == (notes,)
    assert books.functions == (lend,)
    assert notes.columns == ("book_id",)


@pytest.mark.parametrize(
    ("fields", "relations", "message"),
    [
        ([], [Many("id", "notes", "book_id")], "two fields, relations or functions are named id"),
        ([], [Function("a", "b.c"), Many("a", "notes", "b")], "relations or functions are named a"),
        ([Ref("owner", resource="people")], [], "are named owner: rename one, or expand=False"),
        ([], [One("a", "rates", ("x", "y"))], "no such column: x, y"),
        ([], [Many("a", "tags", "b_id", through="d.e")], "the relation a needs the schema"),
        ([], [Many("a", "tags", "b", through="e", other_key="f")], "a needs the schema of `thr"),
        ([], [Many("a", "tags", "b", other_key="f")], "`payload` or `tenant` without `through`"),
        (
            [],
            [Many("a", "tags", "b", through="c.d", other_key="e", payload=[Text("f"), Text("f")])],
            "the relation a has two fields named f",
        ),
        (
            [],
            [Function("a", "b.c", [Text("d"), Text("d")])],
            "the function a has two fields named d",
        ),
        ([], [Function("a", "b.c", [Text("D")])], "the function a has a field 'D', which must"),
        (
            [],
            [Function("a", "b.c", returns=Text("D"))],
            "the function a has a field 'D', which must",
        ),
        ([], [Function("lend", "lend")], "the function lend has no schema"),
        (
            [],
            [Function("a", "b.c", returns="many")],
            "the function a must return a field, 'row' or ''",
        ),
        ([], [Function("a", "b.c", returns="rows")], "or '': it is a function that writes"),
        ([], [Function("a", "b.c", returns="", stable=True)], "'row' or 'rows': it is a stable"),
    ],
)
def test_contradicting_relations_are_rejected(
    fields: list[Field], relations: list[Many | One | Function], message: str
) -> None:
    with pytest.raises(DeclarationError, match=message):
        resource(fields=fields, relations=relations)


@pytest.mark.parametrize(
    ("changed", "columns"),
    [
        ({}, ()),
        ({"import_key": "title"}, ("title",)),
        ({"key": Slug("code")}, ("code",)),
        ({"fields": [Slug("slug", unique=True)]}, ("slug",)),
        ({"fields": [Slug("slug", unique=True), Text("a", unique=True)]}, ()),
        ({"fields": [Slug("slug", unique=True, nullable=True)]}, ()),
        ({"constraints": [Constraint(["title", "slug"])]}, ("title", "slug")),
        ({"constraints": [Constraint(["title", "slug"], kind="exclusion")]}, ()),
        ({"constraints": [Constraint(["title", "slug"], deferrable=True)]}, ()),
        (
            {
                "fields": [Slug("slug", unique=True)],
                "constraints": [Constraint(["slug"], deferrable=True)],
            },
            (),
        ),
    ],
)
def test_import_finds_rows_by_its_columns(
    changed: dict[str, Any], columns: tuple[str, ...]
) -> None:
    assert resource(**changed).import_columns == columns


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (Text, {"filter": "like"}, "no such filter: like; Text has equal, in, range"),
        (Boolean, {"filter": "in"}, "no such filter: in; Boolean has equal"),
        (Text, {"filter": ["equal", "in"]}, "the filter `in` also takes one value"),
        (Integer, {"search": True}, "`search` finds words, so only a text has it"),
        (Text, {"read_only": True, "create_only": True}, "no client sends a `read_only` field"),
        (Text, {"optional": True, "default": "x"}, "`optional` leaves the value to the database"),
        (partial(Items, of=[], max_items=1), {"filter": "in"}, "no such filter: in; Items has no"),
        (partial(Items, of=[], max_items=1), {"sort": True}, "cannot be sorted by items"),
    ],
)
def test_contradicting_options_are_rejected(
    kind: Callable[..., Field], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(DeclarationError, match=rf"\('title'\): .*{message}"):
        kind("title", **options)


def test_text_with_a_pattern_needs_an_example() -> None:
    with pytest.raises(DeclarationError, match="a text with a pattern needs an example"):
        Text("code", pattern="[A-Z]{2}").sample(1)


def test_declarations_load_no_library() -> None:
    """Each function loads the declarations that it serves, so they are cheap to import."""
    program = (
        "import importlib, pathlib, sys, sluice.resource\n"
        "for path in pathlib.Path('layers/shared/sluice/kinds').glob('*.py'):\n"
        "    importlib.import_module(f'sluice.kinds.{path.stem}')\n"
        "print(*sys.modules)"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"PYTHONPATH": "layers/shared"},
        capture_output=True,
        check=True,
        text=True,
    ).stdout.split()

    assert [name for name in loaded if name.startswith(NOT_FOR_DECLARATIONS)] == []
