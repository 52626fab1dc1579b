"""X-Ray tracing: each sampled request sends one subsegment; disabled, nothing is imported."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from sluice.http import environment as shared
from sluice.http.trace import Tracer
from sluice.request_context import RequestContext
from sluice.settings import TraceSettings, trace_settings
from tests.fixtures.sample import Library
from tests.fixtures.template import source_template

ROOT = Path(__file__).parents[3]
HEADER = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


@pytest.fixture
def xray_daemon() -> Iterator[socket.socket]:
    """Listen on UDP like Lambda's X-Ray daemon."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(5)
        yield listening


@contextmanager
def environment(**variables: str) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(variables)
    shared.environment.reset()  # as in a new execution environment
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        shared.environment.reset()


def receive_segment(xray_daemon: socket.socket) -> dict[str, Any]:
    header, _, document = xray_daemon.recv(65_536).partition(b"\n")
    assert json.loads(header) == {"format": "json", "version": 1}
    read: dict[str, Any] = json.loads(document)
    return read


def tracing_variables(xray_daemon: socket.socket, header: str = HEADER) -> dict[str, str]:
    host, port = xray_daemon.getsockname()
    address = {"AWS_XRAY_DAEMON_ADDRESS": f"{host}:{port}", "_X_AMZN_TRACE_ID": header}
    return {"SLUICE_TRACING": "Active", "POWERTOOLS_SERVICE_NAME": "library", **address}


def test_request_sends_its_subsegment(library: Library, xray_daemon: socket.socket) -> None:
    library.add_book("Mug")
    with environment(**tracing_variables(xray_daemon)):
        response = library.get("/api/books?limit=1")
        segment = receive_segment(xray_daemon)
    assert (segment["name"], segment["type"]) == ("library", "subsegment")
    expected = ("1-5759e988-bd862e3fe1be46a994272793", "53995c3f42cd8ad8")
    assert (segment["trace_id"], segment["parent_id"]) == expected
    assert 0 < segment["end_time"] - segment["start_time"] < 15
    assert segment["http"] == {"request": {"method": "GET"}, "response": {"status": 200}}
    annotations = segment["annotations"]
    assert annotations["request_id"] == response.headers["X-Request-Id"]
    assert (annotations["route"], annotations["statements"]) == ("/api/books", 1)
    assert not segment["fault"]


def test_client_error_is_marked_with_its_code(library: Library, xray_daemon: socket.socket) -> None:
    with environment(**tracing_variables(xray_daemon)):
        library.get("/api/books?secret=canary", x_api_key="")
        segment = receive_segment(xray_daemon)
    expected = (True, False, "unauthenticated")
    assert (segment["error"], segment["fault"], segment["annotations"]["code"]) == expected
    assert "canary" not in json.dumps(segment)


@pytest.mark.parametrize(
    "header", ["", HEADER.replace("Sampled=1", "Sampled=0"), "Sampled=1", "nonsense"]
)
def test_unsampled_request_sends_nothing(xray_daemon: socket.socket, header: str) -> None:
    host, port = xray_daemon.getsockname()
    with closing(Tracer(TraceSettings((host, port), "library", lambda: header))) as tracer:
        tracer.send(RequestContext())
        xray_daemon.setblocking(False)
        with pytest.raises(BlockingIOError):
            xray_daemon.recv(1)


def test_segment_has_the_tenant(xray_daemon: socket.socket) -> None:
    host, port = xray_daemon.getsockname()
    with closing(Tracer(TraceSettings((host, port), "library", lambda: HEADER))) as tracer:
        tracer.send(RequestContext(tenant="acme"))
        assert receive_segment(xray_daemon)["annotations"]["tenant"] == "acme"
        tracer.send(RequestContext())
        assert "tenant" not in receive_segment(xray_daemon)["annotations"]


def test_request_succeeds_without_a_daemon(library: Library, xray_daemon: socket.socket) -> None:
    variables = tracing_variables(xray_daemon)
    xray_daemon.close()
    with environment(**variables):
        assert [library.get("/api/books").status for _ in range(3)] == [200, 200, 200]


def test_tracing_is_off_by_default() -> None:
    assert trace_settings({}) is None
    assert trace_settings({"SLUICE_TRACING": "Disabled"}) is None
    template = source_template()
    assert template["Parameters"]["Tracing"]["Default"] == "Disabled"
    assert template["Globals"]["Function"]["Tracing"] == {"Ref": "Tracing"}


def test_disabled_tracing_imports_nothing() -> None:
    code = (
        "import sys; from types import SimpleNamespace as C;"
        "from functions.health.handler import handler as h;"
        "http = {'method': 'GET', 'path': '/health'};"
        "e = {'rawPath': '/health', 'requestContext': {'http': http, 'stage': '$default'}};"
        "c = C(aws_request_id='1', get_remaining_time_in_millis=lambda: 9000, function_name='f',"
        "memory_limit_in_mb=1, invoked_function_arn='a');"
        "assert h(e, c)['statusCode'] == 200; print('sluice.http.trace' in sys.modules)"
    )
    environ = {"PYTHONPATH": f"{ROOT}:{ROOT / 'layers/shared'}", "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "False"
