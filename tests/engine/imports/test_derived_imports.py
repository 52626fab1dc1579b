"""Imports are derived from a repository class."""

import re
from typing import Any

import pytest

from sluice import application
from sluice.imports.derived import of_repository
from sluice.imports.resource import ImportResource
from sluice.imports.row_parser import ParsedRow, RowParser
from sluice.kinds.array import Array
from sluice.kinds.char import Char
from sluice.kinds.date import Date
from sluice.kinds.field import DeclarationError
from sluice.kinds.integer import BigInt, Integer
from sluice.kinds.ref import Ref
from sluice.kinds.text import Text
from sluice.resource import Constraint, One, Resource
from sluice.sql.resource_repository import ResourceRepository

find = application.current().declaration
BookRepository = application.current().load("repositories", "books")
ReaderRepository = application.current().load("repositories", "readers")


def in_one_line(sql: str) -> str:
    return re.sub(r"\s+", " ", sql).strip()


def test_existing_row_is_found_by_the_expression_of_its_key() -> None:
    """An email keeps the case in which it was first written."""
    derived = of_repository(ReaderRepository, find)

    assert in_one_line(derived.statement(["email", "name"], ["email", "name"])) == (
        "WITH written AS ( INSERT INTO readers AS r (email, name) "
        "SELECT DISTINCT ON (lower(email)) email, name FROM import_rows "
        "ORDER BY lower(email), n DESC "
        "ON CONFLICT (lower(email)) DO UPDATE SET name = excluded.name "
        "WHERE r.name <> excluded.name ) SELECT count(*) AS rows FROM import_rows"
    )


def copies(**options: Any) -> type[ResourceRepository]:
    resource = Resource(
        name="copies",
        singular="copy",
        table="lib.copies",
        group="copies",
        key=BigInt("id", read_only=True),
        fields=[
            Ref("reader_id", resource="readers", create_only=True),
            Text("note", max_length=100, nullable=True),
            Integer("number", minimum=1, default=1),
            Text("shelf", optional=True),
        ],
        etag="number",
        **options,
    )
    return type("Copies", (ResourceRepository,), {"resource": resource})


def test_without_a_key_rows_are_only_inserted() -> None:
    derived = of_repository(copies(), find)

    assert derived.required == ("reader_id",)
    assert derived.references == {
        "reader_id": "SELECT FROM readers t WHERE t.id = CAST(r.reader_id AS bigint)"
    }
    assert in_one_line(derived.statement(["reader_id", "number"], ["reader_id"])) == (
        "WITH written AS ( INSERT INTO lib.copies AS c (reader_id, number) "
        "SELECT CAST(reader_id AS bigint), CAST(number AS integer) FROM import_rows ORDER BY n "
        "RETURNING 1 ) SELECT count(*) AS rows FROM written"
    )


def test_existing_rows_get_the_changeable_columns_of_the_file() -> None:
    derived = of_repository(copies(import_key=["number", "reader_id"]), find)

    statement = in_one_line(derived.statement(["reader_id", "note", "number"], ["note", "number"]))

    assert (
        "SELECT DISTINCT ON (CAST(reader_id AS bigint), CAST(number AS integer)) "
        "CAST(reader_id AS bigint), note, CAST(number AS integer) FROM import_rows "
        "ORDER BY CAST(reader_id AS bigint), CAST(number AS integer), n DESC "
        "ON CONFLICT (reader_id, number) DO UPDATE SET note = excluded.note "
        "WHERE c.note IS DISTINCT FROM excluded.note"
    ) in statement
    assert "DO NOTHING" in derived.statement(["reader_id", "number"], ["reader_id", "number"])


def test_names_that_are_words_of_sql_are_quoted() -> None:
    resource = Resource(
        name="copies",
        singular="copy",
        table="lib.copies",
        group="copies",
        key=BigInt("id", read_only=True),
        fields=[Text("order", max_length=9), Ref("user", resource="readers", expand=False)],
        etag="order",
    )
    repository = type("Copies", (ResourceRepository,), {"resource": resource})

    derived = of_repository(repository, find)

    assert 'char_length(r."order")' in derived.trusted_when
    assert derived.references["user"].endswith('CAST(r."user" AS bigint)')
    assert in_one_line(derived.statement(["order", "user"], [])).startswith(
        'WITH written AS ( INSERT INTO lib.copies AS c ("order", "user") '
        'SELECT "order", CAST("user" AS bigint) FROM import_rows'
    )


