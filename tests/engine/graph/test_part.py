"""The application's part and its schema are checked against each other when they are loaded."""

from collections.abc import Mapping
from types import MappingProxyType

import pytest

from sluice.application import ApplicationError
from sluice.graph.field_info import field_infos
from sluice.graph.part import PUBLIC, GraphqlField, GraphqlPart, Type
from sluice.graph.schema import make_schema

SCHEMA = make_schema("""
    type Query { boxes(first: Int): BoxConnection!, box: Box, knot: Knot, count: Int! }
    type Mutation { pack: Box! }
    type Box { id: ID!, firstOwner: String, size: Int }
    type Knot { id: ID! }
    type BoxConnection { edges: [BoxEdge!]!, pageInfo: PageInfo! }
    type BoxEdge { node: Box!, cursor: String! }
    type PageInfo { hasNextPage: Boolean!, hasPreviousPage: Boolean!, endCursor: String }
""")
BOX = Type(scope="boxes:read")
TYPES = {"Box": BOX, "Knot": Type(scope=PUBLIC)}
FIELDS = {
    ("Query", "count"): GraphqlField(scope="boxes:read"),
    ("Mutation", "pack"): GraphqlField(scope="boxes:write"),
}


def make_part(
    types: Mapping[str, Type] = MappingProxyType({}),
    fields: Mapping[tuple[str, str], GraphqlField] = MappingProxyType({}),
) -> GraphqlPart:
    return GraphqlPart({**TYPES, **types}, {**FIELDS, **fields})


def test_types_of_pages_have_the_type_of_their_rows() -> None:
    infos = field_infos(SCHEMA, make_part())

    assert infos["Query", "box"].returned is infos["BoxEdge", "node"].returned is BOX
    assert infos["Query", "boxes"].returned is infos["BoxConnection", "edges"].returned is BOX
    wrappers = {info.object_type for info in infos.values() if info.is_wrapper}
    assert wrappers == {"BoxConnection", "BoxEdge", "PageInfo"}


def test_scopes_are_those_of_mutations_and_of_the_objects_read() -> None:
    infos = field_infos(SCHEMA, make_part())

    scopes = {
        ("Query", "boxes"): "boxes:read",
        ("Query", "count"): "boxes:read",
        ("Query", "knot"): PUBLIC,
        ("Query", "__schema"): PUBLIC,
        ("Mutation", "pack"): "boxes:write",
        ("Mutation", "__typename"): PUBLIC,
        ("BoxConnection", "edges"): "boxes:read",
        ("Box", "size"): PUBLIC,  # of a box, which needs its scope
    }
    assert {key: infos[key].scope for key in scopes} == scopes


@pytest.mark.parametrize(
    ("part", "name"),
    [
        (GraphqlPart({"Box": BOX}, FIELDS), "Knot"),
        (make_part(types={"Box": Type(scope="")}), "Box"),
        (make_part(fields={("Mutation", "pack"): GraphqlField()}), "Mutation.pack"),
        (make_part(fields={("Query", "count"): GraphqlField()}), "Query.count"),
    ],
)
def test_what_has_no_scope_is_rejected(part: GraphqlPart, name: str) -> None:
    with pytest.raises(ApplicationError, match=rf"no scope, nor PUBLIC, .*'{name}'"):
        field_infos(SCHEMA, part)


def test_scope_that_would_be_ignored_is_rejected() -> None:
    fields = {("Box", "size"): GraphqlField(scope="boxes:weigh")}

    with pytest.raises(ApplicationError, match=r"the scope is that of the type for .*size"):
        field_infos(SCHEMA, make_part(fields=fields))


def test_type_with_the_name_of_a_page_keeps_its_scope() -> None:
    schema = make_schema("""
        type Query { edges: [Edge!]!, edge: GraphEdge, connection: GraphConnection }
        type Graph { id: ID! }
        type Edge { id: ID!, node: ID! }
        type GraphEdge { id: ID!, weight: Int! }
        type GraphConnection { id: ID! }
    """)
    types = {name: Type(f"{name}:read") for name in ("Graph", "Edge", "GraphEdge")}
    types["GraphConnection"] = Type("GraphConnection:read")

    infos = field_infos(schema, GraphqlPart(types))

    assert infos["Query", "edges"].scope == "Edge:read"
    assert infos["Query", "edge"].scope == "GraphEdge:read"
    assert infos["Query", "connection"].scope == "GraphConnection:read"
    assert infos["Edge", "node"].declared.resolve is None
    assert not any(info.is_wrapper for info in infos.values())


def test_field_is_read_from_its_column() -> None:
    infos = field_infos(SCHEMA, make_part(fields={("Box", "size"): GraphqlField(column="height")}))

    assert infos["Box", "firstOwner"].columns == ("first_owner",)
    assert infos["Box", "size"].columns == ("height",)


@pytest.mark.parametrize(
    ("part", "name"),
    [
        (make_part(types={"Bax": BOX}), "Bax"),
        (make_part(fields={("Box", "weight"): GraphqlField()}), "weight"),
        (make_part(fields={("Bax", "size"): GraphqlField()}), "Bax"),
    ],
)
def test_names_that_the_schema_lacks_are_rejected(part: GraphqlPart, name: str) -> None:
    with pytest.raises(ApplicationError, match=rf"the GraphQL schema does not have .*{name}"):
        field_infos(SCHEMA, part)


def test_tenant_is_needed_for_rows_and_mutations() -> None:
    of_tenants = Type(scope="boxes:read", needs_tenant=True)
    pack = GraphqlField(scope="boxes:write", needs_tenant=True)
    infos = field_infos(SCHEMA, make_part({"Box": of_tenants}, {("Mutation", "pack"): pack}))

    needing = {key for key, info in infos.items() if info.needs_tenant}
    assert needing == {
        ("Query", "box"),
        ("Query", "boxes"),
        ("BoxConnection", "edges"),
        ("BoxEdge", "node"),
        ("Mutation", "pack"),
    }
