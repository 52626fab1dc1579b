"""A library as declarations, for the tests of the derived schema."""

from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from scripts.derive.scan import Found, FoundResource
from sluice.application import Application
from sluice.kinds.choice import Choice
from sluice.kinds.integer import BigInt, Integer
from sluice.kinds.items import Items
from sluice.kinds.numeric import Numeric
from sluice.kinds.ref import Ref
from sluice.kinds.text import Slug, Text
from sluice.kinds.timestamp import Timestamp
from sluice.resource import GraphQL, Many, Resource

SHELVES = Resource(
    name="shelves",
    singular="shelf",
    table="public.shelves",
    group="shelves",
    scope="library",
    description="A shelf of books.",
    key=BigInt("id", read_only=True, filter="in", filter_name="ids"),
    fields=[Slug("slug", unique=True, filter="in"), Integer("line_1", nullable=True)],
    relations=[Many("books", resource="books", foreign_key="shelf_id")],
    graphql=GraphQL(mutations=["deleteShelf"], hidden=["slug"]),
)
BOOKS = Resource(
    name="books",
    singular="book",
    table="public.books",
    group="books",
    scope="library",
    key=BigInt("id", read_only=True),
    fields=[
        Text("title", min_length=1, sort=True, search=True),
        Ref("shelf_id", resource="shelves", shown_as="shelf", by="slug", kind=Slug, filter="in"),
        Choice("state", ["present", "lent_out"], default="present", filter="equal"),
        Numeric("price", precision=8, scale=2, nullable=True, filter="range"),
        Timestamp("created_at", read_only=True, sort=True),
        Integer("version", read_only=True),
    ],
    etag="version",
)
LOAN_ITEMS = Resource(
    name="loan_items",
    singular="loan_item",
    table="public.loan_items",
    group="",
    key=[Ref("loan_id", resource="loans"), Ref("book_id", resource="books")],
    fields=[Integer("days")],
)
LOANS = Resource(
    name="loans",
    singular="loan",
    table="public.loans",
    group="loans",
    key=BigInt("id", read_only=True),
    fields=[Items("items", of=LOAN_ITEMS, foreign_key="loan_id", max_items=9)],
    graphql=GraphQL(mutations=[]),
)


class LibraryRepository:
    reads_replica: ClassVar[bool] = True


def library(folder: Path, *resources: Resource, extra: str = "") -> Found:
    """Return the library's resources, as `make derive` finds them, and these beside them."""
    if extra:
        (folder / "extra.graphql").write_text(extra)
    declared = {each.name: each for each in (SHELVES, BOOKS, LOANS, LOAN_ITEMS, *resources)}
    found = [
        FoundResource(each, folder / "library.py", f"library:{name}", 1, LibraryRepository)
        for name, each in declared.items()
    ]
    return Found(Application(format=1, name="library"), folder, tuple(found))


def changed(resource: Resource, **changes: Any) -> Resource:
    """Return the declaration with other attributes."""
    return replace(resource, **changes)
