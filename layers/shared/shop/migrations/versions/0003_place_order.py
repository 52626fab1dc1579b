"""Placing an order, and looking up categories: functions of the database."""

from alembic import op

revision = "0003"
down_revision = "0002"

# A function, so that the session keeps its plans. First it checks, without a lock, all that can be refused, and
# reports all of it. Then it writes the order, whose foreign keys hold the user and the products. At last it takes the
# stock, in the order of the products' ids: two orders cannot deadlock, and a popular product's row is locked only for
# one UPDATE and the commit. If another order took the stock in between, the transaction fails as a serialization
# failure; it is run again, and that run reports what is left. `wanted` is sorted and has no product twice.
PLACE_ORDER = """
CREATE FUNCTION public.place_order(
    buyer bigint, wanted bigint[], quantities bigint[],
    OUT placed public.orders, OUT prices numeric[],
    OUT user_known boolean, OUT unknown bigint[], OUT short bigint[], OUT available integer[]
) LANGUAGE plpgsql AS $$
DECLARE
    total numeric;
    taken bigint;
BEGIN
    user_known := EXISTS (SELECT FROM public.users u WHERE u.id = buyer);
    SELECT array_agg(p.price ORDER BY w.n), sum(p.price * w.quantity),
           array_agg(w.product_id) FILTER (WHERE i.product_id IS NULL),
           array_agg(w.product_id ORDER BY w.n) FILTER (WHERE i.quantity < w.quantity),
           array_agg(i.quantity ORDER BY w.n) FILTER (WHERE i.quantity < w.quantity)
    INTO prices, total, unknown, short, available
    FROM unnest(wanted, quantities) WITH ORDINALITY AS w(product_id, quantity, n)
    LEFT JOIN public.products p ON p.id = w.product_id LEFT JOIN public.inventory i ON i.product_id = p.id;
    IF NOT user_known OR unknown IS NOT NULL OR short IS NOT NULL THEN
        RETURN;
    END IF;

    INSERT INTO public.orders (user_id, total) VALUES (buyer, total) RETURNING * INTO placed;
    INSERT INTO public.order_items (order_id, product_id, quantity, unit_price)
    SELECT placed.id, w.* FROM unnest(wanted, quantities, prices) AS w;

    UPDATE public.inventory i SET quantity = i.quantity - l.quantity
    FROM (
        SELECT i.product_id, w.quantity
        FROM unnest(wanted, quantities) AS w(product_id, quantity) JOIN public.inventory i USING (product_id)
        ORDER BY i.product_id FOR NO KEY UPDATE OF i
    ) l
    WHERE i.product_id = l.product_id AND i.quantity >= l.quantity;
    GET DIAGNOSTICS taken = ROW_COUNT;
    IF taken < cardinality(wanted) THEN
        RAISE 'the stock was taken in between' USING ERRCODE = 'serialization_failure';
    END IF;
END $$
"""

# The planner runs it, once a statement, so that it knows which categories it plans for; for that it must be IMMUTABLE.
# That is not true of what it reads, so it must not be in an index or in a prepared statement that is kept. STABLE
# would be estimated with as well, but in a filter it would be run again for each row.
CATEGORY_IDS = """
CREATE FUNCTION public.category_ids(slugs text[]) RETURNS bigint[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    RETURN ARRAY(SELECT c.id FROM public.categories c WHERE c.slug = ANY (slugs));
END $$
"""

REVOKE = """
REVOKE EXECUTE ON FUNCTION public.place_order(bigint, bigint[], bigint[]), public.category_ids(text[]) FROM PUBLIC
"""


def upgrade() -> None:
    for statement in (PLACE_ORDER, CATEGORY_IDS, REVOKE):
        op.execute(statement)
