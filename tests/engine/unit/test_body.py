"""Schemas of request bodies."""

import pytest

from sluice.errors import ValidationFailed
from sluice.http.body import BodySchema
from sluice.kinds.integer import Integer
from sluice.kinds.text import Text

NAME = Text("name", min_length=1, max_length=5)
SIZE = Integer("size", minimum=0, maximum=9)
SCHEMA = BodySchema([NAME, SIZE], read_only=("id",), optional=("size",))


def errors_of(document: object, method: str) -> dict[str | None, str]:
    with pytest.raises(ValidationFailed) as caught:
        SCHEMA.read_body(document, method)
    return {error.pointer: error.code for error in caught.value.errors}


def test_read_only_fields_are_ignored() -> None:
    assert SCHEMA.read_body({"name": " a ", "id": object()}, "POST") == {"name": "a"}
    assert SCHEMA.read_body({}, "PATCH") == {}


def test_put_needs_also_the_optional_fields() -> None:
    assert errors_of({}, "POST") == {"/name": "required"}
    assert errors_of({}, "PUT") == {"/name": "required", "/size": "required"}


def test_patch_needs_its_required_fields() -> None:
    schema = BodySchema([SIZE], patch_required=("size",))
    with pytest.raises(ValidationFailed):
        schema.read_body({}, "PATCH")


def test_all_invalid_fields_are_reported() -> None:
    document = {"name": "", "size": "x", "colour": 1, "a/b": 1, "~": 1, "half\ud800": 1, "": 1}
    assert errors_of(document, "PATCH") == {
        "/name": "too_short",
        "/size": "type",
        "/colour": "unknown_field",
        "/a~1b": "unknown_field",
        "/~0": "unknown_field",
        "/half?": "unknown_field",
        "/": "unknown_field",
    }


@pytest.mark.parametrize("document", [None, [], "x", 5, True])
def test_body_must_be_an_object(document: object) -> None:
    assert errors_of(document, "PATCH") == {"": "type"}
