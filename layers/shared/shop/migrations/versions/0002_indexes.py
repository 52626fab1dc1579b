"""The indexes of the shop's lists and reports.

The index of a sort ends with the id, which breaks ties, so that each page is one range of it. The
primary keys serve the sorts by id.

Every order updates inventory, every import updates products, and no such update can be HOT. So each
index has to justify the cost of its writes (tests/shop/sql/test_plans.py).
"""

from alembic import op

revision = "0002"
down_revision = "0001"

# Sorts name and created_at; filter search. The filter slug uses the index of its constraint.
CATEGORIES = """
CREATE INDEX categories_name_idx ON public.categories (name, id);
CREATE INDEX categories_created_at_idx ON public.categories (created_at, id);
CREATE INDEX categories_search_idx ON public.categories USING gin (sluice.words(name));
"""

# Sorts price, created_at and updated_at; filters price_min, price_max, created_after and
# created_before. The sort name uses the index of its constraint. The filter category has an index
# alone (also for deleting a category) and one with the price, for the shop's own pages.
PRODUCTS = """
CREATE INDEX products_price_idx ON public.products (price, id);
CREATE INDEX products_created_at_idx ON public.products (created_at, id);
CREATE INDEX products_updated_at_idx ON public.products (updated_at, id);
CREATE INDEX products_category_idx ON public.products (category_id, id);
CREATE INDEX products_category_price_idx ON public.products (category_id, price, id);
CREATE INDEX products_search_idx ON public.products
    USING gin (sluice.words(name || ' ' || coalesce(description, '')));
"""

# Inventory: sorts quantity and updated_at, filter below. Products: sort inventory and filter
# in_stock; the products without stock are one range of inventory_quantity_idx, by id.
INVENTORY = """
CREATE INDEX inventory_quantity_idx ON public.inventory (quantity, product_id);
CREATE INDEX inventory_updated_at_idx ON public.inventory (updated_at, product_id);
"""

# users_email_key serves the sort email and the filter email, and makes emails unique in any case.
USERS = """
CREATE INDEX users_name_idx ON public.users (name, id);
CREATE INDEX users_created_at_idx ON public.users (created_at, id);
CREATE INDEX users_search_idx ON public.users USING gin (sluice.words(name || ' ' || email));
"""
USERS_EMAIL = "CREATE UNIQUE INDEX users_email_key ON public.users (lower(email))"

# orders_sales_idx has every column of an order that the reports read: a report of 30 days reads 500
# pages and no table. Its condition has the status, so a change of status is not HOT: at most four
# writes in the life of an order.
ORDERS = """
CREATE INDEX orders_user_id_idx ON public.orders (user_id, id);
CREATE INDEX orders_created_at_idx ON public.orders (created_at, id);
CREATE INDEX orders_total_idx ON public.orders (total, id);
CREATE INDEX orders_status_idx ON public.orders (status, id);
CREATE INDEX orders_sales_idx ON public.orders (created_at)
    INCLUDE (id, user_id, total)
    WHERE status <> 'cancelled';
CREATE INDEX order_items_product_id_idx ON public.order_items (product_id, order_id);
"""


def upgrade() -> None:
    op.execute(USERS_EMAIL)
    for indexes in (CATEGORIES, PRODUCTS, INVENTORY, USERS, ORDERS):
        for statement in indexes.strip().removesuffix(";").split(";\n"):
            op.execute(statement)
