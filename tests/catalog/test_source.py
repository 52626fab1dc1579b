"""The source of a declaration: a file that a person would have written."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from catalog.draft import DraftMember, DraftResource, Table
from catalog.expression import Expression, Name, Partial
from catalog.source import text
from tests.fixtures.template import ROOT

BIG_INT = Name("sluice.kinds.integer", "BigInt")
CHAR = Name("sluice.kinds.char", "Char")
REF = Name("sluice.kinds.ref", "Ref")
TEXT = Name("sluice.kinds.text", "Text")
KEY = DraftMember("id", Expression(BIG_INT, ("id",), {"read_only": True}))
TITLE = DraftMember("title", Expression(TEXT, ("title",), {"max_length": 120}))
COUNTRY = DraftMember(
    "country",
    Expression(
        REF,
        ("country",),
        {"resource": "countries", "kind": Partial(Expression(CHAR, (), {"max_length": 2}))},
    ),
    "The index is not unique.\nSo there is no `unique`.",
)
SEARCH = DraftMember("search", None, "search is left out: the type tsvector is not served.")
EXPECTED = '''\
"""Deals, at /api/deals.

Adopted from crm.deals on 2026-11-28; yours to change. A rule is a method of DealRepository, such as
`before_create` or `before_write`.

Row-level security is on.
"""

from functools import partial

from sluice.kinds.char import Char
from sluice.kinds.integer import BigInt
from sluice.kinds.ref import Ref
from sluice.kinds.text import Text
from sluice.resource import Resource
from sluice.sql.resource_repository import ResourceRepository

DEALS = Resource(
    name="deals",
    singular="deal",
    description="A deal.",
    table="crm.deals",
    group="crm",
    key=BigInt("id", read_only=True),
    fields=[
        Text("title", max_length=120),
        # The index is not unique.
        # So there is no `unique`.
        Ref("country", resource="countries", kind=partial(Char, max_length=2)),
        # search is left out: the type tsvector is not served.
    ],
    etag="version",
)


class DealRepository(ResourceRepository):
    """Reads and writes deals."""

    resource = DEALS
'''


def draft(**changed: object) -> DraftResource:
    values: dict[str, object] = {
        "table": Table("crm", "deals"),
        "name": "deals",
        "singular": "deal",
        "description": "A deal.",
        "group": "crm",
        "module": "deals",
        "key": [KEY],
        "fields": [TITLE],
    }
    return DraftResource(**values | changed)  # type: ignore[arg-type]


def formatted(source: str) -> str:
    """Return the source as ruff leaves it. Ruff must find nothing wrong in it."""
    for arguments in (("format", "-"), ("check", "--stdin-filename", "layers/shared/x/deals.py")):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *arguments],
            cwd=ROOT,
            input=source,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr + source
        source = done.stdout if arguments[0] == "format" else source
    return source


def test_declaration_is_as_a_person_writes_it() -> None:
    deals = draft(
        fields=[TITLE, COUNTRY, SEARCH],
        options={"etag": "version"},
        notes=["Row-level security is on."],
    )

    source = text(deals, "Adopted from crm.deals on 2026-11-28; yours to change.")

    assert formatted(source) == EXPECTED


def test_key_of_several_fields_is_a_list() -> None:
    source = formatted(text(draft(key=[COUNTRY, KEY], fields=[])))

    assert "    key=[\n        # The index is not unique.\n" in source
    assert "    fields=[],\n" in source


def test_view_has_no_rule() -> None:
    source = formatted(text(draft(options={"writes": ()})))

    assert '"""Reads deals."""' in source
    assert "before_create" not in source


def test_resource_named_resource_has_a_class_of_its_own() -> None:
    source = text(draft(name="resource", singular="resource"))

    assert "class ResourceRowRepository(ResourceRepository):" in source
    assert '"""Reads and writes rows of resource."""' in source


@pytest.mark.parametrize(
    "name", ['a"b', 'x"""', "back\\slash", "new\nline", "ünï", "a" * 63, "{braces}", "%s", "tab\t"]
)
def test_any_name_of_a_table_gives_valid_source(name: str) -> None:
    long_text = f"{name} is a name. " * 20
    member = DraftMember(name, Expression(TEXT, ("a",), {"column": name, "default": long_text}))
    deals = draft(
        table=Table("crm", name),
        description=long_text,
        fields=[member, DraftMember(name, None, long_text)],
        notes=[long_text],
    )

    source = formatted(text(deals, f"Adopted from crm.{name} on 2026-11-28."))

    (call,) = (node for node in ast.walk(ast.parse(source)) if _is_resource(node))
    values = {each.arg: each.value for each in call.keywords}
    assert ast.literal_eval(values["table"]) == f"crm.{name}"
    assert ast.literal_eval(values["description"]) == long_text


def _is_resource(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "Resource"


def test_source_is_a_file_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "deals.py"
    path.write_text(text(draft(fields=[TITLE, SEARCH])))

    done = subprocess.run([sys.executable, path], cwd=ROOT / "layers/shared", check=False)

    assert done.returncode == 0
