"""All forms of a kind agree: JSON, query strings, CSV, JSON Schema and PostgreSQL."""

import json
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal, localcontext

import jsonschema
import pg8000.native
import pytest

from local.postgres import PostgresServer
from sluice.errors import InvalidParameter, NotFound, ValidationFailed
from sluice.kinds.field import Field, Schema
from tests.engine.kinds.fields import COLUMNS, FIELDS, SINCE_15, TEXTS, classes
from tests.fixtures.database import owner_connection

# Schemas do not say what these texts look like, or say it in a `format`, which is not checked. Nor
# do they say the bounds of an amount that is sent as a text.
APPROXIMATE = (
    *("email", "timestamp", "date", "pattern of Python", "share", "1 to 10", "free numeric to 5"),
    *("hundreds", "small numeric"),
    *("any timestamp", "any local timestamp", "local timestamp", "any date"),
)
VALUES = (
    "[null, true, 0, 1, 3, -3, 10, 2147483648, 9223372036854775808, 1.5, 1.505, 9.99, 19.99,"
    ' "", "a", "GB", "gb", "abcdef", "é", "a-b", "1", "1.5", "-1.5", "1.505", "1e3", "new", [], {},'
    ' [{}], [{"book_id": 1, "copies": 1}], [{"book_id": 1, "copies": 0}],'
    ' [{"book_id": 1, "copies": 1, "n": 5}], [{"book_id": 1, "copies": 1, "more": 5}]]'
)

of_every_kind = pytest.mark.parametrize("name", FIELDS)
of_every_column = pytest.mark.parametrize("name", COLUMNS)


@pytest.fixture(scope="module")
def owner(postgres_server: PostgresServer) -> Iterator[pg8000.native.Connection]:
    with closing(owner_connection(postgres_server.url())) as connection:
        connection.run("SET timezone = 'UTC'")
        yield connection


@pytest.fixture
def connection(
    owner: pg8000.native.Connection, request: pytest.FixtureRequest
) -> Iterator[pg8000.native.Connection]:
    version = int(owner.run("SHOW server_version_num")[0][0])
    if request.node.callspec.params["name"] in SINCE_15 and version < 150_000:
        pytest.skip("PostgreSQL 14 has no such type")
    owner.run("BEGIN")
    yield owner
    owner.run("ROLLBACK")


def accepts(field: Field, value: object) -> bool:
    try:
        field.read(value, "/at")
    except ValidationFailed:
        return False
    return True


def validator(schema: Schema) -> jsonschema.Draft202012Validator:
    """Return the validator of a schema whose numbers are exact, as those of a body are."""
    exact = json.loads(json.dumps(schema), parse_float=Decimal)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(exact)


def as_in_a_body(value: object) -> object:
    """Return a JSON value with exact numbers, as the parser of a body returns it."""
    return json.loads(json.dumps(value, default=float), parse_float=Decimal)


def csv_text(sample: object) -> str:
    return str(sample).lower() if isinstance(sample, bool) else str(sample)


def test_every_kind_is_tested() -> None:
    assert {type(field) for field in FIELDS.values()} == set(classes())


@of_every_kind
def test_samples_and_examples_are_valid(name: str) -> None:
    field = FIELDS[name]
    schema = validator(field.body_schema())

    for value in [field.example, *(field.sample(n) for n in range(1, 30))]:
        assert accepts(field, value)
        schema.validate(as_in_a_body(value))


@of_every_kind
def test_bounds_are_valid_and_what_is_beyond_is_not(name: str) -> None:
    field = FIELDS[name]
    schema = validator(field.body_schema())

    for value in field.bounds():
        assert accepts(field, value), value
        schema.validate(as_in_a_body(value))
    assert field.invalid()
    for value, code in field.invalid():
        with pytest.raises(ValidationFailed) as caught:
            field.read(value, "/at")
        assert [(e.pointer, e.code) for e in caught.value.errors] == [("/at", code)], value


UNIQUE = ["text", "long name", "email", "slug", "key", "price", "date", "pattern"]


@pytest.mark.parametrize("name", UNIQUE)
def test_samples_differ(name: str) -> None:
    assert len({FIELDS[name].sample(n) for n in range(1, 200)}) == 199


@of_every_kind
def test_schema_and_body_agree(name: str) -> None:
    field = FIELDS[name]
    schema = validator(field.body_schema())

    with localcontext(prec=60):
        for value in json.loads(VALUES, parse_float=Decimal):
            if accepts(field, value):
                assert schema.is_valid(value), value
            elif not name.startswith(APPROXIMATE):
                assert not schema.is_valid(value), value


