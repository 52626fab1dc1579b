"""Each code block of the documents runs in a test, or is listed with a reason and its test.

Commands in blocks of sh and console: test_commands.py.
"""

import ast
import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from graphql import build_schema, parse, validate

from tests.fixtures.commands import ROOT, RUN_AS_PAGES, pages
from tests.fixtures.template import load_template

BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
BY_COMMAND = {"sh", "console"}  # test_commands.py
NOT_CODE = {"mermaid", "text"}  # pictures, and outputs of the blocks above
SCHEMAS = {
    "docs/graphql.md": "tests/apps/agency/schema.graphql",
    "docs/how-to/pagination.md": "layers/shared/shop/schema.graphql",
}


@dataclass(frozen=True, slots=True)
class Covered:
    """The blocks of one language on a page: why they do not run here, and the test."""

    reason: str
    test: str


HOW_TO = Covered("runs there", "tests/local/test_how_to.py")
TUTORIAL = Covered("is compared or applied there", "tests/local/test_tutorial.py")
COVERED = {
    ("docs/overrides.md", "python"): Covered(
        "is compared with the files that run", "tests/conventions/test_overrides_page.py"
    ),
    ("docs/overrides.md", "graphql"): Covered(
        "is compared with the files that run", "tests/conventions/test_overrides_page.py"
    ),
    ("docs/overrides.md", "http"): Covered(
        "the test sends these requests", "tests/engine/resource/test_overrides.py"
    ),
    ("docs/tutorial/own-tables.md", "python"): TUTORIAL,
    ("docs/tutorial/own-tables.md", "sql"): TUTORIAL,
    ("docs/tutorial/own-tables.md", "diff"): TUTORIAL,
    ("docs/tenants.md", "python"): Covered(
        "is an excerpt of tests/apps/studio", "tests/studio/test_two_tenants.py"
    ),
    ("docs/how-to/uninstall.md", "sql"): Covered(
        "names a role that no server has", "tests/local/test_own_database.py"
    ),
    ("docs/how-to/clients.md", "python"): Covered(
        "runs with the generated client", "tests/shop/clients/test_python_client.py"
    ),
    ("docs/how-to/clients.md", "ts"): Covered(
        "runs with the generated client", "tests/shop/clients/test_typescript_client.py"
    ),
    ("clients/python/README.md", "python"): Covered(
        "needs a deployment", "tests/shop/clients/test_python_client.py"
    ),
    ("clients/typescript/README.md", "ts"): Covered(
        "needs a deployment", "tests/shop/clients/test_typescript_client.py"
    ),
    ("docs/how-to/pagination.md", "python"): HOW_TO,
    ("docs/how-to/pagination.md", "js"): HOW_TO,
    ("docs/how-to/browser.md", "js"): HOW_TO,
    ("docs/how-to/psql.md", "sql"): HOW_TO,
}


def blocks(page: Path) -> Iterator[tuple[str, str]]:
    """Yield the language and the text of each code block, also of those in lists."""
    for indent, language, text in BLOCK.findall(page.read_text()):
        yield language, re.sub(f"^{indent}", "", text, flags=re.MULTILINE)


def of_language(language: str) -> list[tuple[str, str]]:
    """Return the page and the text of each block of a language."""
    return [
        (str(page.relative_to(ROOT)), text)
        for page in pages()
        for found, text in blocks(page)
        if found == language
    ]


def runs(page: Path, language: str) -> bool:
    """Return whether a test of this file checks the block, or the page runs as a whole."""
    name = str(page.relative_to(ROOT))
    own_code = RUN_AS_PAGES.get(page.stem) == "tests/local/test_own_code_pages.py"
    return (
        language in BY_COMMAND | NOT_CODE | {"json", "toml"}
        or (language == "graphql" and name in SCHEMAS)
        or (own_code and page.parent.name == "how-to")
        or (name, language) in COVERED
    )


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_each_code_block_runs_or_is_listed(page: Path) -> None:
    missing = {language for language, _ in blocks(page) if not runs(page, language)}

    assert missing == set(), "add it to COVERED"


@pytest.mark.parametrize("place", COVERED, ids=lambda place: " ".join(place))
def test_listed_blocks_exist_and_have_a_test(place: tuple[str, str]) -> None:
    page, language = place

    assert language in {found for found, _ in blocks(ROOT / page)}, "remove the entry"
    assert (ROOT / COVERED[place].test).exists()


@pytest.mark.parametrize(("page", "text"), of_language("json"))
def test_json_blocks_are_json(page: str, text: str) -> None:
    """An access-log example is one document for each line."""
    try:
        json.loads(text)
    except json.JSONDecodeError:
        for line in text.splitlines():
            json.loads(line)


@pytest.mark.parametrize(
    ("page", "text"),
    [block for block in of_language("python") if block[0] != "docs/overrides.md"],
)
def test_python_blocks_are_python(page: str, text: str) -> None:
    """Those of docs/overrides.md are excerpts, which another test compares with files."""
    lines = text if not text.lstrip("\n").startswith("    ") else f"class _:\n{text}"
    ast.parse(re.sub(r"^…$", "", lines.replace("(…", "(*_"), flags=re.MULTILINE))


@pytest.mark.parametrize(("page", "text"), of_language("toml"))
def test_toml_blocks_set_parameters_of_the_template(page: str, text: str) -> None:
    parameters = load_template(ROOT / "template.yaml")["Parameters"]
    for section in tomllib.loads(text).values():
        given = section["deploy"]["parameters"]["parameter_overrides"]
        assert {pair.partition("=")[0] for pair in given} <= set(parameters)
        for pair in given:
            name, _, value = pair.partition("=")
            assert re.fullmatch(parameters[name].get("AllowedPattern", ".*"), value)


@pytest.mark.parametrize(("page", "text"), of_language("graphql"))
def test_graphql_blocks_are_valid(page: str, text: str) -> None:
    if page not in SCHEMAS:
        assert (page, "graphql") in COVERED
        return
    schema = build_schema((ROOT / SCHEMAS[page]).read_text(), assume_valid=True)
    documents = text.splitlines() if page == "docs/graphql.md" else [text]
    for document in documents:
        assert validate(schema, parse(document)) == []
