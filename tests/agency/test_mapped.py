"""SQLAlchemy's classes of the agency: each relation is a relationship that a query can load."""

import warnings
from typing import Any

import pytest
from agency.deals import DEALS
from agency.labels import LABELS
from agency.rates import PRICES, RATES
from sqlalchemy import select
from sqlalchemy.orm import configure_mappers, selectinload

from sluice import application, runtime
from sluice.db.mapped import models
from sluice.resource import Resource
from tests.fixtures.cases import case_of
from tests.fixtures.client import Client


def loaded(resource: Resource, relation: str) -> list[Any]:
    """Return the rows of each row by the relationship."""
    with runtime.current().unit_of_work() as work:
        model = work.model(resource)
        query = select(model).options(selectinload(getattr(model, relation)))
        return [getattr(row, relation) for row in work.session.scalars(query)]


def test_each_relation_is_a_relationship() -> None:
    resources = application.current().declarations()
    models().all_of(resources)

    with warnings.catch_warnings(action="error"):
        configure_mappers()
    for resource in resources:
        relationships = models().of(resource).__mapper__.relationships
        for each in (*resource.refs, *resource.lists):
            assert relationships[each.name].uselist == (each in resource.lists)
            assert relationships[each.name].mapper.class_.__name__.lower() == each_singular(each)


def each_singular(relation: Any) -> str:
    return str(application.current().declaration(relation.resource).singular).replace("_", "")


def test_reference_of_several_columns(client: Client) -> None:
    key = case_of("prices").insert(client, 1)
    price = client.get(f"/api/prices/{key}").json

    (rate,) = loaded(PRICES, "exchange_rate")
    assert (rate.country.strip(), rate.valid_from.isoformat()) == (
        price["country"],
        price["valid_from"],
    )
    assert [[each.id for each in prices] for prices in loaded(RATES, "prices") if prices] == [
        [price["id"]]
    ]


def test_list_through_a_junction_table(client: Client) -> None:
    deal = case_of("deals").insert(client, 1)
    for slug in ("b", "a"):
        assert client.post("/api/labels", {"slug": slug, "title": slug}).status == 201
        assert client.put(f"/api/deals/{deal}/labels/{slug}", {}).status == 204

    assert [[label.slug for label in labels] for labels in loaded(DEALS, "labels")] == [["a", "b"]]
    assert {row.id for deals in loaded(LABELS, "deals") for row in deals} == {int(deal)}


def test_owner_of_a_deal(client: Client) -> None:
    deal = client.get(f"/api/deals/{case_of('deals').insert(client, 1)}").json
    with runtime.current().unit_of_work() as work:
        model = work.model(DEALS)
        found = work.session.get(model, deal["id"], options=[selectinload(model.owner)])
        assert str(found.owner.id) == deal["owner_id"]
        with pytest.raises(Exception, match="lazy='raise'"):
            found.reviewer  # noqa: B018
