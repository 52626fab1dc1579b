"""Lists, objects and types of extensions: what is written is read, and PUT again as it was."""

import json
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from itertools import product
from typing import Any

import pg8000.native
import pytest

from local.postgres import PostgresServer
from sluice.errors import InvalidParameter, NotFound, ValidationFailed
from sluice.kinds.array import Array
from sluice.kinds.char import Char
from sluice.kinds.choice import Choice
from sluice.kinds.citext import Citext
from sluice.kinds.date import Date
from sluice.kinds.field import DeclarationError, Field
from sluice.kinds.integer import Integer
from sluice.kinds.jsonb import Json
from sluice.kinds.local_timestamp import LocalTimestamp
from sluice.kinds.numeric import Numeric
from sluice.kinds.range import Bounds, Range
from sluice.kinds.text import Text
from sluice.kinds.timestamp import Timestamp
from tests.engine.kinds.structured import STRUCTURED
from tests.fixtures.database import owner_connection

Connection = pg8000.native.Connection
each_field = pytest.mark.parametrize("name", STRUCTURED)


@pytest.fixture(scope="module")
def owner(postgres_server: PostgresServer) -> Iterator[Connection]:
    with closing(owner_connection(postgres_server.url())) as connection:
        connection.run("SET timezone = 'UTC'")
        connection.run("CREATE EXTENSION IF NOT EXISTS citext")
        connection.run("CREATE TYPE stage AS ENUM ('won', 'lead', 'lost')")
        yield connection
        connection.run("DROP TYPE stage CASCADE")


@pytest.fixture
def connection(owner: Connection) -> Iterator[Connection]:
    owner.run("BEGIN")
    yield owner
    owner.run("ROLLBACK")


def write(connection: Connection, field: Field, value: object) -> None:
    """Store the JSON value in a new table, as a repository does."""
    bound = field.to_sql(field.read(value, "/at"))
    connection.run("DROP TABLE IF EXISTS t")
    connection.run(f"CREATE TEMPORARY TABLE t (v {field.ddl()})")
    connection.run(f"INSERT INTO t VALUES ({field.bind('v')})", v=bound)


def shown(connection: Connection, field: Field) -> Any:
    sql = f"SELECT row_to_json(o)::text FROM (SELECT {field.select('t.v')} AS v FROM t) o"
    return json.loads(connection.run(sql)[0][0], parse_float=Decimal)["v"]


def found(connection: Connection, field: Field, parameter: str, text: str) -> bool:
    """Return whether a filter finds the row."""
    declared = field.filters()[parameter]
    value: object = declared.parse_many([text]) if declared.many else declared.parse(text)
    condition = declared.condition.format(column="t.v")
    return bool(connection.run(f"SELECT FROM t WHERE {condition}", **{parameter: value}))


def in_json(value: object) -> object:
    """Return the value as a body has it, with exact fractions."""
    return json.loads(json.dumps(value), parse_float=Decimal)


@each_field
def test_values_are_shown_as_written(name: str, connection: Connection) -> None:
    field = STRUCTURED[name]
    for value in [*field.bounds(), *(field.sample(n) for n in range(1, 9))]:
        write(connection, field, in_json(value))
        row = shown(connection, field)
        assert row == in_json(value)

        written_again = field.to_sql(field.read(row, "/at"))
        same = f"SELECT v IS NOT DISTINCT FROM {field.bind('w')} FROM t"
        assert connection.run(same, w=written_again) == [[True]]
        check = field.check("v") or "true"
        assert connection.run(f"SELECT {check} FROM t") == [[True]]


@each_field
def test_null_is_shown_as_null(name: str, connection: Connection) -> None:
    field = STRUCTURED[name]
    connection.run(f"CREATE TEMPORARY TABLE t (v {field.ddl()})")
    connection.run("INSERT INTO t VALUES (NULL)")

    assert shown(connection, field) is None


