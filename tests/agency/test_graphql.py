"""GraphQL over keys of several columns, hidden rows, and values that only some columns can have."""

import pytest

from tests.fixtures.cases import case_of
from tests.fixtures.client import Client
from tests.fixtures.graph import data, error_codes


@pytest.mark.parametrize("id", ["", "WyJERSJd", "e30", "%%", "DE", "bnVsbA", "WyJERSIsMV0", "é"])
def test_id_that_no_rate_can_have_is_null(client: Client, id: str) -> None:
    query = "query ($id: ID!) { rate(id: $id) { country } }"

    assert data(client, query, {"id": id}) == {"rate": None}
    assert data(client, "mutation ($id: ID!) { deleteRate(id: $id) }", {"id": id}) == {
        "deleteRate": False
    }


def test_row_is_found_by_the_parts_of_its_key(client: Client) -> None:
    country, day = case_of("rates").insert(client, 0).split("/")
    case_of("events").insert(client, 0)
    event = client.get("/api/events").json["data"][0]
    query = """query ($country: String!, $day: Date!, $at: DateTime!, $stage: EventStage!,
            $kind: String!, $source: String!) {
        rate: rateByKey(country: $country, validFrom: $day) { id country validFrom }
        event: eventByKey(happenedAt: $at, stage: $stage, kind: $kind, source: $source) {
            kind source } }"""
    given = {"country": country, "day": day, "at": event["happened_at"]}
    given |= {"kind": event["kind"], "source": event["source"], "stage": event["stage"].upper()}

    found = data(client, query, given)

    assert (found["rate"]["country"], found["rate"]["validFrom"]) == (country, day)
    by_id = "query ($id: ID!) { rate(id: $id) { id country validFrom } }"
    assert data(client, by_id, {"id": found["rate"]["id"]})["rate"] == found["rate"]
    assert found["event"] == {"kind": event["kind"], "source": event["source"]}
    for unknown in ({"country": "long"}, {"country": "\0"}, {"source": "x"}, {"kind": "none"}):
        other = data(client, query, given | unknown)
        assert None in (other["rate"], other["event"]), unknown


def test_deleted_row_is_null_where_it_is_referenced(client: Client) -> None:
    id = case_of("deals").insert(client, 0)
    client.sql("UPDATE agency.people SET deleted_at = now()")

    row = data(client, f"{{ deal(id: {id}) {{ title owner {{ name }} }} }}")["deal"]

    assert row["title"]
    assert row["owner"] is None


def test_unknown_value_of_an_enum_fails_its_field(client: Client) -> None:
    id = case_of("specimens").insert(client, 0)
    client.sql("UPDATE agency.specimens SET width_or_null = 'xxl', width_list_or_null = '{m,xxl}'")

    response = client.graphql(
        f'{{ specimen(id: "{id}") {{ width widthOrNull widthListOrNull titleOrNull }} }}'
    )

    assert error_codes(response) == ["unknown_value", "unknown_value"]
    assert [each["path"] for each in response.json["errors"]] == [
        ["specimen", "widthOrNull"],
        ["specimen", "widthListOrNull"],
    ]
    row = response.json["data"]["specimen"]
    assert row["width"]
    assert (row["widthOrNull"], row["widthListOrNull"]) == (None, None)


def test_null_in_json_is_another_filter(client: Client) -> None:
    case_of("people").insert(client, 0)
    client.sql("UPDATE agency.people SET profile = '{\"a\": 1}'")

    found = data(
        client,
        """{ all: people(filter: {profileContains: {}}) { totalCount }
             none: people(filter: {profileContains: {a: null}}) { totalCount } }""",
    )

    assert (found["all"]["totalCount"], found["none"]["totalCount"]) == (1, 0)


@pytest.mark.parametrize(
    ("input_", "pointers"),
    [
        ('during: {lower: "2026-02-01T00:00:00Z", upper: "2026-01-01T00:00:00Z"}', {"/during"}),
        ('reviewerId: "not-a-uuid"', {"/reviewer_id"}),
    ],
)
def test_input_is_judged_like_a_body(client: Client, input_: str, pointers: set[str]) -> None:
    id = case_of("deals").insert(client, 0)

    response = client.graphql(f"mutation {{ updateDeal(id: {id}, input: {{{input_}}}) {{ id }} }}")

    assert error_codes(response) == ["validation_failed"]
    problem = response.json["errors"][0]["extensions"]["problem"]
    assert {error["pointer"] for error in problem["errors"]} == pointers
