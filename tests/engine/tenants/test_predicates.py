"""Each statement over rows of tenants has the predicate, for each alias of such a table."""

import pytest

from scripts.sql import statements_of
from sluice import application
from tests.fixtures.tenant_predicates import problems

NAMES = ["houses", "countries", "guests", "stays", "tags", "nights", "remarks", "answers"]


@pytest.mark.parametrize("name", NAMES)
def test_each_statement_has_the_predicate(name: str) -> None:
    resources = application.current().declarations()

    wrong = {
        f"{label}: {problem}": query.sql
        for label, query in statements_of(name)
        for problem in problems(query.sql, resources)
    }

    assert wrong == {}


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("SELECT FROM lodge.stays s", "SelectStmt of lodge.stays s"),
        (
            "SELECT FROM lodge.stays s, lodge.guests g WHERE s.house_id = CAST(:tenant_ AS uuid)",
            "SelectStmt of lodge.guests g",
        ),
        ("SELECT FROM lodge.stays s WHERE s.house_id = CAST(:house AS uuid)", "lodge.stays s"),
        (
            "SELECT FROM lodge.stays s WHERE s.house_id = CAST(:tenant_ AS uuid) OR s.id = 1",
            "lodge.stays s",
        ),
        ("SELECT FROM lodge.nights n WHERE EXISTS (SELECT)", "lodge.nights n"),
        ("DELETE FROM lodge.stays s USING target t WHERE s.id <> t.id", "DeleteStmt"),
        ("UPDATE lodge.nights n SET price = 1 FROM target t WHERE n.n = t.n", "UpdateStmt"),
        ("INSERT INTO lodge.stays (state) VALUES ('x')", "INSERT INTO lodge.stays"),
        ("INSERT INTO lodge.stays (house_id) VALUES (CAST(:id AS uuid))", "INSERT"),
        ("INSERT INTO lodge.nights (n) VALUES (1)", "INSERT INTO lodge.nights"),
    ],
)
def test_predicate_that_is_missing_is_found(sql: str, problem: str) -> None:
    (found,) = problems(sql, application.current().declarations())

    assert problem in found
    assert "without the tenant" in found
