"""A fact of a field stands in its declaration, and nowhere else in the shop."""

import ast
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from sluice import application
from sluice.resource import Resource

ROOT = Path(__file__).parents[3]
SHOP = ROOT / "layers/shared/shop"
DERIVED = ("registry.py",)
RESOURCES = application.named("shop").declarations()
NAMES = {field.name for resource in RESOURCES for field in resource.all_fields}
MODULES = {
    name: SHOP / f"{target.partition(':')[0].rpartition('.')[2]}.py"
    for name, target in application.named("shop").registry.DECLARATIONS.items()
}

# How many times a file, which declares no resource, quotes the name of a field, and why. A number
# may only become smaller.
OTHER_FILES = {
    "analyst_tables.py": (7, "the columns by which the planner finds few rows"),
    "application.py": (3, "the resource of this name"),
    "graphql.py": (7, "fields of GraphQL by hand"),
    "imports.py": (8, "a file of stock names a product by its name or by its id"),
    "mutations.py": (13, "the mutations of orders by hand"),
    "openapi.py": (12, "examples and texts"),
    "reports.py": (2, "columns of reports, which are no resources"),
    "routes/inventory.py": (4, "stock is set and adjusted by bodies by hand"),
    "routes/orders.py": (13, "an order is placed and changed by bodies by hand"),
}
# The numbers that are equal to a bound by chance.
OTHER_NUMBERS = {
    ("graphql.py", 100): "the assumed number of categories",
    ("routes/inventory.py", 200): "the HTTP status",
    ("routes/inventory.py", 10_000): "updates of stock in one request",
}


def paths() -> list[Path]:
    found = sorted(SHOP.rglob("*.py"))
    return [path for path in found if "migrations" not in path.parts and path.name not in DERIVED]


def constants(path: Path) -> Iterator[object]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant):
            yield node.value


def bounds(resources: Iterable[Resource]) -> Counter[object]:
    """Return the bounds of the fields of these resources, and how many fields have each."""
    names = ("max_length", "max_items", "precision")
    fields = [field for resource in resources for field in resource.all_fields]
    found = (getattr(field, name, None) for field in fields for name in names)
    return Counter(bound for bound in found if bound)


def test_other_files_do_not_name_fields() -> None:
    found = {}
    for path in paths():
        count = sum(isinstance(value, str) and value in NAMES for value in constants(path))
        if count and path not in MODULES.values():
            found[str(path.relative_to(SHOP))] = count

    assert found == {name: count for name, (count, _) in OTHER_FILES.items()}


def test_bound_stands_once_for_each_field() -> None:
    every = bounds(RESOURCES)
    found = set()
    for path in paths():
        declared = [resource for resource in RESOURCES if MODULES[resource.name] == path]
        numbers = Counter(value for value in constants(path) if value in every)
        found |= {(str(path.relative_to(SHOP)), value) for value in numbers - bounds(declared)}

    assert found == OTHER_NUMBERS.keys()