@each_field
def test_cursor_reads_what_it_wrote(name: str, connection: Connection) -> None:
    field = STRUCTURED[name]
    if isinstance(field, (Array, Json)):
        pytest.skip("lists are not sorted by it")
    for value in [*field.bounds(), field.sample(1)]:
        write(connection, field, in_json(value))
        sql = f"SELECT row_to_json(o)::text FROM (SELECT {field.cursor('t.v')} AS k FROM t) o"
        key = json.loads(connection.run(sql)[0][0])["k"]
        assert connection.run(f"SELECT v = {field.from_cursor('k')} FROM t", k=key) == [[True]]


@each_field
def test_csv_has_the_value_or_its_json(name: str) -> None:
    field = STRUCTURED[name]
    for value in [*field.bounds(), field.sample(1)]:
        text = (
            value if isinstance(value, str) and not isinstance(field, Json) else json.dumps(value)
        )
        read = field.read(field.parse_csv(text), "")
        assert field.to_sql(read) == field.to_sql(field.read(in_json(value), ""))


@pytest.mark.parametrize("text", ["", "[", "{a}", "[NaN]", '[{"a": 1, "a": 2}]', "[" * 10_000])
def test_csv_that_is_not_json_is_rejected(text: str) -> None:
    for name in ("json", "array of texts", "range of days"):
        with pytest.raises(ValidationFailed):
            STRUCTURED[name].read(STRUCTURED[name].parse_csv(text), "/at")


def test_equal_finds_the_value(connection: Connection) -> None:
    for field in (
        Array("v", of=Text("item"), filter="equal"),
        Range("v", of=Date("day"), filter="equal"),
        Citext("v", filter="in"),
        Char("v", max_length=3, filter="equal"),
        Choice("v", ("won", "lead"), type="stage", filter="in"),
    ):
        value = field.sample(1)
        write(connection, field, value)
        text = value if isinstance(value, str) else json.dumps(value)
        other = field.sample(2) if isinstance(value, str) else json.dumps(field.sample(2))
        assert found(connection, field, "v", text)
        assert not found(connection, field, "v", str(other))


def test_citext_ignores_case(connection: Connection) -> None:
    field = Citext("v", filter="in")
    write(connection, field, "Ada")

    assert found(connection, field, "v", "aDA")
    assert connection.run("SELECT v > :k FROM t", k="acE") == [[True]]


@pytest.mark.parametrize("prefix", ["100% ", "100%", "_", "\\", "100%_\\x"])
def test_prefix_is_no_pattern(prefix: str, connection: Connection) -> None:
    field = Text("v", filter="prefix")
    write(connection, field, "100% sure")
    assert found(connection, field, "v_prefix", prefix) == "100% sure".startswith(prefix)
    write(connection, field, "100%_\\x")
    assert found(connection, field, "v_prefix", prefix) == "100%_\\x".startswith(prefix)


def test_prefix_regards_case_if_the_text_does(connection: Connection) -> None:
    for field in (Text("v", filter="prefix"), Text("v", ignore_case=True, filter="prefix")):
        write(connection, field, "Bolt")
        assert found(connection, field, "v_prefix", "Bo")
        assert found(connection, field, "v_prefix", "bO") == field.ignore_case


def test_prefix_of_char_does_not_find_its_padding(connection: Connection) -> None:
    field = Char("v", max_length=5, filter="prefix")
    write(connection, field, "DE")

    assert found(connection, field, "v_prefix", "D")
    assert not found(connection, field, "v_prefix", "DE ")


def test_has_finds_an_item(connection: Connection) -> None:
    for name, other in (("array of texts", "b"), ("array of amounts", "1"), ("array of enums", "")):
        declared = STRUCTURED[name]
        assert isinstance(declared, Array)
        field = Array("v", of=declared.of, filter="has")
        item = str(declared.of.sample(1))
        write(connection, field, [item, None] if declared.of.nullable else [item])

        assert found(connection, field, "v_has", item)
        assert not other or not found(connection, field, "v_has", other)


