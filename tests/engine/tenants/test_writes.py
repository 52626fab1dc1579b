"""Writes of rows with a tenant: a house changes its own rows, and references only these."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from sluice.errors import Conflict, Duplicate, NoTenant, NotFound, SluiceError, ValidationFailed
from sluice.query import Query
from sluice.resource import Function
from sluice.sql.calls import Call, CallRepository
from sluice.sql.idempotency import IdempotencyKey
from sluice.sql.links import Link, LinkRepository
from sluice.tenants import MissingTenant
from tests.engine.tenants.lodge_client import Lodge, tenant
from tests.engine.tenants.tables import ONE, TWO

NEVER, DELETED, FOREIGN = 99, 5, 2  # ids that are no guest of the first house
NEW: Mapping[str, Mapping[str, object]] = {
    "guests": {"email": "new@x", "name": "New"},
    "stays": {"guest_id": 1},
    "tags": {"slug": "new"},
    "nights": {"stay_id": 1, "nr": 9, "price": 5},
    "remarks": {"stay_id": 1, "place": 9, "text": "new"},
    "answers": {"remark_id": 1, "text": "new"},
}
CHANGES: Mapping[str, Mapping[str, object]] = {
    "guests": {"name": "Changed"},
    "stays": {"state": "changed"},
    "tags": {"slug": "changed"},
    "nights": {"price": 1},
    "remarks": {"text": "changed"},
    "answers": {"text": "changed"},
}


def key_of(name: str, n: int) -> tuple[int, ...]:
    return (n, 1) if name == "nights" else (n,)


@pytest.mark.parametrize("name", NEW)
@pytest.mark.parametrize("key", [None, IdempotencyKey(b"k", b"f")], ids=["", "with a key"])
def test_new_row_is_of_the_house(lodge: Lodge, name: str, key: IdempotencyKey | None) -> None:
    repository = lodge.repository(name)
    with tenant(ONE):
        created = json.loads(repository.create(NEW[name], key).json)
        own = tuple(created[each.name] for each in repository.resource.keys)
        assert repository.get_by_id(own).json
    assert created.get("house_id", ONE) == ONE
    with tenant(TWO), pytest.raises(NotFound):
        repository.get_by_id(own)


@pytest.mark.parametrize("name", CHANGES)
def test_row_of_another_house_is_not_changed(lodge: Lodge, name: str) -> None:
    repository = lodge.repository(name)
    with tenant(ONE):
        for write in (
            lambda: repository.update(key_of(name, 2), CHANGES[name]),
            lambda: repository.update(key_of(name, 2), {}),
            lambda: repository.delete(key_of(name, 2)),
        ):
            with pytest.raises(NotFound):
                write()
        assert repository.update(key_of(name, 1), CHANGES[name]).json
    with tenant(TWO):
        assert repository.get_by_id(key_of(name, 2)).json


def test_row_without_references_is_deleted(lodge: Lodge) -> None:
    with tenant(TWO):
        lodge.repository("tags").delete((4,))

    assert lodge.sql("SELECT id FROM lodge.tags ORDER BY id") == [[1], [2], [3]]


@pytest.mark.parametrize("name", NEW)
def test_writes_need_a_tenant(lodge: Lodge, name: str) -> None:
    with tenant(""), pytest.raises(NoTenant):
        lodge.repository(name).create(NEW[name])


def refusal(error: SluiceError) -> tuple[object, ...]:
    return (type(error), error.detail, error.errors, str(error.members), str(error.headers))


@pytest.mark.parametrize(
    ("name", "field", "ids", "others"),
    [
        ("stays", "guest_id", (NEVER, DELETED, FOREIGN), {}),
        ("guests", "host_id", (NEVER, DELETED, FOREIGN), NEW["guests"]),
        ("remarks", "stay_id", (NEVER, 2), {"place": 1, "text": "x"}),
        ("nights", "stay_id", (NEVER, 2), {"nr": 1, "price": 1}),
        ("answers", "remark_id", (NEVER, 2), {"text": "x"}),
    ],
)
def test_references_to_no_row_of_the_house_are_alike(
    lodge: Lodge, name: str, field: str, ids: tuple[int, ...], others: dict[str, object]
) -> None:
    """A unique key below a row of another house reveals nothing either."""
    refusals = set()
    for id in ids:
        with tenant(ONE), pytest.raises(ValidationFailed) as caught:
            lodge.repository(name).create({**others, field: id})
        refusals.add(refusal(caught.value))

    ((_, detail, (error,), *_),) = refusals
    assert (error.pointer, error.code, detail) == (f"/{field}", "unknown", str(error))


def test_references_of_a_changed_row_are_alike(lodge: Lodge) -> None:
    refusals = set()
    for name, field, key, ids in (
        ("stays", "guest_id", (1,), (NEVER, DELETED, FOREIGN)),
        ("remarks", "stay_id", (1,), (NEVER, 2)),
    ):
        for id in ids:
            with tenant(ONE), pytest.raises(ValidationFailed) as caught:
                lodge.repository(name).update(key, {field: id})
            refusals.add(refusal(caught.value))
        assert len(refusals) == 1, name
        refusals.clear()


def test_reference_of_several_columns(lodge: Lodge) -> None:
    """Night 1 of stay 3 never existed, and that of stay 2 is another house's."""
    row = {"place": 7, "text": "x"}
    with tenant(ONE):
        created = lodge.create("remarks", {**row, "stay_id": 1, "nr": 2})
        with pytest.raises(ValidationFailed) as caught:
            lodge.repository("remarks").update((created["id"],), {"nr": 8})
    assert [(each.pointer, each.code) for each in caught.value.errors] == [
        ("/stay_id", "unknown"),
        ("/nr", "unknown"),
    ]


