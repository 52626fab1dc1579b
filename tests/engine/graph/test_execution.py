"""The executor and the merging of fields give the same results as graphql-core.

Documents and data are random: a field of an object can fail, be null, or be read by a loader. Data
and error paths must equal those of the reference implementation.
"""

import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLResolveInfo,
    execute_sync,
    get_nullable_type,
    parse,
    validate,
)
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from sluice.graph.document import DocumentCache, GraphQLRequestError
from sluice.graph.execution import execute
from sluice.graph.field_info import current_fields
from sluice.graph.loaders import Loaders, Pending
from sluice.graph.plan import plan
from sluice.graph.planned_field import PlannedField
from sluice.graph.schema import current_schema
from sluice.settings import GraphqlSettings

SCHEMA = current_schema()
FIELD_INFO = current_fields()
LIMITS = GraphqlSettings(introspection=True, max_depth=40, max_aliases=400)
VARIABLES = {"yes": True, "no": False}
ARGUMENTS = {
    ("Query", "book"): ['(id: "1")', "(id: 1)", '(id: "2")'],
    ("Query", "shelf"): ['(id: "1")', "(id: $id)"],
    ("Query", "reader"): ['(id: "1")', "(id: $id)"],
    ("Query", "books"): [
        "",
        "(first: 1)",
        "(filter: {priceMin: 1})",
        "(filter: {priceMin: 1, priceMax: 2})",
    ],
    ("Shelf", "books"): ["", "(first: $n)"],
    ("Shelf", "booksConnection"): [
        "",
        '(first: 2, after: "a")',
        '(after: "a", first: 2)',
        '(after: "b", first: 2)',
    ],
}
DIRECTIVES = [
    "",
    "",
    "",
    " @include(if: $yes)",
    " @include(if: $no)",
    " @skip(if: $no)",
    " @skip(if: true)",
]
OBJECT_TYPES = (
    "Query",
    "Book",
    "Shelf",
    "Reader",
    "BookConnection",
    "BookEdge",
    "PageInfo",
)


@st.composite
def documents(draw: Callable[..., Any]) -> str:
    fragments = {
        name: draw(selections(name, 2, {}))
        for name in draw(st.sets(st.sampled_from(OBJECT_TYPES), max_size=3))
    }
    body = draw(selections("Query", 4, fragments))
    parts = [f"query ($yes: Boolean!, $no: Boolean = true, $id: ID! = 7, $n: Int) {body}"]
    parts += [
        f"fragment On{name} on {name} {text}"
        for name, text in fragments.items()
        if f"...On{name}" in body
    ]
    return " ".join(parts)


@st.composite
def selections(
    draw: Callable[..., Any], parent_type: str, depth: int, fragments: Mapping[str, str]
) -> str:
    names = [
        name
        for type_name, name in FIELD_INFO
        if type_name == parent_type and not name.startswith("__")
    ]
    names.append("__typename")
    leaves = [name for name in names if FIELD_INFO[parent_type, name].object_type is None]
    parts = []
    for _ in range(draw(st.integers(1, 4))):
        directive = draw(st.sampled_from(DIRECTIVES))
        choice = draw(st.integers(0, 9))
        if choice == 0 and depth > 1:
            inner_selections = draw(selections(parent_type, depth - 1, fragments))
            parts.append(f"... on {parent_type}{directive} {inner_selections}")
        elif choice == 1 and parent_type in fragments:
            parts.append(f"...On{parent_type}{directive}")
        else:
            name = draw(st.sampled_from(names if depth > 1 else leaves))
            alias = draw(st.sampled_from(["", "", "", "a: ", "b: "]))
            arguments = draw(st.sampled_from(ARGUMENTS.get((parent_type, name), [""])))
            object_type = FIELD_INFO[parent_type, name].object_type
            body = draw(selections(object_type, depth - 1, fragments)) if object_type else ""
            parts.append(f"{alias}{name}{arguments}{directive} {body}")
    return "{ " + " ".join(parts) + " }"