@pytest.mark.parametrize(
    ("part", "expected"),
    [('{"a": 1}', True), ('{"a": 1.0}', True), ('{"a": 2}', False), ("{}", True), ("[]", False)],
)
def test_contains_finds_a_part(part: str, expected: bool, connection: Connection) -> None:
    field = Json("v", filter="contains")
    write(connection, field, {"a": 1, "b": [None]})

    assert found(connection, field, "v_contains", part) == expected


@pytest.mark.parametrize("text", ["", "{", "NaN", '"\\u0000"', '"\\ud800"', "1e1001"])
def test_invalid_filters_of_json_are_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="must"):
        Json("v", filter="contains").filters()["v_contains"].parse(text)


@pytest.mark.parametrize(
    ("number", "shown_as"),
    [
        ("1.10", "1.10"),
        ("1e2", "100"),
        ("-0.0", "0.0"),
        ("1E-3", "0.001"),
        ("12345678901234567890.5", None),
    ],
)
def test_numbers_in_json_keep_their_digits(
    number: str, shown_as: str | None, connection: Connection
) -> None:
    field = Json("v")
    write(connection, field, Decimal(number))

    (row,) = connection.run("SELECT v::text FROM t")
    assert row[0].lstrip("-") == (shown_as or number)


@pytest.mark.parametrize("number", ["1e1000", "1e-1001", "1e999999999", "0e-2000"])
def test_numbers_of_too_many_digits_are_rejected(number: str) -> None:
    with pytest.raises(ValidationFailed):
        Json("v").read([Decimal(number)], "/at")


def test_long_numbers_count_with_each_digit() -> None:
    with pytest.raises(ValidationFailed):
        Json("v", max_bytes=900).read(Decimal("1e950"), "/at")


def test_errors_of_items_name_their_places() -> None:
    with pytest.raises(ValidationFailed) as caught:
        Array("v", of=Integer("n")).read([1, "2", None], "/v")
    assert [error.pointer for error in caught.value.errors] == ["/v/1", "/v/2"]


def test_errors_of_bounds_name_them() -> None:
    with pytest.raises(ValidationFailed) as caught:
        Range("v", of=Date("day")).read({"lower": "x", "empty": 1, "step": 2}, "/v")
    found_at = [(error.pointer, error.code) for error in caught.value.errors]
    assert found_at == [("/v/lower", "invalid"), ("/v/empty", "type"), ("/v/step", "unknown_field")]


@pytest.mark.parametrize(
    ("lower", "upper", "lower_inclusive", "upper_inclusive"),
    [(a, b, c, d) for a in (1, 2, None) for b in (2, 3, None) for c in (0, 1) for d in (0, 1)],
)
def test_range_is_read_as_it_is_stored(
    lower: int | None,
    upper: int | None,
    lower_inclusive: int,
    upper_inclusive: int,
    connection: Connection,
) -> None:
    flags = {"lower_inclusive": bool(lower_inclusive), "upper_inclusive": bool(upper_inclusive)}
    field = Range("v", of=Integer("n"))
    value = {"lower": lower, "upper": upper, **flags}
    ends = "(["[lower_inclusive] + ")]"[upper_inclusive]
    stored = f"int4range({lower or 'NULL'}, {upper or 'NULL'}, '{ends}')"
    connection.run(f"CREATE TEMPORARY TABLE t AS SELECT {stored} AS v")

    assert field.read(value, "") == Bounds(**shown(connection, field))


@pytest.mark.parametrize(
    ("lower", "upper"),
    [
        ("2026-01-01", "infinity"),
        ("-infinity", "infinity"),
        ("0044-03-15 BC", "2026-01-01"),
        ("9999-12-31", "9999-12-31"),
        ("9999-12-31", "10000-01-01"),
    ],
)
@pytest.mark.parametrize("included", [True, False])
def test_far_days_can_be_bounds(
    lower: str, upper: str, included: bool, connection: Connection
) -> None:
    field = Range("v", of=Date("day", non_finite=True))
    flags = {"lower_inclusive": True, "upper_inclusive": included}
    write(connection, field, {"lower": lower, "upper": upper, **flags})
    first = shown(connection, field)

    write(connection, field, first)

    assert shown(connection, field) == first
    assert first["empty"] == (lower == upper and not included)


