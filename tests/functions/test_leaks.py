"""Whatever goes wrong with whatever it was sent, no answer and no log line tells a credential or somebody's data.

The ear of tests/fixtures/log_redaction.py listens to this test too; here is what there is to hear. A canary in an answer is
right only where the client itself has just sent it.
"""

import logging
from collections.abc import Callable
from dataclasses import replace

import pytest

from sluice import runtime
from tests.fixtures.log_redaction import SECRET
from tests.fixtures.shop import ApiResponse, Shop
from tests.fixtures.tcp_proxy import TcpProxy

ROW = {"email": "canary@example.com", "name": "Canary Row"}
RAISE = """
    CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'the row of %', NEW.email
            USING ERRCODE = '{state}', DETAIL = 'its name is ' || NEW.name, HINT = NEW.email;
    END $$;
"""
TRIGGER = "CREATE TRIGGER tell BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION tell()"
STATES = (
    "XX000",
    "XX001",
    "38000",
    "39001",
    "22012",
    "P0004",
    "0A000",
    "2D000",
    "53100",
    "08P01",
    "HV000",
    "40001",
)


@pytest.mark.parametrize("state", STATES)
def test_what_the_server_says_of_a_row_is_not_passed_on(
    breakable_shop: Shop, caplog: pytest.LogCaptureFixture, state: str
) -> None:
    user = breakable_shop.add_user(ROW["email"], ROW["name"])
    breakable_shop.sql(RAISE.format(state=state))
    breakable_shop.sql(TRIGGER)

    response = breakable_shop.patch(f"/api/users/{user}", {"name": "Bob"})

    assert response.status >= 500
    assert not SECRET.search(response.text)
    assert state in caplog.text, "what happened is there"
    assert "RAISE EXCEPTION" not in caplog.text


WAYS: dict[str, Callable[[Shop], ApiResponse]] = {
    "a duplicate": lambda shop: shop.post(
        "/api/users", {"email": ROW["email"].upper(), "name": "Bob"}
    ),
    "an unknown key": lambda shop: shop.get("/api/users", x_api_key="canary-key"),
    "a broken token": lambda shop: shop.get(
        "/api/users", x_api_key="", authorization="Bearer canary-token"
    ),
    "basic credentials": lambda shop: shop.get(
        "/api/users", x_api_key="", authorization="Basic canary-key"
    ),
    "no scope": lambda shop: shop.post("/api/users", ROW, x_api_key="local-reader"),
    "an idempotency key": lambda shop: shop.post("/api/users", ROW, idempotency_key="canary-key"),
    "another's order": lambda shop: shop.get("/api/orders?user_id=1"),
}


@pytest.mark.parametrize("way", WAYS)
def test_an_answer_and_its_line_in_the_log_hold_nothing_of_others(
    shop: Shop, capsys: pytest.CaptureFixture[str], way: str
) -> None:
    shop.add_user(ROW["email"], ROW["name"])
    response = WAYS[way](shop)
    line = capsys.readouterr().out
    assert response.headers["X-Request-Id"] in line
    assert not SECRET.search(response.text + repr(response.headers) + line)


def test_parameters_are_not_logged_when_the_database_fails(
    shop: Shop, proxy: TcpProxy, caplog: pytest.LogCaptureFixture
) -> None:
    key = {"idempotency_key": "canary-key"}
    shop.get("/api/users")
    proxy.disconnect_at(b"canary", delivered=True)
    assert shop.post("/api/users", ROW, **key).status == 503
    proxy.close()
    for _ in range(2):
        assert shop.post("/api/users", ROW, **key).status == 503
        assert shop.get("/api/users?email=canary@example.com").status == 503
        assert shop.get("/api/products?search=canary").status == 503
    assert "database_unavailable" in caplog.text
    assert any(record.exc_info for record in caplog.records if record.levelno >= logging.ERROR)


def test_a_table_that_is_gone_tells_its_name_to_the_log_alone(
    breakable_shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    breakable_shop.sql("DROP TABLE users CASCADE")
    response = breakable_shop.get("/api/users?email=canary@example.com")
    assert (response.status, response.code, "users" in response.json["detail"]) == (
        503,
        "not_set_up",
        False,
    )
    assert "42P01" in caplog.text


def test_a_password_that_is_wrong_is_not_told(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    here = runtime.current().settings
    wrong = runtime.build(
        replace(here, database=replace(here.database, password="canary-app-once"))
    )
    runtime.set_current(wrong)
    assert shop.get("/api/users").status == 503
    assert "28P01" in caplog.text
    assert "canary" not in repr(wrong.settings)
