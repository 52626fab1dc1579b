"""COPY and the row parser have the limits of shop/fields.py, also after a change there."""

import csv
import runpy
import sys
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest

from shop import fields, imports
from sluice.fields import Email, Integer, Money, Text
from sluice.imports.resource import ImportResource
from sluice.imports.row_parser import Rejection, RowParser
from sluice.imports.staged_rows import ImportRowRepository
from tests.fixtures.imports import ImportHarness

SLUG = Text(3, pattern="[a-z0-9-]+")
# The declaration, its changed type, the resource and header, and a row, whose last value is
# replaced: by one at the limit and one past it.
CASES = [
    ("NAME", Text(5), "CATEGORIES", "slug,name", "a", "abcde", "abcdef"),
    ("NAME", Text(5), "USERS", "email,name", "a@x.y", "abcde", "abcdef"),
    ("NAME", Text(5, min_length=3), "CATEGORIES", "slug,name", "a", "abc", "ab"),
    ("SLUG", SLUG, "CATEGORIES", "name,slug", "A", "abc", "abcd"),
    ("EMAIL", Email(max_length=6), "USERS", "name,email", "A", "ab@x.y", "abc@x.y"),
    ("PRICE", Money(Decimal(500)), "PRODUCTS", "name,category,price", "A,mugs", "500", "500.01"),
    ("PRICE", Money(Decimal("9.99")), "PRODUCTS", "name,category,price", "A,mugs", "9.99", "10"),
    ("QUANTITY", Integer(0, 500), "INVENTORY", "product,quantity", "Mug", "500", "501"),
    ("QUANTITY", Integer(5, 500), "INVENTORY", "product,quantity", "Mug", "5", "4"),
    ("ID", Integer(1, 99), "INVENTORY", "quantity,product_id", "1", "99", "100"),
    (
        *("DESCRIPTION", Text(4, min_length=0, nullable=True), "PRODUCTS"),
        *("name,category,price,description", "A,mugs,1", "abcd", "abcde"),
    ),
    (
        *("QUANTITY", Integer(0, 500), "PRODUCTS"),
        *("name,category,price,inventory", "A,mugs,1", "500", "501"),
    ),
]
INSERT_PRODUCT = """
    INSERT INTO products (id, name, price, category_id) OVERRIDING SYSTEM VALUE
    SELECT CAST(:id AS bigint), CAST(:id AS text), 1, id FROM categories
"""


def resource_with(
    monkeypatch: pytest.MonkeyPatch, name: str, changed: object, resource: str
) -> ImportResource:
    """Return a resource of shop/imports.py, made with another type of one field."""
    other = ModuleType("shop.fields")
    vars(other).update({**vars(fields), name: changed})
    monkeypatch.setitem(sys.modules, "shop.fields", other)
    made = runpy.run_path(str(imports.__file__))[resource]
    assert isinstance(made, ImportResource)
    return made


def is_trusted(harness: ImportHarness, resource: ImportResource, header: str, row: str) -> bool:
    with harness.importer.connect() as begin, begin() as transaction:
        staged = ImportRowRepository(transaction, resource)
        return staged.copy_file(header.split(","), f"{row}\n".encode(), 1)


def is_valid(resource: ImportResource, header: str, row: str) -> bool:
    parser = RowParser(resource, header.split(","))
    return not isinstance(parser.parse_fields(2, next(csv.reader([row]))), Rejection)


@pytest.mark.parametrize(("name", "changed", "resource", "header", "row", "at", "past"), CASES)
def test_changed_limit_holds_for_copy_and_parser(
    harness: ImportHarness,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    changed: Any,
    resource: str,
    header: str,
    row: str,
    at: str,
    past: str,
) -> None:
    harness.client.add_product("Mug")
    for id in (99, 100):  # as a row with an id is only trusted if there is such a product
        harness.client.sql(INSERT_PRODUCT, id=id)
    made = resource_with(monkeypatch, name, changed, resource)

    assert is_valid(made, header, f"{row},{at}")
    assert is_trusted(harness, made, header, f"{row},{at}")
    assert not is_valid(made, header, f"{row},{past}")
    assert not is_trusted(harness, made, header, f"{row},{past}")