@of_every_column
def test_trusted_texts_are_valid_as_they_are(
    name: str, connection: pg8000.native.Connection
) -> None:
    field = COLUMNS[name]
    texts = [*TEXTS, *(csv_text(field.sample(n)) for n in range(1, 30))]
    sql = f"SELECT x FROM unnest(CAST(:texts AS text[])) x WHERE {field.trusted('x')}"
    trusted = [row[0] for row in connection.run(sql, texts=texts)]

    for text in trusted:
        read = field.to_sql(field.read(field.parse_csv(text), ""))
        cast = f"CAST(CAST(:text AS text) AS {field.ddl()})"
        sql = f"SELECT {cast} = CAST({field.bind('read')} AS {field.ddl()})"
        assert connection.run(sql, text=text, read=read) == [[True]], text


@of_every_column
def test_samples_are_trusted(name: str, connection: pg8000.native.Connection) -> None:
    field = COLUMNS[name]
    if field.trusted("x") == "false" or name.startswith("negative"):
        pytest.skip("Python reads all of them")
    sql = f"SELECT {field.trusted('x')} FROM unnest(CAST(:texts AS text[])) x"
    samples = connection.run(sql, texts=[csv_text(field.sample(n)) for n in range(1, 30)])

    assert samples == [[True]] * 29


@of_every_column
def test_column_keeps_and_checks_values(name: str, connection: pg8000.native.Connection) -> None:
    field = COLUMNS[name]
    check = field.check("v")
    constraint = f" CHECK ({check})" if check else ""
    connection.run(f"CREATE TEMPORARY TABLE t (n integer, v {field.ddl()}{constraint})")
    for n in range(1, 5):
        value = field.to_sql(field.read(field.sample(n), ""))
        connection.run(f"INSERT INTO t VALUES ({n}, {field.bind('v')})", v=value)
    select = (
        f"SELECT row_to_json(o)::text FROM (SELECT {field.select('v')} AS v FROM t ORDER BY n) o"
    )
    rows = [json.loads(row[0])["v"] for row in connection.run(select)]

    assert rows == [field.sample(n) for n in range(1, 5)]
    for row in rows:
        validator(field.row_schema()).validate(row)


@of_every_column
def test_bounds_survive_each_way_through_sql(
    name: str, connection: pg8000.native.Connection
) -> None:
    """A value is written, shown, written again, found by a filter, and kept in a cursor."""
    field = COLUMNS[name]
    connection.run(f"CREATE TEMPORARY TABLE t (v {field.ddl()})")
    shown_sql = f"SELECT row_to_json(o)::text FROM (SELECT {field.select('v')} AS v FROM t) o"
    cursor_sql = f"SELECT jsonb_build_array({field.cursor('v')})::text FROM t"
    for bound in field.bounds():
        value = as_in_a_body(bound)
        connection.run("DELETE FROM t")
        written = field.to_sql(field.read(value, ""))
        connection.run(f"INSERT INTO t VALUES ({field.bind('v')})", v=written)
        shown = json.loads(connection.run(shown_sql)[0][0], parse_float=Decimal)["v"]
        (cursor,) = json.loads(connection.run(cursor_sql)[0][0])
        (declared,) = field.filters_of("equal").values()
        condition = declared.false_condition if shown is False else declared.condition
        found = condition.format(column="t.v")
        again = f"t.v IS NOT DISTINCT FROM {field.bind('again')}"
        params = {"again": field.to_sql(field.read(shown, "")), "cursor": cursor}
        if shown == "":
            found = "true"  # no filter can have it
        elif ":" in found:
            params[field.name] = declared.parse(csv_text(shown))
        sql = f"SELECT {again}, {found}, t.v = {field.from_cursor('cursor')} FROM t"
        assert connection.run(sql, **params) == [[True] * 3], bound


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("short text", "''"),
        ("short text", "'abcdef'"),
        ("integer from 0", "-1"),
        ("integer 2 to 9", "10"),
        ("price", "-0.01"),
        ("1 to 10", "10.01"),
        ("choice", "'other'"),
    ],
)
def test_checks_have_the_bounds(
    name: str, value: str, connection: pg8000.native.Connection
) -> None:
    field = COLUMNS[name]
    sql = f"SELECT {field.check('v')} FROM (SELECT CAST({value} AS {field.sql_type}) AS v) t"

    assert connection.run(sql) == [[False]]


