"""A session plans the statements of place_order once, and not for each order."""

from collections.abc import Mapping

from tests.fixtures.shop import Shop

ORDERS = 12  # after five executions PostgreSQL compares a generic plan with those before
PLANNED = """
    SELECT query, CAST(plans AS integer), CAST(calls AS integer) FROM pg_stat_statements
    WHERE query LIKE '%product_ids%' AND query NOT LIKE '%place_order%'
        AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def planned(shop: Shop) -> Mapping[str, tuple[int, int]]:
    """Return how often each statement of the function was planned, and how often executed."""
    return {query: (plans, calls) for query, plans, calls in shop.sql(PLANNED)}


def test_a_session_plans_orders_once(shop: Shop) -> None:
    user = shop.add_user()
    mugs = [shop.add_product(f"Mug {n}", stock=1_000) for n in range(3)]
    shop.sql("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    shop.sql("SET pg_stat_statements.track = 'all'")
    shop.sql("SET pg_stat_statements.track_planning = on")
    before = planned(shop)
    for n in range(ORDERS):
        shop.sql(
            "SELECT public.place_order(:user, CAST(:products AS bigint[]), CAST(:n AS bigint[]))",
            user=user,
            products=mugs[: n % 3 + 1],
            n=[1] * (n % 3 + 1),
        )
    shop.sql("RESET pg_stat_statements.track")
    shop.sql("RESET pg_stat_statements.track_planning")

    counted = {
        query: (plans - before.get(query, (0, 0))[0], calls - before.get(query, (0, 0))[1])
        for query, (plans, calls) in planned(shop).items()
    }
    executed = [(plans, calls) for plans, calls in counted.values() if calls]  # no expressions
    assert executed == [(1, ORDERS)] * 3, counted
