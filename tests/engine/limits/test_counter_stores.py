"""The same tests for both counter stores: in memory and in DynamoDB."""

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
from testing.aws import RATE_LIMIT_TABLE

THREADS = 16
LATER = 2_000_000_000  # seconds since the epoch
AMOUNTS = st.integers(1, 5)
LIMITS = st.integers(-1, 12)

Connect = Callable[[], CounterStore]


@pytest.fixture
def dynamo(emulated_aws: AwsSettings) -> Iterator[Connect]:
    """Return a function that makes a store with its own AWS client, as each environment has one."""
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


class TestCounterStore:
    def test_increments_stay_within_the_limit(self, connect: Connect, key: str) -> None:
        store = connect()
        assert store.increment(key, 1, amount=3, limit=5, expires_at=LATER) == (True, 3)
        assert store.increment(key, 1, amount=3, limit=5, expires_at=LATER) == (False, 3)
        assert store.increment(key, 1, amount=2, limit=5, expires_at=LATER) == (True, 5)
        assert store.increment(key, 1, amount=1, limit=5, expires_at=LATER) == (False, 5)

    @pytest.mark.parametrize("limit", [0, 2, -1])
    def test_first_increment_stays_within_the_limit(
        self, connect: Connect, key: str, limit: int
    ) -> None:
        store = connect()
        assert store.increment(key, 1, amount=3, limit=limit, expires_at=LATER) == (False, 0)
        assert store.count(key, 1) == 0

    def test_limit_may_fall_below_the_count(self, connect: Connect, key: str) -> None:
        store = connect()
        store.increment(key, 1, amount=5, limit=5, expires_at=LATER)
        assert store.increment(key, 1, amount=1, limit=3, expires_at=LATER) == (False, 5)

    def test_keys_and_windows_have_separate_counts(self, connect: Connect, key: str) -> None:
        store = connect()
        store.increment(key, 12, amount=3, limit=5, expires_at=LATER)
        store.increment(f"{key}:1", 2, amount=1, limit=5, expires_at=LATER)

        windows = [
            (key, 12),
            (f"{key}:1", 2),
            (key, 1),
            (key, 2),
            (f"{key}:1", 12),
            ("unknown", 12),
        ]
        assert [store.count(*window) for window in windows] == [3, 1, 0, 0, 0, 0]

    def test_concurrent_increments_never_exceed_the_limit(self, connect: Connect, key: str) -> None:
        start = Barrier(THREADS)
        stores = [connect() for _ in range(THREADS)]

        def increment(store: CounterStore) -> int:
            start.wait()
            return sum(
                store.increment(key, 1, amount=1, limit=40, expires_at=LATER).admitted
                for _ in range(5)
            )

        with ThreadPoolExecutor(THREADS) as threads:
            assert sum(threads.map(increment, stores)) == 40
        assert stores[0].count(key, 1) == 40

    def test_concurrent_limiters_never_exceed_the_quota(self, connect: Connect, key: str) -> None:
        start = Barrier(THREADS)
        stores = [connect() for _ in range(THREADS)]

        def hit(store: CounterStore) -> int:
            limiter = Limiter(store, MemoryCounterStore(), clock=lambda: 1_700_000_040.0)
            start.wait()
            return sum(limiter.hit(key, Policy(100, 60)).allowed for _ in range(20))

        with ThreadPoolExecutor(THREADS) as threads:
            assert 90 <= sum(threads.map(hit, stores)) <= 100


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    increments=st.lists(
        st.tuples(st.sampled_from("ab"), st.integers(1, 2), AMOUNTS, LIMITS), max_size=12
    )
)
def test_both_stores_return_the_same_results(
    dynamo: Connect, increments: list[tuple[str, int, int, int]]
) -> None:
    stores: list[CounterStore] = [MemoryCounterStore(), dynamo()]
    run = token_hex(8)  # Hypothesis seeds `random` again for each example
    for name, window, amount, limit in increments:
        results = [
            store.increment(f"{name} {run}", window, amount=amount, limit=limit, expires_at=LATER)
            for store in stores
        ]
        assert results[0] == results[1]


@pytest.mark.parametrize(
    ("endpoint", "table"), [("", "no-such-table"), ("http://127.0.0.1:1", RATE_LIMIT_TABLE)]
)
def test_unreachable_store_raises_unavailable(
    emulated_aws: AwsSettings, endpoint: str, table: str
) -> None:
    with closing(emulated_client("dynamodb", endpoint or emulated_aws.dynamodb_endpoint)) as client:
        store = DynamoCounterStore(client, table)
        with pytest.raises(CounterStoreUnavailable):
            store.increment("key", 1, amount=1, limit=1, expires_at=LATER)
        with pytest.raises(CounterStoreUnavailable):
            store.count("key", 1)


def test_dynamodb_item_has_an_expiry(emulated_aws: AwsSettings, dynamo: Connect, key: str) -> None:
    dynamo().increment(key, 7, amount=2, limit=5, expires_at=LATER)
    with closing(emulated_client("dynamodb", emulated_aws.dynamodb_endpoint)) as client:
        request = {"TableName": RATE_LIMIT_TABLE, "Key": {"id": {"S": f"{key}:7"}}}
        item = client.call("DynamoDB_20120810.GetItem", request)["Item"]

    assert len(item.pop("by")["S"]) == 12
    assert item == {"id": {"S": f"{key}:7"}, "n": {"N": "2"}, "expires_at": {"N": str(LATER)}}