def test_reference_that_stays_as_it_is(lodge: Lodge) -> None:
    """What a GET returned can be sent back, although the guest has left since."""
    lodge.sql("UPDATE lodge.guests SET left_at = now() WHERE id = 1")
    with tenant(ONE):
        assert lodge.repository("stays").update((1,), {"guest_id": 1, "state": "x"}).json


def test_row_may_reference_itself(lodge: Lodge) -> None:
    with tenant(ONE):
        assert lodge.repository("guests").update((1,), {"host_id": 1}).json


def test_reference_to_a_shared_row(lodge: Lodge) -> None:
    row = NEW["guests"]
    with tenant(ONE):
        assert lodge.create("guests", {**row, "country_code": "pt"})["country_code"] == "pt"
        with pytest.raises(ValidationFailed) as caught:
            lodge.create("guests", {**row, "email": "other@x", "country_code": "xx"})
    assert [(each.pointer, each.code) for each in caught.value.errors] == [
        ("/country_code", "unknown")
    ]


def test_unique_key_of_all_houses_is_declared(lodge: Lodge) -> None:
    with tenant(ONE), pytest.raises(Duplicate):
        lodge.create("stays", {"guest_id": 1, "voucher": "v2"})


def test_unique_key_of_a_house(lodge: Lodge) -> None:
    for house in (ONE, TWO):
        with tenant(house):
            lodge.create("tags", {"slug": "new"})
            with pytest.raises(Duplicate) as caught:
                lodge.create("tags", {"slug": "new"})
        assert [each.pointer for each in caught.value.errors] == ["/slug"]


def call(lodge: Lodge, name: str) -> Call:
    kind = lodge.kind("stays")
    function: Function = next(each for each in kind.resource.functions if each.name == name)
    return Call(kind.resource, kind.projection, function)


@pytest.mark.parametrize("name", ["close", "empty", "steal"])
def test_function_runs_for_rows_of_the_house(lodge: Lodge, name: str) -> None:
    calls = lodge.runtime.get(CallRepository)
    with tenant(ONE), pytest.raises(NotFound):
        calls.write(call(lodge, name), (2,), {})
    assert lodge.sql("SELECT DISTINCT state FROM lodge.stays") == [["open"]]


