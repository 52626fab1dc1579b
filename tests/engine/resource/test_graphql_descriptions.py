"""The descriptions of derived GraphQL fields and filters are sentences."""

import pytest

from scripts.derive.graphql_descriptions import (
    description_of,
    filter_description,
    range_description,
    values_description,
)
from sluice.kinds.boolean import Boolean
from sluice.kinds.date import Date
from sluice.kinds.field import Field
from sluice.kinds.integer import BigInt, Integer
from sluice.kinds.ref import Ref
from sluice.kinds.text import Slug, Text
from sluice.kinds.timestamp import Timestamp
from sluice.resource import Resource

LOANS = Resource(
    name="book_loans",
    singular="book_loan",
    table="public.book_loans",
    group="loans",
    key=BigInt("id"),
    fields=[],
)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        (Text("note"), "The book loan's note."),
        (Text("note", description="What the reader said."), "What the reader said."),
        (Boolean("is_late"), "Whether the book loan is late."),
        (Timestamp("created_at"), "When the book loan was created."),
        (Timestamp("updated_at"), "When the book loan was last changed."),
        (Timestamp("ends_at"), "When the book loan ends."),
        (Date("returned_on"), "When the book loan was returned."),
        (Date("day"), "The book loan's day."),
        (Integer("version"), "The book loan's version, which increases with each change."),
    ],
)
def test_description_of_a_field(field: Field, text: str) -> None:
    assert description_of(LOANS, field) == text


@pytest.mark.parametrize(
    ("field", "text"),
    [
        (Text("note"), "Only book loans with this note."),
        (
            Boolean("in_order"),
            "If true, only book loans that are in order. If false, only those that are not.",
        ),
        (
            Ref("book_id", resource="books", shown_as="book", by="slug", kind=Slug),
            "Only book loans of the book with this id.",
        ),
    ],
)
def test_description_of_a_filter(field: Field, text: str) -> None:
    assert filter_description(LOANS, field) == text


def test_description_of_a_filter_by_values() -> None:
    assert values_description(LOANS, Slug("slug")) == "Only book loans whose slug is one of these."


@pytest.mark.parametrize(
    ("field", "suffix", "text"),
    [
        (Integer("length"), "_min", "Only book loans whose length is at least this."),
        (Integer("length"), "_max", "Only book loans whose length is at most this."),
        (Timestamp("created_at"), "_after", "Only book loans created at this time or later."),
        (Timestamp("created_at"), "_before", "Only book loans created before this time."),
        (Date("returned_on"), "_after", "Only book loans returned on this day or later."),
        (Date("returned_on"), "_before", "Only book loans returned before this day."),
        (Timestamp("ends_at"), "_before", "Only book loans whose `endsAt` is earlier than this."),
        (Date("day"), "_after", "Only book loans whose day is this or later."),
    ],
)
def test_description_of_a_bound(field: Field, suffix: str, text: str) -> None:
    assert range_description(LOANS, field, suffix) == text