TYPE_LIMITS = {
    "integer": ["-2147483648", "2147483647"],
    "bigint": ["-9223372036854775808", "9223372036854775807"],
    "smallint": ["-32768", "32767"],
    "numeric": ["NaN", "Infinity", "-Infinity"],
    "timestamptz": ["-infinity", "infinity", "0044-03-15 12:00:00+00 BC", "10000-01-01 00:00+00"],
    "date": ["-infinity", "infinity", "0044-03-15 BC", "10000-01-01"],
}
IS_VALUE = """
CREATE FUNCTION pg_temp.is_value(x text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM CAST(x AS {type});
    RETURN true;
EXCEPTION WHEN OTHERS THEN
    RETURN false;
END $$
"""
CHARACTERS = "aZ9-@. _\u00e9\u00a0\u2028\u3000\u0001\u0085\u0090\n"


def values_of(field: Field, connection: pg8000.native.Connection) -> list[str]:
    """Return texts of values that a column of the field's type can have."""
    texts = [*TEXTS, *TYPE_LIMITS.get(field.sql_type, ()), "x" * 254, "@" + "x" * 254, "x" * 255]
    texts += [f"a{character}b@c" for character in CHARACTERS]
    texts += [f"a@b{character}c" for character in CHARACTERS]
    texts += [str(field.sample(n)) for n in range(1, 9)]
    connection.run(IS_VALUE.format(type=field.ddl()))
    sql = "SELECT x FROM unnest(CAST(:texts AS text[])) x WHERE pg_temp.is_value(x)"
    return [text for (text,) in connection.run(sql, texts=texts)]


@of_every_column
def test_check_accepts_what_a_body_may_have(
    name: str, connection: pg8000.native.Connection
) -> None:
    """White space at the ends of a text, and a pattern of Python, are not checked.

    A value that a response shows wrong, such as a time before Christ, is not accepted.
    """
    field = COLUMNS[name]
    if name == "pattern of Python":
        pytest.skip("PostgreSQL may read it in another way")
    texts = [text for text in values_of(field, connection) if text == text.strip()]
    sql = f"""
        SELECT x, row_to_json(o)::text
        FROM unnest(CAST(:texts AS text[])) x,
            LATERAL (SELECT CAST(x AS {field.ddl()}) AS v) c,
            LATERAL (SELECT {field.select("v")} AS v) s,
            LATERAL (
                SELECT s.v,
                    CAST(CAST(s.v AS text) AS {field.ddl()}) IS NOT DISTINCT FROM c.v AS is_shown,
                    {field.check("c.v") or "true"} AS ok
            ) o
    """
    for text, row in connection.run(sql, texts=texts):
        shown = json.loads(row, parse_float=Decimal)
        assert shown["ok"] == (shown["is_shown"] and accepts(field, shown["v"])), text


@of_every_column
def test_filters_parse_samples(name: str, connection: pg8000.native.Connection) -> None:
    field = COLUMNS[name]
    text = csv_text(field.sample(1))
    values = next(iter(field.filters_of("in").values())).parse_many([text])
    sql = f"SELECT {field.bind('v')} = ANY({field.bind_list('vs')})"

    assert values == [field.parse(text)]
    if not field.is_text:  # a text has no type until it is compared with a column
        assert connection.run(sql, v=values[0], vs=values) == [[True]]


@pytest.mark.parametrize("name", ["text", "email", "slug", "integer", "price", "date", "boolean"])
def test_invalid_filters_are_rejected(name: str) -> None:
    for text in ("", " ", "\0", "x" * 300, "a,b c"):
        if not (name == "text" and text == "a,b c"):
            with pytest.raises(ValueError, match="must"):
                FIELDS[name].parse(text)
    with pytest.raises(ValueError, match="at most 1000 values"):
        next(iter(FIELDS[name].filters_of("in").values())).parse_many(["1"] * 1_001)


@pytest.mark.parametrize(
    ("text", "key"), [("1", 1), ("007", 7), ("0", 0), (str(2**63 - 1), 2**63 - 1)]
)
def test_key_consists_of_digits(text: str, key: int) -> None:
    assert FIELDS["key"].parse_path(text) == key


@pytest.mark.parametrize("text", ["", "-1", "+1", "1.0", "1e1", "٣", "²", "1_0", " 1", "1\n", "x"])
def test_invalid_key_names_its_parameter(text: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        FIELDS["key"].parse_path(text)
    assert [error.parameter for error in caught.value.errors] == ["key"]


@pytest.mark.parametrize("text", [str(2**63), "9" * 19, "9" * 10_000])
def test_key_out_of_range_is_not_found(text: str) -> None:
    with pytest.raises(NotFound):
        FIELDS["key"].parse_path(text)


def test_key_of_another_kind_is_parsed_from_the_path() -> None:
    assert FIELDS["slug"].parse_path("a-b") == "a-b"
    with pytest.raises(InvalidParameter) as caught:
        FIELDS["slug"].parse_path("A")
    assert caught.value.errors[0].parameter == "slug"
