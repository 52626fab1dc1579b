"""Alternatives and defaults of an import, without a database."""

from typing import Any

import pytest

from sluice.application import ApplicationError
from sluice.fields import Integer, Text
from sluice.imports.resource import ImportResource
from sluice.imports.row_parser import RowParser

RESOURCE = ImportResource(
    fields={"name": Text(20), "id": Integer(1, 99), "size": Integer(0, 99), "label": Text(20)},
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

    assert parse(header, "Emma", "", "1")[:3] == ["Emma", None, 1]
    assert parse(header, "", "", "1") == (2, "name", "required", "name or id is missing")
    both = parse(header, "Emma", "7", "1")
    assert both == (2, "id", "invalid", "cannot be combined with name; leave out one of them")


def test_default_of_a_row_is_made_from_its_other_values() -> None:
    assert RowParser(RESOURCE, ["name", "size"]).columns() == ["name", "size", "label"]
    assert parse(["name", "size"], "Emma", "1") == ["Emma", 1, "size 1"]
    assert parse(["name", "size", "label"], "Emma", "1", "") == ["Emma", 1, "size 1"]
    assert parse(["name", "size", "label"], "Emma", "1", "novel") == ["Emma", 1, "novel"]


@pytest.mark.parametrize("name", ["n", "line"])
def test_column_cannot_have_a_reserved_name(name: str) -> None:
    with pytest.raises(ApplicationError, match=f"cannot have the name '{name}'"):
        ImportResource(fields={name: Text(20)}, required=(), trusted_when="true", write="")
