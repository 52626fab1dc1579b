"""No response or log line has a credential or a value of another row, also after failures.

tests/fixtures/log_redaction.py checks the log of every test. These tests provoke errors that
could leak. A response may hold a canary only if the same client has just sent it.
"""

import logging
from collections.abc import Callable

import pytest

from sluice import runtime
from testing.canaries import SECRET
from testing.tcp_proxy import TcpProxy
from tests.fixtures.client import ApiResponse
from tests.fixtures.sample import Library

ROW = {"email": "canary@example.com", "name": "Canary Row"}
RAISE = """
    CREATE FUNCTION reveal() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'the row of %', NEW.email
            USING ERRCODE = '{state}', DETAIL = 'its name is ' || NEW.name, HINT = NEW.email;
    END $$;
"""
TRIGGER = "CREATE TRIGGER reveal BEFORE UPDATE ON readers FOR EACH ROW EXECUTE FUNCTION reveal()"
STATES = (
    "XX000",
    "XX001",
    "38000",
    "39001",
    "P0004",
    "0A000",
    "2D000",
    "53100",
    "08P01",
    "HV000",
    "40001",
)


@pytest.mark.parametrize("state", STATES)
def test_server_error_details_are_not_passed_on(
    isolated_library: Library, caplog: pytest.LogCaptureFixture, state: str
) -> None:
    user = isolated_library.add_reader(ROW["email"], ROW["name"])
    isolated_library.sql(RAISE.format(state=state))
    isolated_library.sql(TRIGGER)

    response = isolated_library.patch(f"/api/readers/{user}", {"name": "Bob"})

    assert response.status >= 500
    assert not SECRET.search(response.text)
    assert state in caplog.text, "the log has the SQLSTATE"
    assert "RAISE EXCEPTION" not in caplog.text


REQUESTS: dict[str, Callable[[Library], ApiResponse]] = {
    "a duplicate": lambda library: library.post(
        "/api/readers", {"email": ROW["email"].upper(), "name": "Bob"}
    ),
    "an unknown key": lambda library: library.get("/api/readers", x_api_key="canary-key"),
    "a broken token": lambda library: library.get(
        "/api/readers", x_api_key="", authorization="Bearer canary-token"
    ),
    "basic credentials": lambda library: library.get(
        "/api/readers", x_api_key="", authorization="Basic canary-key"
    ),
    "no scope": lambda library: library.post("/api/readers", ROW, x_api_key="local-reader"),
    "an idempotency key": lambda library: library.post(
        "/api/readers", ROW, idempotency_key="canary-key"
    ),
    "an unknown parameter": lambda library: library.get("/api/readers?shelf=canary"),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_response_and_log_line_hold_no_secret(
    library: Library, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    library.add_reader(ROW["email"], ROW["name"])
    response = REQUESTS[name](library)
    line = capsys.readouterr().out
    assert response.headers["X-Request-Id"] in line
    assert not SECRET.search(response.text + repr(response.headers) + line)


def test_parameters_are_not_logged_on_outage(
    library: Library, proxy: TcpProxy, caplog: pytest.LogCaptureFixture
) -> None:
    key = {"idempotency_key": "canary-key"}
    library.get("/api/readers")
    proxy.disconnect_at(b"canary", delivered=True)
    assert library.post("/api/readers", ROW, **key).status == 503
    proxy.close()
    for _ in range(2):
        assert library.post("/api/readers", ROW, **key).status == 503
        assert library.get("/api/readers?email=canary@example.com").status == 503
        assert library.get("/api/books?search=canary").status == 503
    assert "database_unavailable" in caplog.text
    assert any(record.exc_info for record in caplog.records if record.levelno >= logging.ERROR)


def test_missing_table_is_named_only_in_the_log(
    isolated_library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    isolated_library.sql("DROP TABLE readers CASCADE")
    response = isolated_library.get("/api/readers?email=canary@example.com")
    expected = (503, "not_set_up", False)
    assert (response.status, response.code, "readers" in response.json["detail"]) == expected
    assert "42P01" in caplog.text


def test_wrong_password_is_not_logged(library: Library, caplog: pytest.LogCaptureFixture) -> None:
    settings = runtime.current().settings
    wrong = runtime.build(
        settings._replace(database=settings.database._replace(password="canary-app-once"))
    )
    runtime.set_current(wrong)
    assert library.get("/api/readers").status == 503
    assert "28P01" in caplog.text
    assert "canary" not in repr(wrong.settings)
