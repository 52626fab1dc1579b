"""The executor and the merging of fields, against graphql-core's own, over documents and data drawn at random.

Any object may have any field fail, be null, or come by a loader; what is answered, and where it is said to have failed,
must be what the reference implementation says.
"""

import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLList,
    GraphQLObjectType,
    GraphQLResolveInfo,
    execute_sync,
    get_nullable_type,
    parse,
    validate,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sluice.graph.document import DocumentCache, GraphQLRequestError
from sluice.graph.execution import execute
from sluice.graph.loaders import Loaders, Pending
from sluice.graph.plan import FIELD_INFO, PlannedField, plan
from sluice.graph.schema import SCHEMA
from sluice.settings import GraphqlSettings

LIMITS = GraphqlSettings(introspection=True, max_depth=40, max_aliases=400)
VARIABLES = {"yes": True, "no": False}
ARGUMENTS = {
    ("Query", "product"): ['(id: "1")', "(id: 1)", '(id: "2")'],
    ("Query", "order"): ['(id: "1")'],
    ("Query", "user"): ['(id: "1")', "(id: $id)"],
    ("Query", "category"): ["", '(slug: "a")', '(slug: "b", id: 1)', '(id: 1, slug: "b")'],
    ("Query", "salesAnalytics"): ['(startDate: "2026-01-01", endDate: "2026-01-02")'],
    ("Query", "products"): [
        "",
        "(first: 1)",
        "(filter: {priceMin: 1})",
        "(filter: {priceMin: 1, priceMax: 2})",
    ],
    ("Category", "products"): ["", "(first: $n)"],
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
COMPOSITE = (
    "Query",
    "Product",
    "Category",
    "User",
    "Order",
    "OrderItem",
    "ProductConnection",
    "ProductEdge",
    "PageInfo",
)


@st.composite
def documents(draw: Callable[..., Any]) -> str:
    fragments = {
        name: draw(selections(name, 2, {}))
        for name in draw(st.sets(st.sampled_from(COMPOSITE), max_size=3))
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
    draw: Callable[..., Any], owner: str, depth: int, fragments: Mapping[str, str]
) -> str:
    names = [name for of, name in FIELD_INFO if of == owner and not name.startswith("__")] + [
        "__typename"
    ]
    leaves = [name for name in names if FIELD_INFO[owner, name].object is None]
    parts = []
    for _ in range(draw(st.integers(1, 4))):
        directive = draw(st.sampled_from(DIRECTIVES))
        shape = draw(st.integers(0, 9))
        if shape == 0 and depth > 1:
            parts.append(
                f"... on {owner}{directive} {draw(selections(owner, depth - 1, fragments))}"
            )
        elif shape == 1 and owner in fragments:
            parts.append(f"...On{owner}{directive}")
        else:
            name = draw(st.sampled_from(names if depth > 1 else leaves))
            alias = draw(st.sampled_from(["", "", "", "a: ", "b: "]))
            arguments = draw(st.sampled_from(ARGUMENTS.get((owner, name), [""])))
            inner = FIELD_INFO[owner, name].object
            body = draw(selections(inner, depth - 1, fragments)) if inner else ""
            parts.append(f"{alias}{name}{arguments}{directive} {body}")
    return "{ " + " ".join(parts) + " }"


def value_of(source: Any, owner: str, name: str, arguments: Mapping[str, Any], luck: int) -> Any:
    """What this field of this object is: the same for whoever asks. `luck` says how often something goes wrong."""
    seed = f"{source} {owner}.{name} {sorted(arguments.items(), key=str)}"
    chance = zlib.crc32(f"{luck}{seed}".encode())
    if chance % 100 < luck:
        return None if chance % 2 else GraphQLError(f"failed {seed}")
    kind = FIELD_INFO[owner, name]
    if kind.many:
        return [f"{seed} {n}" for n in range(chance % 4)]
    if kind.object:
        return seed
    inner = get_nullable_type(kind.definition.type)
    if isinstance(inner, GraphQLEnumType):
        return "paid"
    return {"Int": chance % 1000, "Boolean": chance % 2 == 0, "ID": str(chance)}.get(
        inner.name, seed
    )  # type: ignore[union-attr]


class Request:
    """Answers of `value_of`, some of them by a loader."""

    def __init__(self, luck: int) -> None:
        self.loaders = Loaders()
        self._luck = luck

    def resolve(self, selected: PlannedField, objects: Sequence[Any]) -> Sequence[Any] | Pending:
        if selected.name == "__typename":
            return [selected.owner] * len(objects)
        values = [
            value_of(one, selected.owner, selected.name, selected.arguments, self._luck)
            for one in objects
        ]
        if zlib.crc32(selected.name.encode()) % 3:
            return values
        loader = self.loaders.of(id(selected), lambda keys, _: {key: values[key] for key in keys})
        return loader.load(list(range(len(values))))


def expected(source: str, luck: int) -> Any:
    """graphql-core's answer."""

    def resolve(parent: Any, info: GraphQLResolveInfo, **arguments: Any) -> Any:
        value = value_of(parent, info.parent_type.name, info.field_name, arguments, luck)
        if isinstance(value, GraphQLError):
            raise value
        return value

    return execute_sync(SCHEMA, parse(source), variable_values=VARIABLES, field_resolver=resolve)


def ours(source: str, luck: int) -> Any:
    operation = DocumentCache(LIMITS).operation(source, None)
    return execute(plan(operation, operation.variables(VARIABLES, LIMITS)), Request(luck))


def refusal(source: str) -> str:
    """Why we do not run it; empty where we do."""
    try:
        DocumentCache(LIMITS).operation(source, None)
    except GraphQLRequestError as refused:
        return str(refused)
    return ""


def agree(source: str, luck: int) -> None:
    official = validate(SCHEMA, parse(source))
    assert bool(refusal(source)) is bool(official), f"{refusal(source)} {official}: {source}"
    if official:
        return
    found, reference = ours(source, luck), expected(source, luck)
    assert found.data == reference.data, source
    if found.data is not None:
        assert list(found.data) == list(reference.data)
    theirs = {tuple(error.path): error.message for error in reference.errors or ()}
    mine = {tuple(error.path): error.message for error in found.errors}
    assert bool(mine) == bool(theirs)
    assert theirs.items() <= mine.items(), (
        source
    )  # theirs stops where a null has gone up; ours tells of all


@settings(max_examples=40, deadline=None)
@given(source=documents(), luck=st.sampled_from([0, 3, 12, 40]))
def test_it_answers_as_graphql_core_does(source: str, luck: int) -> None:
    assume(len(source) < 2_500)
    agree(source, luck)


@pytest.mark.slow
@settings(max_examples=2_000, deadline=None)
@given(source=documents(), luck=st.sampled_from([0, 3, 12, 40]))
def test_it_answers_as_graphql_core_does_in_thousands_of_cases(source: str, luck: int) -> None:
    assume(len(source) < 2_500)
    agree(source, luck)


@pytest.mark.parametrize(
    "source",
    [
        "{ a: product(id: 1) { id } a: product(id: 1) { name } }",
        '{ a: product(id: 1) { id } a: product(id: "1") { name } }',
        "{ product(id: 1) { a: id } product(id: 1) { a: name } }",
        "{ ...A ...B } fragment A on Query { x: categories { id } } fragment B on Query { x: categories { name } }",
        "{ ...A ...B } fragment A on Query { x: categories { y: id } } "
        "fragment B on Query { x: categories { y: slug } }",
        "{ category(id: 1, slug: $s) { id } category(slug: $s, id: 1) { slug } }".replace(
            "$s", '"x"'
        ),
        "{ p: products(filter: {priceMin: 1, priceMax: 2}) { nodes { id } } "
        "p: products(filter: {priceMax: 2, priceMin: 1}) { nodes { id } } }",
        "{ products(first: 1) { totalCount } products(first: 2) { totalCount } }",
        "{ products { totalCount } products(first: 10) { totalCount } }",
        "query ($a: Int, $b: Int) { products(first: $a) { totalCount } products(first: $b) { totalCount } }",
    ],
)
def test_fields_are_one_exactly_where_graphql_core_says_so(source: str) -> None:
    assert bool(refusal(source)) is bool(validate(SCHEMA, parse(source)))


def test_the_schema_is_of_the_kinds_that_the_executor_knows() -> None:
    """Objects, lists of objects that cannot be null, and leaves: no interfaces, unions, or lists of anything else."""
    for kind in SCHEMA.type_map.values():
        if not isinstance(kind, GraphQLObjectType) or kind.name.startswith("__"):
            assert type(kind).__name__ in (
                "GraphQLObjectType",
                "GraphQLScalarType",
                "OwnScalar",
                "GraphQLEnumType",
                "GraphQLInputObjectType",
            )
            continue
        assert not kind.interfaces
        for field in kind.fields.values():
            inner = get_nullable_type(field.type)
            if isinstance(inner, GraphQLList):
                assert isinstance(get_nullable_type(inner.of_type), GraphQLObjectType)
                assert str(inner).endswith("!]")
