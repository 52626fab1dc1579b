"""A call to AWS is sent a second time after a passing failure, within the request's time, and counts once."""

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

SOMEONE = AwsSettings("us-east-1", "a", "b")
LATER = 2_000_000_000  # seconds since the epoch
Answer = tuple[int, str]
DONE: Answer = (200, "{}")


@contextmanager
def service(*answers: Answer) -> Iterator[tuple[str, list[str]]]:
    """Gives these answers in turn, the last one for ever, and notes the targets that were called."""
    targets: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            status, code = answers[min(len(targets), len(answers) - 1)]
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
        SOMEONE, "dynamodb", endpoint=url, version="1.0", timeout=timeout, sleep=noted.append
    )
    with closing(opened):
        yield opened


PASSING = [
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
LASTING = [
    (400, "ConditionalCheckFailedException"),
    (400, "ResourceNotFoundException"),
    (403, "AccessDenied"),
]


@pytest.mark.parametrize("failure", PASSING)
def test_passing_failure_is_tried_once_more(failure: Answer) -> None:
    pauses: list[float] = []
    with service(failure, DONE) as (url, targets), client(url, pauses) as sender:
        assert sender.call("t", {}) == {}
    assert len(targets) == 2
    assert [RETRY_DELAY / 2 <= pause <= RETRY_DELAY * 1.5 for pause in pauses] == [True]


@pytest.mark.parametrize("failure", PASSING)
def test_second_failure_is_raised_and_not_tried_again(failure: Answer) -> None:
    with (
        service(failure) as (url, targets),
        client(url) as sender,
        pytest.raises(AwsError) as caught,
    ):
        sender.call("t", {})
    assert (caught.value.code, len(targets)) == (failure[1], 2)


@pytest.mark.parametrize("failure", LASTING)
def test_lasting_refusal_is_not_tried_again(failure: Answer) -> None:
    with (
        service(failure, DONE) as (url, targets),
        client(url) as sender,
        pytest.raises(AwsError) as caught,
    ):
        sender.call("t", {})
    assert (caught.value.code, len(targets)) == (failure[1], 1)


def test_without_time_left_there_is_no_second_try() -> None:
    time_left = deadline.within(MIN_TIME_FOR_RETRY / 2)
    with (
        service(PASSING[0], DONE) as (url, targets),
        client(url) as sender,
        time_left,
        pytest.raises(AwsError),
    ):
        sender.call("t", {})
    assert len(targets) == 1


def test_service_that_is_silent_is_tried_again(emulated_aws: AwsSettings) -> None:
    with (
        lossy_proxy(emulated_aws.dynamodb_endpoint, ["silence"]) as between,
        client(between.endpoint, timeout=1.0) as sender,
    ):
        listed = sender.call("DynamoDB_20120810.ListTables", {})
    assert RATE_LIMIT_TABLE in listed["TableNames"]
    assert between.carried_out == 2


@pytest.mark.parametrize("fate", ["close", "500", "silence"])
@pytest.mark.parametrize("warm", [False, True])
def test_take_whose_response_got_lost_counts_once(
    emulated_aws: AwsSettings, fate: ResponseAction, warm: bool
) -> None:
    key = token_hex(8)
    with ExitStack() as stack:
        between = stack.enter_context(lossy_proxy(emulated_aws.dynamodb_endpoint))
        sender = stack.enter_context(client(between.endpoint, timeout=1.0))
        counts = DynamoCounterStore(sender, RATE_LIMIT_TABLE)
        if warm:  # the connection is a kept one then, and the item is there
            counts.increment(key, 1, amount=1, limit=5, expires_at=LATER)
        between.actions = [fate]
        before = int(warm)
        assert counts.increment(key, 1, amount=2, limit=5, expires_at=LATER) == (True, before + 2)
        assert counts.count(key, 1) == before + 2


def test_last_take_within_the_bound_is_not_refused_by_its_own_retry(
    emulated_aws: AwsSettings,
) -> None:
    key = token_hex(8)
    with (
        lossy_proxy(emulated_aws.dynamodb_endpoint, ["500"]) as between,
        client(between.endpoint) as sender,
    ):
        counts = DynamoCounterStore(sender, RATE_LIMIT_TABLE)
        assert counts.increment(key, 1, amount=5, limit=5, expires_at=LATER) == (True, 5)
        assert counts.increment(key, 1, amount=1, limit=5, expires_at=LATER) == (False, 5)


@pytest.mark.parametrize("fate", ["close", "500"])
def test_turn_whose_response_got_lost_is_still_taken(
    emulated_aws: AwsSettings, fate: ResponseAction
) -> None:
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
def test_connection_is_kept_while_it_may_be(
    emulated_aws: AwsSettings, idle: timedelta, connections: int
) -> None:
    now = [datetime(2026, 1, 31, tzinfo=UTC)]
    with lossy_proxy(emulated_aws.dynamodb_endpoint) as between:
        sender = AwsClient(
            SOMEONE, "dynamodb", endpoint=between.endpoint, version="1.0", now=lambda: now[0]
        )
        with closing(sender):
            sender.call("DynamoDB_20120810.ListTables", {})
            now[0] += idle
            sender.call("DynamoDB_20120810.ListTables", {})
    assert len(between.callers) == connections
