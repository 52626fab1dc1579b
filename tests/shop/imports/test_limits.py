"""COPY and the row parser have the limits of the declarations, also after a change there."""

import csv
import runpy
import sys
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from shop import imports, inventory
from shop.categories import CategoryRepository
from shop.products import ProductRepository
from shop.users import UserRepository
from sluice import application
from sluice.imports.derived import of_repository
from sluice.imports.resource import ImportResource
from sluice.imports.row_parser import Rejection, RowParser
from sluice.imports.staged_rows import ImportRowRepository
from sluice.kinds.field import Field
from sluice.kinds.integer import BigInt, Integer
from sluice.kinds.numeric import Numeric
from sluice.kinds.text import Slug, Text
from sluice.resource import Resource
from sluice.sql.resource_repository import ResourceRepository
from tests.fixtures.imports import ImportHarness

STOCK = inventory.InventoryRepository
NAME = Text("name", min_length=3, max_length=5)
PRICE: dict[str, Any] = {"precision": 4, "scale": 2, "minimum": 0}
# The repository, its changed field, the header, and a row, whose last value is replaced: by one at
# the limit and one past it.
CASES = [
    (
        CategoryRepository,
        Text("name", min_length=1, max_length=5),
        "slug,name",
        "a",
        "abcde",
        "abcdef",
    ),
    (
        UserRepository,
        Text("name", min_length=1, max_length=5),
        "email,name",
        "a@x.y",
        "abcde",
        "abcdef",
    ),
    (CategoryRepository, Text("name", min_length=3, max_length=5), "slug,name", "a", "abc", "ab"),
    (CategoryRepository, Slug("slug", max_length=3), "name,slug", "A", "abc", "abcd"),
    (
        *(ProductRepository, Numeric("price", maximum=50, **PRICE)),
        *("name,category,price", "A,mugs", "50", "50.01"),
    ),
    (
        *(ProductRepository, Numeric("price", **PRICE)),
        *("name,category,price", "A,mugs", "99.99", "100"),
    ),
    (STOCK, Integer("quantity", minimum=0, maximum=500), "product,quantity", "Mug", "500", "501"),
    (STOCK, Integer("quantity", minimum=5, maximum=500), "product,quantity", "Mug", "5", "4"),
    (
        *(STOCK, BigInt("product_id", minimum=1, maximum=99)),
        *("quantity,product_id", "1", "99", "100"),
    ),
    (
        *(ProductRepository, Text("description", max_length=4, nullable=True)),
        *("name,category,price,description", "A,mugs,1", "abcd", "abcde"),
    ),
    (
        *(ProductRepository, Integer("inventory", minimum=0, maximum=500, default=0)),
        *("name,category,price,inventory", "A,mugs,1", "500", "501"),
    ),
]
INSERT_PRODUCT = """
    INSERT INTO products (id, name, price, category_id) OVERRIDING SYSTEM VALUE
    SELECT CAST(:id AS bigint), CAST(:id AS text), 1, id FROM categories
"""


def with_field(resource: Resource, changed: Field) -> Resource:
    assert changed.name in resource.by_name
    if changed.name == resource.keys[0].name:
        return replace(resource, key=changed)
    fields = [changed if field.name == changed.name else field for field in resource.fields]
    return replace(resource, fields=fields)


def import_with(
    monkeypatch: pytest.MonkeyPatch, repository: type[ResourceRepository], changed: Field
) -> ImportResource:
    """Return how a resource is imported, if one field of its declaration is another one."""
    resource = with_field(repository.resource, changed)
    if repository is STOCK:  # its import is by hand
        other = ModuleType("shop.inventory")
        vars(other).update({**vars(inventory), "INVENTORY": resource})
        monkeypatch.setitem(sys.modules, "shop.inventory", other)
        made = runpy.run_path(str(imports.__file__))["INVENTORY"]
        assert isinstance(made, ImportResource)
        return made
    derived = type("Changed", (repository,), {"resource": resource})
    return of_repository(derived, application.current().declaration)


def is_trusted(harness: ImportHarness, resource: ImportResource, header: str, row: str) -> bool:
    with harness.importer.connect() as begin, begin() as transaction:
        staged = ImportRowRepository(transaction, resource)
        return staged.copy_file(header.split(","), f"{row}\n".encode(), 1)


def is_valid(resource: ImportResource, header: str, row: str) -> bool:
    parser = RowParser(resource, header.split(","))
    return not isinstance(parser.parse_fields(2, next(csv.reader([row]))), Rejection)


@pytest.mark.parametrize(("repository", "changed", "header", "row", "at", "past"), CASES)
def test_changed_limit_holds_for_copy_and_parser(
    harness: ImportHarness,
    monkeypatch: pytest.MonkeyPatch,
    repository: type[ResourceRepository],
    changed: Field,
    header: str,
    row: str,
    at: str,
    past: str,
) -> None:
    harness.client.add_product("Mug")
    for id in (99, 100):  # as a row with an id is only trusted if there is such a product
        harness.client.sql(INSERT_PRODUCT, id=id)
    made = import_with(monkeypatch, repository, changed)

    assert is_valid(made, header, f"{row},{at}")
    assert is_trusted(harness, made, header, f"{row},{at}")
    assert not is_valid(made, header, f"{row},{past}")
    assert not is_trusted(harness, made, header, f"{row},{past}")
