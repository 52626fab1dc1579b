"""Each route of an adopted application has an operationId of its own."""

from pathlib import Path

from catalog.draft import Draft
from sluice.http.route_names import names_of
from tests.catalog.databases import drafted, opened, run
from tests.catalog.served import problems

SCHEMA = """
CREATE TABLE orders (id integer PRIMARY KEY);
CREATE TABLE items (id integer PRIMARY KEY, order_id integer NOT NULL REFERENCES orders);
CREATE INDEX ON items (order_id);
CREATE TABLE order_items (id integer PRIMARY KEY);
CREATE TABLE service (id integer PRIMARY KEY);
CREATE TABLE terms (id integer PRIMARY KEY, service_id integer NOT NULL REFERENCES service);
CREATE INDEX ON terms (service_id);
CREATE TABLE terms_of_service (id integer PRIMARY KEY);
CREATE TABLE import (id integer PRIMARY KEY);
CREATE TABLE health (id integer PRIMARY KEY);
CREATE TABLE visits (id integer PRIMARY KEY);
CREATE TABLE next_visit (id integer PRIMARY KEY);
CREATE FUNCTION get(order_id integer) RETURNS integer STABLE LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION update(order_id integer) RETURNS void LANGUAGE sql AS 'SELECT';
CREATE FUNCTION list_items_of(order_id integer) RETURNS integer STABLE LANGUAGE sql
    AS 'SELECT 1';
CREATE FUNCTION create_next(visit_id integer) RETURNS void LANGUAGE sql AS 'SELECT';
"""


def names(found: Draft) -> list[str]:
    return [name for each in found.resources for name in names_of(each.resource())]


def test_names_that_would_be_equal_are_changed(empty_database: str, tmp_path: Path) -> None:
    run(empty_database, SCHEMA)
    with opened(empty_database) as database:
        found = drafted(database, "public.*")

    made = names(found)
    singulars = {each.name: each.singular for each in found.resources}
    assert len(made) == len({*made})
    assert [*problems(found, tmp_path)] == []
    assert {"list_items_of_order", "list_order_items", "list_terms_of_service"} <= {*made}
    assert {"call_get_order", "call_update_order", "call_list_items_of_order"} <= {*made}
    assert (singulars["import"], singulars["health"]) == ("import_row", "health_row")
    assert (singulars["service"], singulars["visits"]) == ("service_row", "visit_row")


def test_new_list_has_no_name_of_a_known_route(empty_database: str) -> None:
    run(empty_database, SCHEMA)
    with opened(empty_database) as database:
        first = drafted(database, "public.service", "public.terms")
        known = [each.resource() for each in first.resources]
        found = drafted(database, "public.terms_of_service", known=known)

    made = names(found)
    assert len(made) == len({*made})
    assert [each.name for each in found.resources if not each.is_known] == [
        "public_terms_of_service"
    ]