def value_of(
    parent: Any, parent_type: str, name: str, arguments: Mapping[str, Any], failure_percent: int
) -> Any:
    """Return the value of a field, which depends on the arguments of this function only.

    `failure_percent` of the values are null or an error.
    """
    seed = f"{parent} {parent_type}.{name} {sorted(arguments.items(), key=str)}"
    hashed = zlib.crc32(f"{failure_percent}{seed}".encode())
    if hashed % 100 < failure_percent:
        return None if hashed % 2 else GraphQLError(f"failed {seed}")
    info = FIELD_INFO[parent_type, name]
    if info.is_list:
        return [f"{seed} {n}" for n in range(hashed % 4)]
    if info.object_type:
        return seed
    leaf_type = get_nullable_type(info.definition.type)
    if isinstance(leaf_type, GraphQLEnumType):
        return "lent_out"
    values = {"Int": hashed % 1000, "Boolean": hashed % 2 == 0, "ID": str(hashed)}
    return values.get(leaf_type.name, seed)  # type: ignore[union-attr]


class RandomDataContext:
    """Resolves fields by `value_of`, some of them with a loader."""

    def __init__(self, failure_percent: int) -> None:
        self.loaders = Loaders()
        self._failure_percent = failure_percent

    def resolve(self, field: PlannedField, parents: Sequence[Any]) -> Sequence[Any] | Pending:
        if field.name == "__typename":
            return [field.parent_type] * len(parents)
        values = [
            value_of(parent, field.parent_type, field.name, field.arguments, self._failure_percent)
            for parent in parents
        ]
        if zlib.crc32(field.name.encode()) % 3:
            return values
        loader = self.loaders.get(id(field), lambda keys, _: {key: values[key] for key in keys})
        return loader.load(list(range(len(values))))


def execute_with_graphql_core(source: str, failure_percent: int) -> Any:
    def resolve(parent: Any, info: GraphQLResolveInfo, **arguments: Any) -> Any:
        parent_type = info.parent_type.name
        value = value_of(parent, parent_type, info.field_name, arguments, failure_percent)
        if isinstance(value, GraphQLError):
            raise value
        return value

    return execute_sync(SCHEMA, parse(source), variable_values=VARIABLES, field_resolver=resolve)


def execute_with_sluice(source: str, failure_percent: int) -> Any:
    operation = DocumentCache(LIMITS).operation(source, None)
    fields = plan(operation, operation.coerce_variables(VARIABLES, LIMITS))
    return execute(fields, RandomDataContext(failure_percent))


def rejection(source: str) -> str:
    """Return the message of the error that rejects the document, or an empty string."""
    try:
        DocumentCache(LIMITS).operation(source, None)
    except GraphQLRequestError as error:
        return str(error)
    return ""


def check_equals_graphql_core(source: str, failure_percent: int) -> None:
    expected_errors = validate(SCHEMA, parse(source))
    message = rejection(source)
    assert bool(message) is bool(expected_errors), f"{message} {expected_errors}: {source}"
    if expected_errors:
        return
    result = execute_with_sluice(source, failure_percent)
    expected = execute_with_graphql_core(source, failure_percent)
    assert json.dumps(result.data) == json.dumps(expected.data), source
    expected_by_path = {tuple(error.path): error.message for error in expected.errors or ()}
    by_path = {tuple(error.path): error.message for error in result.errors}
    assert bool(by_path) == bool(expected_by_path)
    # graphql-core stops below a field that became null; this executor reports all errors.
    assert expected_by_path.items() <= by_path.items(), source


@settings(max_examples=40, deadline=None)
@given(source=documents(), failure_percent=st.sampled_from([0, 3, 12, 40]))
def test_response_equals_graphql_core(source: str, failure_percent: int) -> None:
    assume(len(source) < 2_500)
    check_equals_graphql_core(source, failure_percent)


