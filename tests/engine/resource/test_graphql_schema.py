"""The GraphQL schema that `make derive` writes, and the resolvers that it names."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from graphql import parse, print_ast

from scripts.derive.graphql import derived_schema, files
from sluice.graph.field_info import field_infos
from sluice.graph.part import PUBLIC, GraphqlField, GraphqlPart, Type
from sluice.graph.resource_part import derived_part
from sluice.graph.schema import make_schema
from sluice.kinds.array import Array
from sluice.kinds.choice import Choice
from sluice.kinds.date import Date
from sluice.kinds.field import DeclarationError
from sluice.kinds.integer import BigInt, Integer
from sluice.kinds.items import Items
from sluice.kinds.jsonb import Json
from sluice.kinds.numeric import Numeric
from sluice.kinds.range import Range
from sluice.kinds.ref import Ref
from sluice.kinds.text import Text
from sluice.kinds.timestamp import Timestamp
from sluice.kinds.uuid import Uuid
from sluice.resource import GraphQL, Many, One, Resource
from tests.engine.resource.graphql_library import (
    BOOKS,
    LOAN_ITEMS,
    LOANS,
    SHELVES,
    changed,
    library,
)


def fields_of(text: str) -> dict[str, dict[str, str]]:
    """Return the types of the fields of each definition, and the values of each enum."""
    return {
        node.name.value: {
            **{each.name.value: print_ast(each.type) for each in getattr(node, "fields", ())},
            **{each.name.value: "" for each in getattr(node, "values", ())},
        }
        for node in parse(text).definitions
        if hasattr(node, "name") and node.name is not None
    }


def test_types_have_the_fields_of_the_declarations(tmp_path: Path) -> None:
    fields = fields_of(derived_schema(library(tmp_path)).text)

    assert fields["Book"] == {
        "id": "ID!",
        "title": "String!",
        "shelf": "Shelf!",
        "state": "BookState!",
        "price": "Decimal",
        "createdAt": "DateTime!",
        "version": "Int!",
    }
    assert fields["BookState"] == {"PRESENT": "", "LENT_OUT": ""}
    assert fields["Shelf"] == {"id": "ID!", "line1": "Int", "books": "BookConnection!"}
    assert fields["LoanItem"] == {"book": "Book!", "days": "Int!"}
    assert fields["Loan"]["items"] == "[LoanItem!]!"


def test_roots_have_what_the_declarations_allow(tmp_path: Path) -> None:
    fields = fields_of(derived_schema(library(tmp_path)).text)

    assert fields["Query"] == {
        "shelves": "ShelfConnection!",
        "shelf": "Shelf",
        "books": "BookConnection!",
        "book": "Book",
        "loans": "LoanConnection!",
        "loan": "Loan",
    }
    assert list(fields["Mutation"]) == ["deleteShelf", "createBook", "updateBook", "deleteBook"]


def test_inputs_have_ids_and_defaults(tmp_path: Path) -> None:
    text = derived_schema(library(tmp_path)).text
    fields = fields_of(text)

    assert fields["CreateBookInput"] == {
        "title": "String!",
        "shelfId": "ID!",
        "state": "BookState",
        "price": "Decimal",
    }
    assert "state: BookState = PRESENT" in text
    assert set(fields["UpdateBookInput"].values()) == {"String", "ID", "BookState", "Decimal"}
    assert fields["BookFilter"] == {
        "search": "String",
        "shelfId": "ID",
        "state": "BookState",
        "priceMin": "Decimal",
        "priceMax": "Decimal",
    }
    assert fields["ShelfFilter"] == {"ids": "[ID!]", "slug": "[String!]"}
    assert fields["BookSortField"] == {"TITLE": "", "CREATED_AT": ""}


RATES = Resource(
    name="rates",
    singular="rate",
    table="public.rates",
    group="rates",
    key=[BigInt("id"), Date("day", non_finite=True)],
    fields=[
        Array("states", of=Choice("state", ["New", "USED"], nullable=True), filter="has"),
        Choice("form", ["two words"], nullable=True, filter="is_null"),
        Range("during", of=Timestamp("at"), filter="equal"),
        Text("note", filter="prefix"),
        Json("more", nullable=True, filter="contains", default={"a b": 1}),
        Ref("previous_id", resource="labels", kind=Text, nullable=True, filter="in"),
    ],
    relations=[Many("prices", resource="prices", foreign_key=["rate_id", "day"])],
)
PRICES = Resource(
    name="prices",
    singular="price",
    table="public.prices",
    group="rates",
    key=Uuid("id", optional=True, filter="in"),
    fields=[BigInt("rate_id"), Date("day"), Numeric("amount")],
    relations=[
        One("rate", resource="rates", foreign_key=["rate_id", "day"]),
        Many(
            "labels",
            resource="labels",
            foreign_key="price_id",
            through="public.price_labels",
            other_key="label_slug",
        ),
    ],
)
LABELS = Resource(
    name="labels",
    singular="label",
    table="public.labels",
    group="rates",
    key=Text("slug"),
    fields=[Text("title")],
    soft_delete="deleted_at",
)


def test_keys_of_any_kind_make_the_id(tmp_path: Path) -> None:
    schema = derived_schema(library(tmp_path, RATES, PRICES, LABELS))
    fields = fields_of(schema.text)

    assert fields["Rate"] == {
        "id": "ID!",
        "rateId": "BigInt!",
        "day": "ExtendedDate!",
        "states": "[RateStates]!",
        "form": "String",
        "during": "TstzRange!",
        "note": "String!",
        "more": "JSON",
        "previous": "Label",
        "prices": "PriceConnection!",
    }
    assert fields["Label"] == {"id": "ID!", "slug": "String!", "title": "String!"}
    assert schema.types["Rate"]["key"] == ("id", "day")
    assert schema.types["Rate"]["columns"] == {"rateId": "id"}
    assert schema.types["Rate"]["lists"] == {"prices": ("prices", "rate_id,day")}
    assert schema.types["Label"]["key"] == ("slug",)
    assert "key" not in schema.types["Price"]
    assert "The rate's id, made of id and day." in schema.text
    assert "List rates, sorted by key." in schema.text


def test_references_of_several_columns_and_links(tmp_path: Path) -> None:
    schema = derived_schema(library(tmp_path, RATES, PRICES, LABELS))

    price = fields_of(schema.text)["Price"]

    assert price == {
        "id": "ID!",
        "rateId": "BigInt!",
        "day": "Date!",
        "amount": "ExtendedDecimal!",
        "rate": "Rate!",
        "labels": "PriceLabelsConnection!",
    }
    assert schema.types["Price"]["rows"] == {"rate": ("rates", ("rate_id", "day"))}
    assert schema.types["Price"]["links"] == {"labels": ("labels", "labels")}


def test_inputs_and_filters_of_each_kind(tmp_path: Path) -> None:
    schema = derived_schema(library(tmp_path, RATES, PRICES, LABELS))
    fields = fields_of(schema.text)

    assert fields["CreateRateInput"] == {
        "rateId": "BigInt!",
        "day": "ExtendedDate!",
        "states": "[RateStates]!",
        "form": "String",
        "during": "TstzRangeInput!",
        "note": "String!",
        "more": "JSON",
        "previousId": "ID",
    }
    assert fields["CreatePriceInput"]["id"] == "ID"
    assert fields["RateFilter"] == {
        "statesHas": "RateStates",
        "formIsNull": "Boolean",
        "during": "TstzRangeInput",
        "notePrefix": "String",
        "moreContains": "JSON",
        "previousId": "[ID!]",
    }
    assert schema.types["Rate"].get("ids") is None
    assert fields["PriceFilter"] == {"id": "[ID!]"}


def test_enums_and_ranges(tmp_path: Path) -> None:
    schema = derived_schema(library(tmp_path, RATES, PRICES, LABELS))
    fields = fields_of(schema.text)

    assert fields["RateStates"] == {"New": "", "USED": ""}
    assert "RateStates" not in schema.enums
    assert fields["TstzRange"] == {
        "lower": "DateTime",
        "upper": "DateTime",
        "lowerInclusive": "Boolean!",
        "upperInclusive": "Boolean!",
        "empty": "Boolean!",
    }
    assert set(fields["TstzRangeInput"].values()) == {"DateTime", "Boolean"}
    assert schema.types["TstzRange"] == {}


def test_every_definition_has_a_description(tmp_path: Path) -> None:
    text = derived_schema(library(tmp_path, RATES, PRICES, LABELS)).text
    for definition in parse(text).definitions:
        members = [*getattr(definition, "fields", ()), *getattr(definition, "values", ())]
        arguments = [
            each for member in members for each in getattr(member, "arguments", None) or ()
        ]
        for node in (definition, *members, *arguments):
            assert getattr(node, "description", None), print_ast(node)


def test_descriptions_are_those_of_the_fields(tmp_path: Path) -> None:
    shelf = Ref("shelf_id", resource="shelves", description="Where it stands.")
    fields = [Text("title", search=True), Text("note", search=True), shelf]

    text = derived_schema(library(tmp_path, changed(BOOKS, fields=fields))).text

    assert '"Where it stands."\n  shelf: Shelf!' in text
    assert '"Words that must all occur in the title or the note."\n  search' in text


def test_what_nothing_reaches_is_left_out(tmp_path: Path) -> None:
    fields = fields_of(derived_schema(library(tmp_path)).text)

    assert not fields.keys() & {"BigInt", "Date", "CreateShelfInput", "ShelfSort", "LoanFilter"}


def test_definitions_by_hand_replace_and_extend(tmp_path: Path) -> None:
    extra = """
        "When." enum BookState { "Here." PRESENT }
        extend type Query { "One." newestBook: Book }
        extend type Shelf { "Few." books(first: Int = 3): BookConnection! }
    """

    text = derived_schema(library(tmp_path, extra=extra)).text

    assert fields_of(text)["BookState"] == {"PRESENT": ""}
    assert fields_of(text)["Query"]["newestBook"] == "Book"
    assert "books(first: Int = 3): BookConnection!" in text


def test_schema_is_a_file_of_the_application(tmp_path: Path) -> None:
    found = library(tmp_path)

    assert files(found) == {tmp_path / "schema.graphql": derived_schema(found).text}
    assert files(replace(found, resources=())) == {}


def part_of(schema: Any, by_hand: GraphqlPart) -> GraphqlPart:
    registry = SimpleNamespace(GRAPHQL=schema.types, GRAPHQL_ENUMS=schema.enums)
    return derived_part(registry, by_hand)


def test_part_resolves_the_fields_of_the_schema(tmp_path: Path) -> None:
    schema = derived_schema(library(tmp_path))
    part = part_of(schema, GraphqlPart())

    infos = field_infos(make_schema(schema.text, part.lower_case_enums), part)

    resolved = {key for key, info in infos.items() if info.declared.resolve}
    assert {("Query", "book"), ("Shelf", "books"), ("LoanItem", "book")} <= resolved
    assert infos["Mutation", "createBook"].declared.scope == "library:write"
    assert infos["Query", "books"].returned == Type(scope="library:read", replica=True)
    assert infos["Book", "shelf"].columns[0] == "shelf_id"
    assert infos["Shelf", "line1"].columns[0] == "line_1"
    state = infos["Book", "state"].serialize
    assert state is not None
    assert state("lent_out") == "LENT_OUT"


def test_items_need_no_scope_of_their_own(tmp_path: Path) -> None:
    rows = changed(LOAN_ITEMS, key=[Ref("loan_id", resource="loans"), Integer("line")])
    items = Items("items", of=rows, foreign_key="loan_id", max_items=9)
    schema = derived_schema(library(tmp_path, rows, changed(LOANS, fields=[items])))
    part = part_of(schema, GraphqlPart(preload=("json",)))

    infos = field_infos(make_schema(schema.text, part.lower_case_enums), part)

    assert infos["Loan", "items"].returned == Type(PUBLIC, replica=True)
    assert infos["Query", "loan"].scope == "loans:read"
    assert part.preload == ("json",)


def test_part_by_hand_wins(tmp_path: Path) -> None:
    extra = "extend type Loan { items: [Book!]! }"
    by_hand = GraphqlField(column="borrowed")

    part = part_of(
        derived_schema(library(tmp_path, extra=extra)),
        GraphqlPart(fields={("Query", "book"): by_hand}, types={"Book": Type("books:read")}),
    )

    assert part.fields["Query", "book"] is by_hand
    assert part.types["Book"].scope == "books:read"


def test_type_by_hand_has_the_key_of_its_declaration(tmp_path: Path) -> None:
    schema = derived_schema(library(tmp_path, RATES, PRICES, LABELS))

    part = part_of(schema, GraphqlPart(types={"Rate": Type("rates:see", replica=True)}))

    assert part.types["Rate"] == Type("rates:see", replica=True, key=("id", "day"))
    infos = field_infos(make_schema(schema.text, part.lower_case_enums), part)
    assert infos["Rate", "id"].columns == ("id", "day")
    assert infos["Price", "rate"].columns == ("rate_id", "day")


def test_field_of_another_type_by_hand_has_no_resolver(tmp_path: Path) -> None:
    extra = "extend type Shelf { books: [Book!]! }"

    part = part_of(derived_schema(library(tmp_path, extra=extra)), GraphqlPart())

    assert ("Shelf", "books") not in part.fields
    assert ("Query", "books") in part.fields


def with_graphql(**declared: Any) -> Resource:
    return changed(BOOKS, graphql=GraphQL(**declared))


@pytest.mark.parametrize(
    ("resource", "message"),
    [
        (with_graphql(queries=["bok"]), "books: there is no query bok"),
        (with_graphql(mutations=["addBook"]), "books: there is no mutation addBook"),
        (with_graphql(filters=["pages"]), "books: GraphQL has no such filter: pages"),
        (with_graphql(sorts=["price"]), "books: GraphQL has no such sort: price"),
        (changed(LOANS, graphql=GraphQL()), "createLoan cannot be derived.* the items items"),
        (
            changed(SHELVES, key=BigInt("number"), fields=[Text("id")], graphql=GraphQL()),
            r'shelves: the field `id` is the key: hide the other by GraphQL\(hidden=\["id"\]\)',
        ),
        (changed(LOANS, singular="book"), "the GraphQL name Book would be that of two types"),
    ],
)
def test_what_graphql_cannot_have_is_refused(
    tmp_path: Path, resource: Resource, message: str
) -> None:
    with pytest.raises(DeclarationError, match=message):
        derived_schema(library(tmp_path, resource))


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ("extend type Author { name: String }", "extends Author, which does not exist"),
        ("type Author {}", "extra.graphql: Syntax Error"),
        ("extend type Query { author: Author }", "schema.graphql: Unknown type 'Author'"),
        ("extend type Query { author: Author } type Author", "Author must define one or more"),
    ],
)
def test_wrong_extra_schema_is_refused(tmp_path: Path, extra: str, message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        derived_schema(library(tmp_path, extra=extra))
