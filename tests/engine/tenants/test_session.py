"""Sessions of SQLAlchemy's ORM have the rows of the request's house."""

from typing import Any

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.orm import aliased, selectinload

from sluice.errors import ValidationFailed
from sluice.tenants import MissingTenant
from sluice.unit_of_work import UnitOfWork
from tests.engine.tenants.lodge_client import Lodge, tenant
from tests.engine.tenants.tables import ONE, TWO


def model(lodge: Lodge, work: UnitOfWork, name: str) -> Any:
    return work.model(lodge.kind(name).resource)


@pytest.mark.parametrize(("house", "ids"), [(ONE, [1, 3]), (TWO, [2, 4])])
def test_queries_have_rows_of_the_house(lodge: Lodge, house: str, ids: list[int]) -> None:
    with tenant(house), lodge.runtime.unit_of_work() as work:
        stays, remarks = model(lodge, work, "stays"), model(lodge, work, "remarks")
        answers, other = model(lodge, work, "answers"), aliased(stays)
        assert sorted(work.session.scalars(select(stays.id))) == ids
        assert sorted(work.session.scalars(select(other.id))) == ids
        assert sorted(work.session.scalars(select(remarks.id))) == ids
        assert list(work.session.scalars(select(answers.id))) == ids[:1]


def test_object_of_another_house_is_not_found(lodge: Lodge) -> None:
    with tenant(ONE), lodge.runtime.unit_of_work() as work:
        for name in ("stays", "remarks", "answers"):
            found = model(lodge, work, name)
            assert work.session.get(found, 2) is None
            assert work.session.get(found, 1).id == 1


def test_related_objects_are_of_the_house(lodge: Lodge) -> None:
    lodge.sql("UPDATE lodge.stays SET guest_id = 1 WHERE id = 2")
    with tenant(ONE), lodge.runtime.unit_of_work() as work:
        guests = model(lodge, work, "guests")
        query = select(guests).where(guests.id == 1).options(selectinload(guests.stays))
        assert [each.id for each in work.session.scalars(query).one().stays] == [1]


def test_bulk_statements_change_rows_of_the_house(lodge: Lodge) -> None:
    with tenant(ONE), lodge.runtime.unit_of_work() as work:
        stays, answers = model(lodge, work, "stays"), model(lodge, work, "answers")
        work.session.execute(update(stays).values(state="new"))
        work.session.execute(delete(answers))
        work.commit()
    assert lodge.sql("SELECT id FROM lodge.stays WHERE state = 'new' ORDER BY id") == [[1], [3]]
    assert lodge.sql("SELECT id FROM lodge.answers") == [[2]]


def test_new_object_is_of_the_house(lodge: Lodge) -> None:
    with tenant(TWO), lodge.runtime.unit_of_work() as work:
        made = model(lodge, work, "stays")(guest_id=2, state="new")
        work.session.add(made)
        work.commit()
    assert lodge.sql("SELECT CAST(house_id AS text) FROM lodge.stays WHERE id = 5") == [[TWO]]


def test_object_of_another_house_is_refused(lodge: Lodge) -> None:
    with tenant(TWO), lodge.runtime.unit_of_work() as work:
        made = model(lodge, work, "stays")(guest_id=2, state="new", house_id=ONE)
        work.session.add(made)
        with pytest.raises(MissingTenant):
            work.commit()


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("stays", {"guest_id": 1, "state": "x"}),
        ("stays", {"guest_id": 6, "state": "x"}),
        ("remarks", {"stay_id": 1, "place": 8, "text": "x"}),
        ("answers", {"remark_id": 1, "text": "x"}),
    ],
)
def test_reference_of_an_object(lodge: Lodge, name: str, values: dict[str, Any]) -> None:
    with tenant(TWO), lodge.runtime.unit_of_work() as work:
        work.session.add(model(lodge, work, name)(**values))
        with pytest.raises(ValidationFailed) as caught:
            work.commit()
    assert [each.code for each in caught.value.errors] == ["unknown"]
