"""SQLAlchemy's classes of tables with hard names, two references to a table, and NULL versions."""

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import DeclarativeBase, configure_mappers

from sluice.db.mapped import Models
from sluice.kinds.integer import BigInt, Integer
from sluice.kinds.ref import Ref
from sluice.kinds.text import Text
from sluice.resource import Resource

KEY = BigInt("id", read_only=True)
MAKERS = Resource(
    name="makers",
    singular="maker",
    table="depot.Ma:ker % x",
    group="depot",
    key=KEY,
    fields=[Text("name", column="na:me"), Text("more", column="metadata"), Integer("order")],
)


def parts(**options: Any) -> Resource:
    fields = [
        Ref("maker_id", resource="makers"),
        Ref("seller_id", resource="makers", nullable=True),
        Ref("parent_id", resource="parts", nullable=True),
        Integer("revision", nullable=True, read_only=True),
        Integer("version", read_only=True),
    ]
    return Resource(
        name="parts",
        singular="part",
        table="depot.parts",
        group="depot",
        key=KEY,
        fields=fields,
        **options,
    )


def part_class(resource: Resource) -> Any:
    base = type("Base", (DeclarativeBase,), {})
    made = Models(base, {"makers": MAKERS, "parts": resource}.__getitem__).of(resource)
    configure_mappers()
    return made


def test_two_references_to_a_table_with_a_hard_name() -> None:
    part = part_class(parts())
    joins = str(select(part.id).join(part.maker))

    assert 'depot."Ma:ker % x"' in joins


@pytest.mark.parametrize(
    ("etag", "column"),
    [("version", "version"), ("revision", None), (["revision", "version"], "version")],
)
def test_version_that_may_be_null_is_not_compared(etag: Any, column: str | None) -> None:
    compared = part_class(parts(etag=etag)).__mapper__.version_id_col

    assert (None if compared is None else compared.name) == column