@pytest.mark.parametrize("included", [True, False])
def test_nan_can_be_a_bound(included: bool, connection: Connection) -> None:
    field = Range("v", of=Numeric("price", non_finite=True))
    value = {"lower": "1.50", "upper": "NaN", "upper_inclusive": included}
    write(connection, field, value)

    assert value.items() <= shown(connection, field).items()


@pytest.mark.parametrize("stored", ["0044-03-15 12:00:00+00 BC", "infinity"])
def test_far_time_is_shown_if_the_database_sets_it(stored: str, connection: Connection) -> None:
    field = Timestamp("v", read_only=True)
    connection.run("CREATE TEMPORARY TABLE t AS SELECT CAST(:v AS timestamptz) AS v", v=stored)

    assert shown(connection, field) == stored


def pointers(field: Field, value: object) -> list[str]:
    """Return the pointers of the errors, if the value is refused."""
    try:
        field.read(value, "/v")
    except ValidationFailed as refused:
        return [error.pointer for error in refused.errors]
    return []


FAR_FIELDS = [
    Date("at", non_finite=True),
    Timestamp("at", non_finite=True),
    LocalTimestamp("at", non_finite=True),
    Numeric("at", non_finite=True),
]


@pytest.mark.parametrize("of", FAR_FIELDS, ids=lambda each: type(each).__name__)
def test_bounds_have_the_order_of_postgresql(of: Field, connection: Connection) -> None:
    field = Range("v", of=of)
    ends = [*of.bounds(), of.sample(1), *(["0044-03-15 BC"] if isinstance(of, Date) else [])]
    for lower, upper in product(ends, ends):
        bound = {name: of.to_sql(of.read(end, "")) for name, end in (("l", lower), ("u", upper))}
        (in_order,) = connection.run(f"SELECT {of.bind('l')} <= {of.bind('u')}", **bound)[0]
        refused = pointers(field, {"lower": lower, "upper": upper, "upper_inclusive": True})
        assert refused == ([] if in_order else ["/v"]), (lower, upper)


def test_largest_value_cannot_be_included() -> None:
    for field, upper in (
        (Range("v", of=Integer("n")), 2**31 - 1),
        (Range("v", of=Date("day")), "9999-12-31"),
    ):
        with pytest.raises(ValidationFailed) as caught:
            field.read({"upper": upper, "upper_inclusive": True}, "/v")
        assert [(e.pointer, e.code) for e in caught.value.errors] == [("/v/upper", "out_of_range")]


def test_text_key_is_taken_from_the_path_as_it_is() -> None:
    field = Text("slug", min_length=1, max_length=5)

    assert [field.parse_path(text) for text in ("", " a ", "x" * 5)] == ["", " a ", "x" * 5]
    with pytest.raises(NotFound):
        field.parse_path("x" * 6)
    with pytest.raises(InvalidParameter):
        field.parse_path("\0")
    with pytest.raises(ValueError, match="at most 5"):
        field.parse_id("x" * 6)


def test_char_key_is_the_same_with_its_padding() -> None:
    field = Char("country", max_length=2)

    assert [field.parse_path("D  "), field.parse_id("D ")] == ["D", "D"]


@pytest.mark.parametrize(
    "declare",
    [
        lambda: Array("v", of=Array("w", of=Text("t"))),
        lambda: Array("v", of=Text("t"), sort=True),
        lambda: Array("v", of=Text("t"), min_items=2, max_items=1),
        lambda: Json("v", sort=True),
        lambda: Json("v", filter="equal"),
        lambda: Range("v", of=Text("t")),
        lambda: Citext("v", filter="prefix"),
    ],
)
def test_contradictions_are_refused(declare: Any) -> None:
    with pytest.raises(DeclarationError):
        declare()


@pytest.mark.parametrize("name", ["inet", "json", "array of texts", "range of days"])
def test_analysts_cannot_query_such_a_column(name: str) -> None:
    with pytest.raises(DeclarationError, match="analysts cannot query such a column"):
        STRUCTURED[name].analyst_bytes()
