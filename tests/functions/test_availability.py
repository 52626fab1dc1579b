"""What a client sees while the database is away, and right after it is back."""

from tests.fixtures.relay import Relay
from tests.fixtures.shop import Shop


def test_a_backend_killed_between_two_requests_is_not_noticed(shop: Shop) -> None:
    target = f"/api/products/{shop.product('Tall Mug')}"
    assert shop.get(target).status == 200

    shop.sql("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'sluice_app'")

    assert shop.get(target).status == 200


def test_a_database_that_refuses_is_503_with_retry_after(shop: Shop, relay: Relay) -> None:
    relay.close()

    answer = shop.get("/api/products/1")

    assert (answer.status, answer.code) == (503, "database_unavailable")
    assert int(answer.headers["Retry-After"]) >= 1


def test_a_silent_database_is_answered_for_within_the_socket_timeout(shop: Shop, relay: Relay) -> None:
    target = f"/api/products/{shop.product('Tall Mug')}"
    assert shop.get(target).status == 200

    relay.swallow()
    silent = shop.get(target)
    relay.swallow(False)

    assert silent.status in (503, 504)
    assert shop.get(target).status == 200


def test_readiness_fails_while_the_database_is_away_and_liveness_does_not(shop: Shop, relay: Relay) -> None:
    relay.close()

    assert shop.get("/health/ready").status == 503
    assert shop.get("/health").status == 200
