"""Tenants that only all declarations of an application show to be wrong."""

import pytest

from scripts.derive import registry
from tests.engine.resource.test_registry import Write, problem, write_application

write = write_application
HOUSES = """
HOUSES = Resource(
    name="houses", singular="house", table="lib.houses", group="lib", scope="library",
    key=BigInt("id", read_only=True), fields=[Text("name")], tenant="id",
)


class HouseRepository(ResourceRepository):
    resource = HOUSES
"""
ROOMS = """
from sluice.resource import SHARED, Via

ROOMS = Resource(
    name="rooms", singular="room", table="lib.rooms", group="lib", scope="library",
    key=BigInt("id", read_only=True),
    fields=[Ref("house_id", resource="houses", read_only=True), {field}], tenant={tenant},
    relations=[{relation}],
)


class RoomRepository(ResourceRepository):
    resource = ROOMS
"""


def rooms(tenant: str, field: str = 'Text("name")', relation: str = "") -> str:
    return ROOMS.format(tenant=tenant, field=field, relation=relation)


@pytest.mark.parametrize(
    ("tenant", "field", "message"),
    [
        ('""', 'Text("name")', "rooms: it has no `tenant`, and other resources have one"),
        ("SHARED", 'Text("name")', "the rows are shared, and houses has a tenant"),
        (
            '"code"',
            'Text("code", read_only=True), Text("name")',
            "the tenant is text here, and bigint elsewhere",
        ),
        ('Via("up_id")', 'Ref("up_id", resource="rooms")', "Via('up_id') leads back to rooms"),
    ],
)
def test_tenant_is_refused(write: Write, tenant: str, field: str, message: str) -> None:
    assert message in problem(write(houses=HOUSES, rooms=rooms(tenant, field)))


def test_chain_needs_a_tenant(write: Write) -> None:
    houses = HOUSES.replace('tenant="id"', "tenant=SHARED").replace(
        "HOUSES =", "from sluice.resource import SHARED\n\nHOUSES ="
    )

    message = problem(write(houses=houses, rooms=rooms('Via("house_id")')))

    assert "Via leads to houses, which has no tenant" in message
    assert "no resource has a column of the tenant" in message


def test_link_with_a_tenant_needs_one(write: Write) -> None:
    many = 'Many("rooms", "rooms", "a", through="lib.links", other_key="b", tenant="house_id")'
    houses = HOUSES.replace(', tenant="id"', "")

    message = problem(write(houses=houses, rooms=rooms('""', relation=many)))

    assert "the relation has a tenant, and no resource has one" in message


def test_registry_has_the_type_of_a_tenant(write: Write) -> None:
    with_tenants = write(houses=HOUSES, rooms=rooms('"house_id"'))
    without = write(houses=HOUSES.replace(', tenant="id"', ""))

    values = registry.constants(with_tenants)
    assert values["TENANT"] == "bigint"
    assert 'TENANT: str = "bigint"' in registry.text(with_tenants)
    assert "TENANT" not in registry.text(without)
    (_, _), (_, privileges, _) = values["TABLES"][0][:2], values["TABLES"][1]
    assert privileges["INSERT"] == ("name", "house_id")
