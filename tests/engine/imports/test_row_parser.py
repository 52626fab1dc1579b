"""Alternatives and defaults of an import, without a database."""

from dataclasses import replace
from typing import Any

import pytest

from sluice.application import ApplicationError
from sluice.errors import ValidationFailed
from sluice.imports.resource import ImportResource
from sluice.imports.row_parser import ParsedRow, RowParser
from sluice.kinds.integer import Integer
from sluice.kinds.text import Text

RESOURCE = ImportResource(
    fields={
        "name": Text("name", min_length=1, max_length=20),
        "id": Integer("id", minimum=1),
        "size": Integer("size", minimum=0),
        "label": Text("label", min_length=1, max_length=20),
    },
    required=("size",),
    exactly_one_of=("name", "id"),
    defaults={"label": lambda row: f"size {row['size']}"},
    trusted_when="true",
    write="",
)


def parse(header: list[str], *fields: str) -> Any:
    return RowParser(RESOURCE, header).parse_fields(2, fields)


def test_header_needs_exactly_one_alternative() -> None:
    expected = "exactly one of the columns name, id is required"

    assert RESOURCE.check_header(["name", "size"]) is None
    assert RESOURCE.check_header(["size"]) == expected
    assert RESOURCE.check_header(["name", "id", "size"]) == expected


def test_row_needs_exactly_one_alternative() -> None:
    header = ["name", "id", "size"]  # as for JSON lines, which have no header

    assert parse(header, "Emma", "", "1").values["name"] == "Emma"
    assert parse(header, "", "", "1") == (2, "name", "required", "name or id is missing")
    both = parse(header, "Emma", "7", "1")
    assert both == (2, "id", "invalid", "cannot be combined with name; leave out one of them")


def test_default_of_a_row_is_made_from_its_other_values() -> None:
    def label(header: list[str], *fields: str) -> object:
        return parse(header, *fields).values["label"]

    assert RowParser(RESOURCE, ["name", "size"]).columns() == ["name", "size", "label"]
    assert label(["name", "size"], "Emma", "1") == "size 1"
    assert label(["name", "size", "label"], "Emma", "1", "") == "size 1"
    assert label(["name", "size", "label"], "Emma", "1", "novel") == "novel"


class Rules:
    """Rules of a resource: they refuse one name, and set other fields."""

    def before_create(self, values: dict[str, Any]) -> None:
        if values["name"] == "Emma":
            raise ValidationFailed.at("name", "reserved", "is reserved")
        values.setdefault("label", "new")

    def before_write(self, values: dict[str, Any]) -> None:
        values["id"] = 7


def test_rules_reject_a_row_or_set_its_values() -> None:
    parser = RowParser(replace(RESOURCE, rules=Rules), ["name", "size"], Rules())

    refused = parser.parse_fields(2, ["Emma", "1"])
    row = parser.parse_fields(3, ["Persuasion", "1"])

    assert refused == (2, "name", "reserved", "is reserved")
    assert row == ({"name": "Persuasion", "size": 1, "label": "new", "id": 7}, {"id"})
    assert isinstance(row, ParsedRow)
    assert parser.columns([row]) == ["name", "size", "id", "label"]
    assert parser.changed([row]) == {"name", "size", "id"}  # an existing row keeps its label


def test_column_of_the_file_has_a_value_in_each_row() -> None:
    resource = replace(RESOURCE, never_null=["label"], defaults={}, exactly_one_of=())

    with_column = RowParser(resource, ["size", "label"]).parse_fields(2, ["1", ""])
    without = RowParser(resource, ["size"]).parse_fields(2, ["1"])

    assert with_column == (2, "label", "required", "is missing")
    assert without == ({"size": 1}, ())


@pytest.mark.parametrize("name", ["n", "line"])
def test_column_cannot_have_a_reserved_name(name: str) -> None:
    with pytest.raises(ApplicationError, match=f"cannot have the name '{name}'"):
        ImportResource(fields={name: Text(name)}, required=(), trusted_when="true", write="")
