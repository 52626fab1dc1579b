"""What `make derive` writes of functions and of the payload of links."""

from pathlib import Path

import pytest

from scripts.derive.graphql import derived_schema
from sluice.graph.field_info import field_infos
from sluice.graph.part import GraphqlPart
from sluice.graph.schema import make_schema
from sluice.kinds.choice import Choice
from sluice.kinds.field import DeclarationError
from sluice.kinds.integer import BigInt, Integer
from sluice.kinds.range import Range
from sluice.kinds.text import Text
from sluice.resource import Function, GraphQL, Many, Resource
from tests.engine.resource.graphql_library import changed, library
from tests.engine.resource.test_graphql_schema import fields_of, part_of

FORM = Choice("form", ["short", "long"], default="short")
POEMS = Resource(
    name="poems",
    singular="poem",
    table="public.poems",
    group="poems",
    key=BigInt("id", minimum=1, read_only=True),
    fields=[Text("title"), Integer("version", read_only=True)],
    etag="version",
    relations=[
        Function("print", "lib.print", arguments=[Integer("copies"), FORM], scope="poems:print"),
        Function("burn", "lib.burn", returns=""),
        Function("verses", "lib.verses", stable=True, returns=Range("verses", of=Integer("n"))),
        Function(
            "similar", "lib.similar", [Integer("first")], stable=True, returns="rows", max_rows=9
        ),
        Many(
            "answers",
            resource="poems",
            foreign_key="poem_id",
            through="lib.answers",
            other_key="answer_id",
            payload=[Choice("kind", ["ode", "satire"]), Integer("place", nullable=True)],
        ),
    ],
)


def test_functions_are_mutations_and_fields(tmp_path: Path) -> None:
    schema = derived_schema(library(tmp_path, POEMS))
    fields = fields_of(schema.text)

    assert {name: fields["Mutation"][name] for name in ("printPoem", "burnPoem")} == {
        "printPoem": "Poem",
        "burnPoem": "Boolean!",
    }
    assert fields["PrintPoemInput"] == {"copies": "Int!", "form": "PoemPrintForm"}
    assert fields["PoemPrintForm"] == {"SHORT": "", "LONG": ""}
    assert "PoemPrintForm" in schema.enums
    assert "BurnPoemInput" not in fields
    assert (fields["Poem"]["verses"], fields["Poem"]["similar"]) == ("Int4Range", "[Poem!]")
    infos = field_infos(make_schema(schema.text, schema.enums), part_of(schema, GraphqlPart()))
    mutation, field = infos["Mutation", "printPoem"], infos["Poem", "similar"]
    assert {*mutation.definition.args} == {"id", "input", "ifVersion"}
    assert str(mutation.definition.args["input"].type) == "PrintPoemInput!"
    assert (mutation.scope, field.scope) == ("poems:print", "poems:read")
    assert (field.default_first, field.declared.size) == (None, 9)  # it is no page


def test_links_of_a_table_with_itself(tmp_path: Path) -> None:
    fields = fields_of(derived_schema(library(tmp_path, POEMS)).text)

    assert fields["Poem"]["answers"] == "PoemAnswersConnection!"
    assert fields["PoemAnswersEdge"] == {
        "node": "Poem!",
        "cursor": "String!",
        "kind": "PoemAnswersKind!",
        "place": "Int",
    }
    assert fields["LinkPoemAnswersInput"] == {"kind": "PoemAnswersKind!", "place": "Int"}
    assert fields["LinkPoemAnswersPayload"] == {"poem": "Poem!", "edge": "PoemAnswersEdge"}
    assert fields["UnlinkPoemAnswersPayload"] == {"poem": "Poem!", "poemId": "ID!"}


@pytest.mark.parametrize(
    ("relation", "message"),
    [
        (Function("create", "lib.create"), "createPoem"),
        (
            Many("odes", "poems", "a", "lib.odes", "b", payload=[Text("cursor")]),
            "no edge with the field cursor of the link: rename it",
        ),
    ],
)
def test_name_that_is_taken_is_refused(
    tmp_path: Path, relation: Function | Many, message: str
) -> None:
    with pytest.raises(DeclarationError, match=message):
        derived_schema(library(tmp_path, changed(POEMS, relations=[relation])))


def test_mutations_of_functions_and_links_can_be_left_out(tmp_path: Path) -> None:
    declared = GraphQL(mutations=["burnPoem", "unlinkPoemAnswers"], hidden=["similar"])

    fields = fields_of(derived_schema(library(tmp_path, changed(POEMS, graphql=declared))).text)

    assert {*fields["Mutation"]} & {"printPoem", "burnPoem", "linkPoemAnswers"} == {"burnPoem"}
    assert "unlinkPoemAnswers" in fields["Mutation"]
    assert "similar" not in fields["Poem"]
    assert "LinkPoemAnswersPayload" not in fields
