"""What a declaration says about tenants, and what is refused."""

from typing import Any

import pytest

from sluice.kinds.date import Date
from sluice.kinds.field import DeclarationError, Field
from sluice.kinds.integer import BigInt
from sluice.kinds.ref import Ref
from sluice.kinds.text import Text
from sluice.kinds.uuid import Uuid
from sluice.resource import SHARED, Constraint, Many, Resource, Via
from sluice.sql.support import require_supported

HOUSE = Uuid("house_id", read_only=True)
STAY = Ref("stay_id", resource="stays")


def made(*fields: Field, key: Any = None, **options: Any) -> Resource:
    key = key or BigInt("id", read_only=True)
    return Resource(
        name="rooms",
        singular="room",
        table="lodge.rooms",
        group="lodge",
        key=key,
        fields=fields,
        **options,
    )


@pytest.mark.parametrize(
    ("fields", "options", "problem"),
    [
        ([], {"tenant": "house_id"}, "the tenant's column house_id is no field: declare it"),
        ([Uuid("house_id")], {"tenant": "house_id"}, "must have read_only=True"),
        (
            [Uuid("house_id", read_only=True, nullable=True)],
            {"tenant": "house_id"},
            "cannot be nullable",
        ),
        ([Date("day", read_only=True)], {"tenant": "day"}, "is date: it must be one of bigint"),
        ([Uuid("house_id")], {"tenant": Via("house_id")}, "needs a Ref of this column"),
        (
            [Ref("stay_id", resource="stays", nullable=True)],
            {"tenant": Via("stay_id")},
            "stay_id is nullable, and a row without it has no tenant",
        ),
        ([HOUSE, Text("slug", unique=True)], {"tenant": "house_id"}, "the unique key slug has no"),
        (
            [HOUSE, Text("slug")],
            {"tenant": "house_id", "constraints": [Constraint(["slug"], kind="exclusion")]},
            "the unique key slug has no house_id, so a violation reveals",
        ),
        ([HOUSE], {"tenant": "house_id", "key": Text("code")}, "the unique key code has no"),
        ([STAY, Text("slug", unique=True)], {"tenant": Via("stay_id")}, "slug has no stay_id"),
        (
            [HOUSE, Text("slug")],
            {"tenant": "house_id", "global_unique": ["slug"]},
            "`global_unique` names slug, which is no unique key",
        ),
        (
            [Text("slug", unique=True)],
            {"global_unique": ["slug"]},
            "`global_unique` is for a resource with a tenant",
        ),
        (
            [],
            {"relations": [Many("stays", "stays", "room_id", tenant="house_id")]},
            "`payload` or `tenant` without `through`",
        ),
    ],
)
def test_contradiction_is_refused(fields: list[Field], options: Any, problem: str) -> None:
    with pytest.raises(DeclarationError) as raised:
        made(*fields, **options)

    assert problem in str(raised.value)


@pytest.mark.parametrize(
    ("fields", "options"),
    [
        ([HOUSE, Text("slug", unique=True)], {"tenant": "house_id", "global_unique": ["slug"]}),
        (
            [HOUSE, Text("a")],
            {"tenant": "house_id", "constraints": [Constraint(["a", "house_id"])]},
        ),
        ([Text("a")], {"tenant": "house_id", "key": [HOUSE, Text("code")]}),
        ([STAY], {"tenant": Via("stay_id"), "constraints": [Constraint(["stay_id"])]}),
        ([Text("slug", unique=True)], {"tenant": SHARED}),
        ([Text("a")], {"tenant": "id", "key": BigInt("id", read_only=True)}),
    ],
)
def test_declaration_is_valid(fields: list[Field], options: Any) -> None:
    require_supported(made(*fields, **options))


def test_parameter_of_the_tenant_is_reserved() -> None:
    with pytest.raises(DeclarationError, match="tenant_ is reserved for the tenant"):
        require_supported(made(HOUSE, Text("tenant_"), tenant="house_id"))
