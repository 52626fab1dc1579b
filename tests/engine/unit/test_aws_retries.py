"""The AWS client retries transient errors once, and a retried write counts once."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from secrets import token_hex
from threading import Thread

import pytest

from sluice import request_context
from sluice.aws.client import MAX_IDLE, MIN_TIME_FOR_RETRY, RETRY_DELAY, AwsClient, AwsError
from sluice.db.probe_lock import DynamoProbeLock
from sluice.limits.dynamo import DynamoCounterStore
from sluice.settings import AwsSettings
from testing.aws import RATE_LIMIT_TABLE
from tests.fixtures.lossy_proxy import ResponseAction, lossy_proxy

AWS_SETTINGS = AwsSettings("us-east-1", "a", "b")
EXPIRES_AT = 2_000_000_000  # Unix time
ServiceResponse = tuple[int, str]  # a status, and the body if it is 200, else the error's code
SUCCESS: ServiceResponse = (200, "{}")


@contextmanager
def service(*responses: ServiceResponse) -> Iterator[tuple[str, list[str]]]:
    """Run a service that sends these responses in turn, then repeats the last one.

    Yields its URL and the X-Amz-Target of each request.
    """
    targets: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            status, text = responses[min(len(targets), len(responses) - 1)]
            targets.append(self.headers["x-amz-target"])
            error = {"__type": f"com.amazon#{text}", "message": "no"}
            body = (text if status == 200 else json.dumps(error)).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", targets
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def client(
    url: str, delays: list[float] | None = None, *, timeout: float = 5.0
) -> Iterator[AwsClient]:
    """Create a client that does not sleep before a retry, but appends the delay to `delays`."""
    sleep = [].append if delays is None else delays.append
    aws_client = AwsClient(
        AWS_SETTINGS, "dynamodb", endpoint=url, version="1.0", timeout=timeout, sleep=sleep
    )
    with closing(aws_client):
        yield aws_client


TRANSIENT_ERRORS = [
    (500, "InternalServerError"),
    (502, "Unknown"),
    (503, "ServiceUnavailable"),
    (429, "TooManyRequestsException"),
    (400, "ThrottlingException"),
    (400, "ProvisionedThroughputExceededException"),
    (400, "RequestLimitExceeded"),
    (403, "RequestThrottled"),
    (400, "KMS.ThrottlingException"),
]
FOREIGN_BODIES = ["<html>proxy</html>", "", "[]", "\x80"]  # with status 200
PERMANENT_ERRORS = [
    (400, "ConditionalCheckFailedException"),
    (400, "ResourceNotFoundException"),
    (403, "AccessDenied"),
]


@pytest.mark.parametrize("error", TRANSIENT_ERRORS)
def test_transient_error_is_retried_once(error: ServiceResponse) -> None:
    delays: list[float] = []
    with service(error, SUCCESS) as (url, targets), client(url, delays) as aws_client:
        assert aws_client.call("t", {}) == {}
    assert len(targets) == 2
    (delay,) = delays
    assert RETRY_DELAY / 2 <= delay <= RETRY_DELAY * 1.5


@pytest.mark.parametrize("error", TRANSIENT_ERRORS)
def test_second_failure_is_raised(error: ServiceResponse) -> None:
    with (
        service(error) as (url, targets),
        client(url) as aws_client,
        pytest.raises(AwsError) as caught,
    ):
        aws_client.call("t", {})
    assert (caught.value.code, len(targets)) == (error[1], 2)


@pytest.mark.parametrize("body", FOREIGN_BODIES)
def test_success_without_an_object_is_retried(body: str) -> None:
    with service((200, body), SUCCESS) as (url, targets), client(url) as aws_client:
        assert aws_client.call("t", {}) == {}
    assert len(targets) == 2


@pytest.mark.parametrize("body", FOREIGN_BODIES)
def test_second_body_without_an_object_is_an_error(body: str) -> None:
    with (
        service((200, body)) as (url, _),
        client(url) as aws_client,
        pytest.raises(AwsError, match="not a JSON object") as caught,
    ):
        aws_client.call("t", {})
    assert caught.value.code == "Unknown"


@pytest.mark.parametrize("error", PERMANENT_ERRORS)
def test_permanent_error_is_not_retried(error: ServiceResponse) -> None:
    with (
        service(error, SUCCESS) as (url, targets),
        client(url) as aws_client,
        pytest.raises(AwsError) as caught,
    ):
        aws_client.call("t", {})
    assert (caught.value.code, len(targets)) == (error[1], 1)


def test_no_retry_without_time_left() -> None:
    time_left = request_context.begin(MIN_TIME_FOR_RETRY / 2)
    with (
        service(TRANSIENT_ERRORS[0], SUCCESS) as (url, targets),
        client(url) as aws_client,
        time_left,
        pytest.raises(AwsError),
    ):
        aws_client.call("t", {})
    assert len(targets) == 1


def test_timeout_is_retried(emulated_aws: AwsSettings) -> None:
    with (
        lossy_proxy(emulated_aws.dynamodb_endpoint, ["silence"]) as proxy,
        client(proxy.endpoint, timeout=1.0) as aws_client,
    ):
        tables = aws_client.call("DynamoDB_20120810.ListTables", {})
    assert RATE_LIMIT_TABLE in tables["TableNames"]
    assert proxy.forwarded == 2


@pytest.mark.parametrize("action", ["close", "500", "silence"])
@pytest.mark.parametrize("warm", [False, True])
def test_retried_increment_counts_once(
    emulated_aws: AwsSettings, action: ResponseAction, warm: bool
) -> None:
    key = token_hex(8)
    with ExitStack() as stack:
        proxy = stack.enter_context(lossy_proxy(emulated_aws.dynamodb_endpoint))
        aws_client = stack.enter_context(client(proxy.endpoint, timeout=1.0))
        store = DynamoCounterStore(aws_client, RATE_LIMIT_TABLE)
        if warm:  # then the connection is reused and the item exists
            store.increment(key, 1, amount=1, limit=5, expires_at=EXPIRES_AT)
        proxy.actions = [action]
        before = int(warm)
        result = store.increment(key, 1, amount=2, limit=5, expires_at=EXPIRES_AT)
        assert result == (True, before + 2)
        assert store.count(key, 1) == before + 2


def test_retried_increment_may_reach_the_limit(
    emulated_aws: AwsSettings,
) -> None:
    key = token_hex(8)
    with (
        lossy_proxy(emulated_aws.dynamodb_endpoint, ["500"]) as proxy,
        client(proxy.endpoint) as aws_client,
    ):
        store = DynamoCounterStore(aws_client, RATE_LIMIT_TABLE)
        assert store.increment(key, 1, amount=5, limit=5, expires_at=EXPIRES_AT) == (True, 5)
        assert store.increment(key, 1, amount=1, limit=5, expires_at=EXPIRES_AT) == (False, 5)


@pytest.mark.parametrize("action", ["close", "500"])
def test_retried_probe_lock_stays_acquired(
    emulated_aws: AwsSettings, action: ResponseAction
) -> None:
    name = token_hex(8)
    with (
        lossy_proxy(emulated_aws.dynamodb_endpoint, [action]) as proxy,
        client(proxy.endpoint) as aws_client,
    ):
        lock = DynamoProbeLock(aws_client, RATE_LIMIT_TABLE, name)
        assert lock.acquire(1_000.0, 1_002.5)
        assert not DynamoProbeLock(aws_client, RATE_LIMIT_TABLE, name).acquire(1_000.0, 1_002.5)


@pytest.mark.parametrize(
    ("idle", "connections"), [(MAX_IDLE, 1), (MAX_IDLE + timedelta(seconds=1), 2)]
)
def test_connection_is_reused_until_max_idle(
    emulated_aws: AwsSettings, idle: timedelta, connections: int
) -> None:
    now = [datetime(2026, 1, 31, tzinfo=UTC)]
    with lossy_proxy(emulated_aws.dynamodb_endpoint) as proxy:
        aws_client = AwsClient(
            AWS_SETTINGS, "dynamodb", endpoint=proxy.endpoint, version="1.0", now=lambda: now[0]
        )
        with closing(aws_client):
            aws_client.call("DynamoDB_20120810.ListTables", {})
            now[0] += idle
            aws_client.call("DynamoDB_20120810.ListTables", {})
    assert len(proxy.client_addresses) == connections
