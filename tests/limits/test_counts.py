"""What every store of counts promises: the one in memory and DynamoDB's, by the same tests."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from secrets import token_hex
from threading import Barrier

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.api_keys import emulated_client
from sluice.limits.dynamo import DynamoCounterStore
from sluice.limits.memory import MemoryCounterStore
from sluice.limits.rate import CounterStore, CounterStoreUnavailable, Limiter
from sluice.limits.window import Policy
from sluice.settings import AwsSettings
from tests.fixtures.aws import RATE_LIMIT_TABLE

THREADS = 16
LATER = 2_000_000_000  # seconds since the epoch
AMOUNTS, BOUNDS = st.integers(1, 5), st.integers(-1, 12)

Connect = Callable[[], CounterStore]


@pytest.fixture
def dynamo(emulated_aws: AwsSettings) -> Iterator[Connect]:
    """Each call connects anew, as another environment does: one client sends one request at a time."""
    with ExitStack() as open_clients:

        def connect() -> CounterStore:
            client = open_clients.enter_context(
                closing(emulated_client("dynamodb", emulated_aws.dynamodb_endpoint))
            )
            return DynamoCounterStore(client, RATE_LIMIT_TABLE)

        yield connect


@pytest.fixture(params=["memory", "dynamo"])
def connect(request: pytest.FixtureRequest) -> Connect:
    if request.param == "dynamo":
        store: Connect = request.getfixturevalue("dynamo")
        return store
    memory = MemoryCounterStore()
    return lambda: memory


@pytest.fixture
def key() -> str:
    return f"key {token_hex(8)}"


class TestCounts:
    def test_takes_are_within_their_bound_and_tell_the_count(
        self, connect: Connect, key: str
    ) -> None:
        counts = connect()
        assert counts.increment(key, 1, amount=3, limit=5, expires_at=LATER) == (True, 3)
        assert counts.increment(key, 1, amount=3, limit=5, expires_at=LATER) == (False, 3)
        assert counts.increment(key, 1, amount=2, limit=5, expires_at=LATER) == (True, 5)
        assert counts.increment(key, 1, amount=1, limit=5, expires_at=LATER) == (False, 5)

    @pytest.mark.parametrize("limit", [0, 2, -1])
    def test_the_first_take_too_is_within_its_bound(
        self, connect: Connect, key: str, limit: int
    ) -> None:
        counts = connect()
        assert counts.increment(key, 1, amount=3, limit=limit, expires_at=LATER) == (False, 0)
        assert counts.count(key, 1) == 0

    def test_a_bound_may_fall_below_the_count(self, connect: Connect, key: str) -> None:
        counts = connect()
        counts.increment(key, 1, amount=5, limit=5, expires_at=LATER)
        assert counts.increment(key, 1, amount=1, limit=3, expires_at=LATER) == (False, 5)

    def test_keys_and_windows_are_counted_apart(self, connect: Connect, key: str) -> None:
        counts = connect()
        counts.increment(key, 12, amount=3, limit=5, expires_at=LATER)
        counts.increment(f"{key}:1", 2, amount=1, limit=5, expires_at=LATER)

        asked = [(key, 12), (f"{key}:1", 2), (key, 1), (key, 2), (f"{key}:1", 12), ("nobody", 12)]
        assert [counts.count(*which) for which in asked] == [3, 1, 0, 0, 0, 0]

    def test_of_many_at_once_exactly_so_many_are_within_the_bound(
        self, connect: Connect, key: str
    ) -> None:
        start, environments = Barrier(THREADS), [connect() for _ in range(THREADS)]

        def increment(counts: CounterStore) -> int:
            start.wait()
            return sum(
                counts.increment(key, 1, amount=1, limit=40, expires_at=LATER).admitted
                for _ in range(5)
            )

        with ThreadPoolExecutor(THREADS) as threads:
            assert sum(threads.map(increment, environments)) == 40
        assert environments[0].count(key, 1) == 40

    def test_environments_at_once_admit_the_quota_and_no_more(
        self, connect: Connect, key: str
    ) -> None:
        start, environments = Barrier(THREADS), [connect() for _ in range(THREADS)]

        def hit(counts: CounterStore) -> int:
            limiter = Limiter(counts, MemoryCounterStore(), clock=lambda: 1_700_000_040.0)
            start.wait()
            return sum(limiter.hit(key, Policy(100, 60)).allowed for _ in range(20))

        with ThreadPoolExecutor(THREADS) as threads:
            assert 90 <= sum(threads.map(hit, environments)) <= 100


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    takes=st.lists(
        st.tuples(st.sampled_from("ab"), st.integers(1, 2), AMOUNTS, BOUNDS), max_size=12
    )
)
def test_both_stores_answer_alike_whatever_is_taken(
    dynamo: Connect, takes: list[tuple[str, int, int, int]]
) -> None:
    memory, shared = MemoryCounterStore(), dynamo()
    run = token_hex(8)  # random is seeded anew for each example
    for name, window, amount, limit in takes:
        answers = [
            counts.increment(f"{name} {run}", window, amount=amount, limit=limit, expires_at=LATER)
            for counts in (memory, shared)
        ]
        assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("endpoint", "table"), [("", "no-such-table"), ("http://127.0.0.1:1", RATE_LIMIT_TABLE)]
)
def test_counts_that_cannot_be_had_say_so(
    emulated_aws: AwsSettings, endpoint: str, table: str
) -> None:
    with closing(emulated_client("dynamodb", endpoint or emulated_aws.dynamodb_endpoint)) as client:
        counts = DynamoCounterStore(client, table)
        with pytest.raises(CounterStoreUnavailable):
            counts.increment("key", 1, amount=1, limit=1, expires_at=LATER)
        with pytest.raises(CounterStoreUnavailable):
            counts.count("key", 1)


def test_an_item_in_dynamodb_knows_when_it_may_go(
    emulated_aws: AwsSettings, dynamo: Connect, key: str
) -> None:
    dynamo().increment(key, 7, amount=2, limit=5, expires_at=LATER)
    with closing(emulated_client("dynamodb", emulated_aws.dynamodb_endpoint)) as client:
        request = {"TableName": RATE_LIMIT_TABLE, "Key": {"id": {"S": f"{key}:7"}}}
        item = client.call("DynamoDB_20120810.GetItem", request)["Item"]

    assert len(item.pop("by")["S"]) == 12
    assert item == {"id": {"S": f"{key}:7"}, "n": {"N": "2"}, "expires_at": {"N": str(LATER)}}