def rates(**options: Any) -> Resource:
    return Resource(
        name="rates",
        singular="rate",
        table="lib.rates",
        group="rates",
        key=[Char("country", max_length=2), Date("valid_from")],
        **{"fields": [Text("note", nullable=True)], **options},
    )


def prices(**options: Any) -> type[ResourceRepository]:
    resource = Resource(
        name="prices",
        singular="price",
        table="lib.prices",
        group="prices",
        key=BigInt("id", read_only=True),
        fields=[
            Char("country", max_length=2, nullable=True),
            Date("valid_from"),
            Array("tags", of=Text("tag"), default=["new"]),
        ],
        **{"relations": [One("rate", "rates", ["country", "valid_from"])], **options},
    )
    return type("Prices", (ResourceRepository,), {"resource": resource})


def test_reference_of_several_columns_is_checked() -> None:
    derived = of_repository(prices(), lambda name: rates())

    assert derived.references == {
        "valid_from": "SELECT WHERE r.country IS NULL UNION ALL SELECT FROM lib.rates t "
        "WHERE t.country = CAST(r.country AS bpchar) AND t.valid_from = CAST(r.valid_from AS date)"
    }


def test_column_of_two_references_must_meet_both() -> None:
    one = One("rate", "rates", ["country", "valid_from"])
    same = One("same", "rates", ["country", "valid_from"])
    derived = of_repository(prices(relations=[one, same]), lambda name: rates())

    assert derived.references["valid_from"].startswith("SELECT WHERE EXISTS (SELECT WHERE r.")


def test_values_are_written_as_texts_of_their_kinds() -> None:
    parser = RowParser(of_repository(prices(), lambda name: rates()), ["valid_from", "tags"])
    row = parser.parse_fields(2, ["2026-01-31", '["a b", "c"]'])
    other = parser.parse_json(3, '{"valid_from": "2026-01-31"}')

    assert isinstance(row, ParsedRow)
    assert isinstance(other, ParsedRow)
    assert (row.values["tags"], other.values["tags"]) == ('{"a b","c"}', '{"new"}')


def conflict(derived: ImportResource, columns: list[str]) -> str:
    """Return how the statement finds a row, or an empty text if it only inserts."""
    _, clause, rest = in_one_line(derived.statement(columns, columns)).partition("ON CONFLICT ")
    return rest.partition(")")[0] + ")" if clause else ""


@pytest.mark.parametrize(
    ("constraints", "expected"),
    [
        ([], ""),
        ([Constraint(["valid_from", "tags"])], "(valid_from, tags)"),
        ([Constraint(["valid_from", "tags"], deferrable=True)], ""),
        ([Constraint(["country", "valid_from"])], ""),
        ([Constraint(["valid_from"]), Constraint(["tags"])], ""),
    ],
)
def test_key_is_the_only_constraint_without_nulls(
    constraints: list[Constraint], expected: str
) -> None:
    derived = of_repository(prices(constraints=constraints), lambda name: rates())

    assert conflict(derived, ["country", "valid_from", "tags"]) == expected


def test_key_that_clients_write_finds_the_row() -> None:
    repository = type("Rates", (ResourceRepository,), {"resource": rates()})
    derived = of_repository(repository, find)

    assert conflict(derived, ["country", "valid_from", "note"]) == "(country, valid_from)"
    assert conflict(derived, ["country"]) == ""


def test_rows_without_their_values_are_read_by_python() -> None:
    derived = of_repository(copies(), find)

    assert "(r.note IS NULL OR" in derived.trusted_when
    assert "r.number IS NULL" not in derived.trusted_when  # it gets its default
    assert derived.defaults["number"]({}) == 1
    assert derived.never_null == ["reader_id", "number", "shelf"]


def test_rules_run_for_each_row_unless_the_class_says_otherwise() -> None:
    class Unchecked(ReaderRepository):  # type: ignore[misc, valid-type]
        import_trusted = True

    assert of_repository(ReaderRepository, find).trusted_when == "false"
    assert of_repository(ReaderRepository, find).rules is ReaderRepository
    assert of_repository(Unchecked, find).trusted_when != "false"
    assert of_repository(BookRepository, find).rules is None


def test_columns_of_the_staging_table_are_refused() -> None:
    resource = Resource(
        name="lines",
        singular="line",
        table="public.lines",
        group="lines",
        key=BigInt("id", read_only=True),
        fields=[Integer("n")],
        etag="n",
    )
    lines = type("Lines", (ResourceRepository,), {"resource": resource})

    with pytest.raises(DeclarationError, match="an import cannot have a field 'n'"):
        of_repository(lines, find)
