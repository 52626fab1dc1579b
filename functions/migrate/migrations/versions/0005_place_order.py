"""Placing an order as a function: its plans are kept by the session, and the stock is locked last, for a moment."""

from alembic import op

revision = "0005"
down_revision = "0004"

# What can be refused without a lock is refused first, with all that is to be said of it. Then the order is written,
# which holds its user and products by their foreign keys, and at last its stock is taken, in the products' order: so
# two orders cannot deadlock, and a row that everybody wants is held for one UPDATE and the commit. Where somebody took
# the rest in between, the transaction is undone as one that lost against another is, and whoever runs it again is told
# what is left. `wanted` has no product twice, and is sorted.
PLACE = """
CREATE FUNCTION sluice_place_order(
    buyer bigint, wanted bigint[], quantities bigint[],
    OUT placed orders, OUT prices numeric[],
    OUT user_known boolean, OUT unknown bigint[], OUT short bigint[], OUT available integer[]
) LANGUAGE plpgsql AS $$
DECLARE
    total numeric;
    taken bigint;
BEGIN
    user_known := EXISTS (SELECT FROM users u WHERE u.id = buyer);
    SELECT array_agg(p.price ORDER BY w.n), sum(p.price * w.quantity),
           array_agg(w.product_id) FILTER (WHERE i.product_id IS NULL),
           array_agg(w.product_id ORDER BY w.n) FILTER (WHERE i.quantity < w.quantity),
           array_agg(i.quantity ORDER BY w.n) FILTER (WHERE i.quantity < w.quantity)
    INTO prices, total, unknown, short, available
    FROM unnest(wanted, quantities) WITH ORDINALITY AS w(product_id, quantity, n)
    LEFT JOIN products p ON p.id = w.product_id LEFT JOIN inventory i ON i.product_id = p.id;
    IF NOT user_known OR unknown IS NOT NULL OR short IS NOT NULL THEN
        RETURN;
    END IF;

    INSERT INTO orders (user_id, total) VALUES (buyer, total) RETURNING * INTO placed;
    INSERT INTO order_items (order_id, product_id, quantity, unit_price)
    SELECT placed.id, w.* FROM unnest(wanted, quantities, prices) AS w;

    UPDATE inventory i SET quantity = i.quantity - l.quantity
    FROM (
        SELECT i.product_id, w.quantity
        FROM unnest(wanted, quantities) AS w(product_id, quantity) JOIN inventory i USING (product_id)
        ORDER BY i.product_id FOR NO KEY UPDATE OF i
    ) l
    WHERE i.product_id = l.product_id AND i.quantity >= l.quantity;
    GET DIAGNOSTICS taken = ROW_COUNT;
    IF taken < cardinality(wanted) THEN
        RAISE 'the stock was taken in between' USING ERRCODE = 'serialization_failure';
    END IF;
END $$
"""

GRANTS = """
REVOKE EXECUTE ON FUNCTION sluice_place_order FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sluice_place_order TO sluice_app
"""


def upgrade() -> None:
    run = op.get_bind().exec_driver_sql
    run(PLACE)
    for statement in GRANTS.split(";\n"):
        run(statement)
