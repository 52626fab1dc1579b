"""The AWS client retries transient errors once, and a retried write counts once."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from secrets import token_hex
from threading import Thread

import pytest

from sluice import deadline
from sluice.aws.client import MAX_IDLE, MIN_TIME_FOR_RETRY, RETRY_DELAY, AwsClient, AwsError
from sluice.db.probe_lock import DynamoProbeLock
from sluice.limits.dynamo import DynamoCounterStore
from sluice.settings import AwsSettings
from tests.fixtures.aws import RATE_LIMIT_TABLE
from tests.fixtures.lossy_proxy import ResponseAction, lossy_proxy

AWS_SETTINGS = AwsSettings("us-east-1", "a", "b")
EXPIRES_AT = 2_000_000_000  # Unix time
ServiceResponse = tuple[int, str]
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
            status, code = responses[min(len(targets), len(responses) - 1)]
            targets.append(self.headers["x-amz-target"])
            body = json.dumps(
                {} if status == 200 else {"__type": f"com.amazon#{code}", "message": "no"}
            ).encode()
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
    url: str, pauses: list[float] | None = None, *, timeout: float = 5.0
) -> Iterator[AwsClient]:
    noted: list[float] = [] if pauses is None else pauses
    opened = AwsClient(
        AWS_SETTINGS, "dynamodb", endpoint=url, version="1.0", timeout=timeout, sleep=noted.append
    )
    with closing(opened):
        yield opened


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
PERMANENT_ERRORS = [
    (400, "ConditionalCheckFailedException"),
    (400, "ResourceNotFoundException"),
    (403, "AccessDenied"),
]


@pytest.mark.parametrize("failure", TRANSIENT_ERRORS)
def test_transient_error_is_retried_once(failure: ServiceResponse) -> None:
    pauses: list[float] = []
    with service(failure, SUCCESS) as (url, targets), client(url, pauses) as sender:
        assert sender.call("t", {}) == {}
    assert len(targets) == 2
    assert [RETRY_DELAY / 2 <= pause <= RETRY_DELAY * 1.5 for pause in pauses] == [True]


@pytest.mark.parametrize("failure", TRANSIENT_ERRORS)
def test_second_failure_is_raised(failure: ServiceResponse) -> None:
    with (
        service(failure) as (url, targets),
        client(url) as sender,
        pytest.raises(AwsError) as caught,
    ):
        sender.call("t", {})
    assert (caught.value.code, len(targets)) == (failure[1], 2)


@pytest.mark.parametrize("failure", PERMANENT_ERRORS)
def test_permanent_error_is_not_retried(failure: ServiceResponse) -> None:
    with (
        service(failure, SUCCESS) as (url, targets),
        client(url) as sender,
        pytest.raises(AwsError) as caught,
    ):
        sender.call("t", {})
    assert (caught.value.code, len(targets)) == (failure[1], 1)


def test_no_retry_without_time_left() -> None:
    time_left = deadline.within(MIN_TIME_FOR_RETRY / 2)
    with (
        service(TRANSIENT_ERRORS[0], SUCCESS) as (url, targets),
        client(url) as sender,
        time_left,
        pytest.raises(AwsError),
    ):
        sender.call("t", {})
    assert len(targets) == 1


def test_timeout_is_retried(emulated_aws: AwsSettings) -> None:
    with (
        lossy_proxy(emulated_aws.dynamodb_endpoint, ["silence"]) as between,
        client(between.endpoint, timeout=1.0) as sender,
    ):
        listed = sender.call("DynamoDB_20120810.ListTables", {})
    assert RATE_LIMIT_TABLE in listed["TableNames"]
    assert between.carried_out == 2


@pytest.mark.parametrize("fate", ["close", "500", "silence"])
@pytest.mark.parametrize("warm", [False, True])
def test_retried_increment_counts_once(
    emulated_aws: AwsSettings, fate: ResponseAction, warm: bool
) -> None:
    key = token_hex(8)
    with ExitStack() as stack:
        between = stack.enter_context(lossy_proxy(emulated_aws.dynamodb_endpoint))
        sender = stack.enter_context(client(between.endpoint, timeout=1.0))
        counts = DynamoCounterStore(sender, RATE_LIMIT_TABLE)
        if warm:  # then the connection is reused and the item exists
            counts.increment(key, 1, amount=1, limit=5, expires_at=EXPIRES_AT)
        between.actions = [fate]
        before = int(warm)
        assert counts.increment(key, 1, amount=2, limit=5, expires_at=EXPIRES_AT) == (
            True,
            before + 2,
        )
        assert counts.count(key, 1) == before + 2


def test_retried_increment_may_reach_the_limit(
    emulated_aws: AwsSettings,
) -> None:
    key = token_hex(8)
    with (
        lossy_proxy(emulated_aws.dynamodb_endpoint, ["500"]) as between,
        client(between.endpoint) as sender,
    ):
        counts = DynamoCounterStore(sender, RATE_LIMIT_TABLE)
        assert counts.increment(key, 1, amount=5, limit=5, expires_at=EXPIRES_AT) == (True, 5)
        assert counts.increment(key, 1, amount=1, limit=5, expires_at=EXPIRES_AT) == (False, 5)


@pytest.mark.parametrize("fate", ["close", "500"])
def test_retried_probe_lock_stays_acquired(emulated_aws: AwsSettings, fate: ResponseAction) -> None:
    name = token_hex(8)
    with (
        lossy_proxy(emulated_aws.dynamodb_endpoint, [fate]) as between,
        client(between.endpoint) as sender,
    ):
        turns = DynamoProbeLock(sender, RATE_LIMIT_TABLE, name)
        assert turns.acquire(1_000.0, 1_002.5)
        assert not DynamoProbeLock(sender, RATE_LIMIT_TABLE, name).acquire(1_000.0, 1_002.5)


@pytest.mark.parametrize(
    ("idle", "connections"), [(MAX_IDLE, 1), (MAX_IDLE + timedelta(seconds=1), 2)]
)
def test_connection_is_reused_until_max_idle(
    emulated_aws: AwsSettings, idle: timedelta, connections: int
) -> None:
    now = [datetime(2026, 1, 31, tzinfo=UTC)]
    with lossy_proxy(emulated_aws.dynamodb_endpoint) as between:
        sender = AwsClient(
            AWS_SETTINGS, "dynamodb", endpoint=between.endpoint, version="1.0", now=lambda: now[0]
        )
        with closing(sender):
            sender.call("DynamoDB_20120810.ListTables", {})
            now[0] += idle
            sender.call("DynamoDB_20120810.ListTables", {})
    assert len(between.callers) == connections