def test_function_that_writes_returns_rows_of_the_house(lodge: Lodge) -> None:
    calls = lodge.runtime.get(CallRepository)
    with tenant(ONE):
        assert json.loads(calls.write(call(lodge, "close"), (1,), {}).json)["state"] == "closed"
        with pytest.raises(Conflict):
            calls.write(call(lodge, "steal"), (1,), {})
    assert lodge.sql("SELECT state FROM lodge.stays WHERE id IN (2, 4)") == [["open"], ["open"]]


def test_function_that_reads_returns_rows_of_the_house(lodge: Lodge) -> None:
    calls = lodge.runtime.get(CallRepository)
    with tenant(ONE):
        assert json.loads(calls.read(call(lodge, "length"), (1,), {}).json) == {"nights": 2}
        found: dict[str, Any] = json.loads(calls.read(call(lodge, "others"), (1,), {}).json)
        assert [row["id"] for row in found["data"]] == [3]
        for name, key in (("length", 2), ("others", 2), ("foreign", 1)):
            with pytest.raises(NotFound):
                calls.read(call(lodge, name), (key,), {})
        assert calls.read_many(call(lodge, "foreign"), [(1,), (2,)], {}) == {}
        assert set(calls.read_many(call(lodge, "length"), [(1,), (2,)], {})) == {(1,)}


def link(lodge: Lodge) -> Link:
    stays, tags = lodge.kind("stays"), lodge.kind("tags")
    many = next(each for each in stays.resource.lists if each.through)
    return Link(stays.projection, tags.projection, many)


@pytest.mark.parametrize(("stay", "tag"), [(1, 2), (2, 1), (2, 2), (99, 1), (1, 99)])
def test_links_of_another_house(lodge: Lodge, stay: int, tag: int) -> None:
    links, before = lodge.runtime.get(LinkRepository), lodge.sql("TABLE lodge.stay_tags")
    with tenant(ONE):
        with pytest.raises(NotFound):
            links.put(link(lodge), (stay,), (tag,), {"weight": 1})
        with pytest.raises(NotFound):
            links.delete(link(lodge), (stay,), (tag,))
    assert lodge.sql("TABLE lodge.stay_tags") == before


def test_links_of_the_house(lodge: Lodge) -> None:
    links = lodge.runtime.get(LinkRepository)
    with tenant(ONE):
        links.put(link(lodge), (1,), (3,), {"weight": 1})
        links.put(link(lodge), (1,), (3,), {})
        links.put(link(lodge), (1,), (1,), {"weight": 2})
    query = "SELECT CAST(house_id AS text), tag_id, weight FROM lodge.stay_tags WHERE stay_id = 1"
    assert lodge.sql(f"{query} ORDER BY tag_id") == [[ONE, 1, 2], [ONE, 3, 1]]
    with tenant(ONE):
        links.delete(link(lodge), (1,), (3,))
    assert lodge.sql("SELECT count(*) FROM lodge.stay_tags") == [[2]]


def test_unit_of_work_is_of_the_house(lodge: Lodge) -> None:
    with tenant(ONE), lodge.runtime.unit_of_work() as work:
        made = json.loads(work.named("stays").create({"guest_id": 3}).json)
        with pytest.raises(NotFound):
            work.named("stays").get_by_id((2,))
        work.commit()
    assert made["house_id"] == ONE


def test_statement_without_the_tenant_is_refused(lodge: Lodge) -> None:
    executor = lodge.repository("stays")._executor
    with tenant(ONE):
        with pytest.raises(MissingTenant, match="does not name :tenant_"):
            executor.read(Query("SELECT FROM lodge.stays WHERE id = :tenant_id", {"tenant_id": 1}))
        with pytest.raises(MissingTenant, match="bound by a caller"):
            executor.read(Query("SELECT CAST(:tenant_ AS uuid)", {"tenant_": TWO}))
