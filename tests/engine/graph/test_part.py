"""The application's part and its schema are checked against each other when they are loaded."""

from pathlib import Path

import pytest

from sluice.application import ApplicationError
from sluice.graph.field_info import field_infos
from sluice.graph.part import Field, GraphqlPart, Type
from sluice.graph.schema import make_schema

SCHEMA = make_schema("""
    type Query { boxes(first: Int): BoxConnection!, box: Box, knot: Knot }
    type Box { id: ID!, firstOwner: String, size: Int }
    type Knot { id: ID! }
    type BoxConnection { edges: [BoxEdge!]!, pageInfo: PageInfo! }
    type BoxEdge { node: Box!, cursor: String! }
    type PageInfo { endCursor: String }
""")
PATH = Path("boxes.graphql")


def test_types_of_pages_have_the_type_of_their_rows() -> None:
    box = Type(scope="boxes:read")

    infos = field_infos(SCHEMA, GraphqlPart(PATH, types={"Box": box}))

    assert infos["Query", "box"].returned is infos["BoxEdge", "node"].returned is box
    assert infos["Query", "boxes"].returned is infos["BoxConnection", "edges"].returned is box
    wrappers = {info.object_type for info in infos.values() if info.is_wrapper}
    assert wrappers == {"BoxConnection", "BoxEdge", "PageInfo"}


def test_type_without_a_type_needs_no_scope() -> None:
    info = field_infos(SCHEMA, GraphqlPart(PATH, types={"Box": Type("boxes:read")}))[
        "Query", "knot"
    ]

    assert (info.returned.scope, info.returned.replica) == ("", True)


def test_field_is_read_from_its_column() -> None:
    fields = {("Box", "size"): Field(column="height")}

    infos = field_infos(SCHEMA, GraphqlPart(PATH, fields=fields))

    assert infos["Box", "firstOwner"].column == "first_owner"
    assert infos["Box", "size"].column == "height"


@pytest.mark.parametrize(
    ("part", "name"),
    [
        (GraphqlPart(PATH, types={"Bax": Type()}), "Bax"),
        (GraphqlPart(PATH, fields={("Box", "weight"): Field()}), "weight"),
        (GraphqlPart(PATH, fields={("Bax", "size"): Field()}), "Bax"),
    ],
)
def test_names_that_the_schema_lacks_are_rejected(part: GraphqlPart, name: str) -> None:
    with pytest.raises(ApplicationError, match=rf"the GraphQL schema does not have .*{name}"):
        field_infos(SCHEMA, part)