# An example takes 25 ms of CPU. Shrinking may take 5 minutes, which is the time limit of a test: a
# failure would be reported as a timeout, without its document.
@pytest.mark.slow
@settings(max_examples=1_000, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(source=documents(), failure_percent=st.sampled_from([0, 3, 12, 40]))
def test_a_thousand_responses_equal_graphql_core(source: str, failure_percent: int) -> None:
    assume(len(source) < 2_500)
    check_equals_graphql_core(source, failure_percent)


@pytest.mark.parametrize(
    "source",
    [
        "{ a: book(id: 1) { id } a: book(id: 1) { name } }",
        '{ a: book(id: 1) { id } a: book(id: "1") { name } }',
        "{ book(id: 1) { a: id } book(id: 1) { a: name } }",
        "{ ...A ...B } fragment A on Query { x: shelves { id } } "
        "fragment B on Query { x: shelves { name } }",
        "{ ...A ...B } fragment A on Query { x: shelves { y: id } } "
        "fragment B on Query { x: shelves { y: slug } }",
        '{ books(first: 1, after: "x") { totalCount } books(after: "x", first: 1) { totalCount } }',
        "{ p: books(filter: {priceMin: 1, priceMax: 2}) { nodes { id } } "
        "p: books(filter: {priceMax: 2, priceMin: 1}) { nodes { id } } }",
        "{ books(first: 1) { totalCount } books(first: 2) { totalCount } }",
        "{ books { totalCount } books(first: 10) { totalCount } }",
        "query ($a: Int, $b: Int) "
        "{ books(first: $a) { totalCount } books(first: $b) { totalCount } }",
    ],
)
def test_fields_merge_like_graphql_core(source: str) -> None:
    assert bool(rejection(source)) is bool(validate(SCHEMA, parse(source)))


# The operation has both variables, which must be used.
WITH_VARIABLES = """query ($yes: Boolean!, $no: Boolean = true) {
    %s
    used: __typename @skip(if: $yes) @include(if: $no)
} %s"""


@pytest.mark.parametrize(
    ("selections", "fragments", "keys"),
    [
        ("a: __typename b: __typename a: __typename", "", "a b"),
        ("a: __typename @skip(if: $yes) b: __typename a: __typename", "", "b a"),
        ("...F @include(if: $no) b: __typename ...F", "{ a: __typename }", "b a"),
        ("...F b: __typename ...F", "{ a: __typename c: __typename }", "a c b"),
        (
            "... on Query @skip(if: $yes) { a: __typename } b: __typename ...F",
            "{ c: __typename a: __typename }",
            "b c a",
        ),
        (
            "...F a: __typename",
            "{ ...G b: __typename } fragment G on Query { c: __typename @include(if: $no) "
            "d: __typename c: __typename }",
            "d c b a",
        ),
    ],
)
def test_skipped_field_has_no_place(selections: str, fragments: str, keys: str) -> None:
    fragment = f"fragment F on Query {fragments}" if fragments else ""
    source = WITH_VARIABLES % (selections, fragment)

    check_equals_graphql_core(source, 0)
    assert list(execute_with_sluice(source, 0).data or ()) == keys.split()


def test_skipped_selection_does_not_order_the_fields_of_a_row() -> None:
    fields = """
        shelf(id: "1") @skip(if: $yes) { name id }
        shelf(id: "1") { id ...F @skip(if: $yes) slug name }
    """
    source = WITH_VARIABLES % (fields, "fragment F on Shelf { name slug }")

    check_equals_graphql_core(source, 0)
    data = execute_with_sluice(source, 0).data
    assert data is not None
    assert list(data["shelf"]) == ["id", "slug", "name"]


def test_error_is_where_the_field_is_included() -> None:
    source = WITH_VARIABLES % ("books @skip(if: $yes) { totalCount }\nbooks { totalCount }", "")

    errors = execute_with_sluice(source, 100).errors

    (error,) = (error for error in errors if error.path == ["books"])
    assert [location.line for location in error.locations or ()] == [3]
