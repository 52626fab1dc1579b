"""The indexes of the shop's lists and reports.

A sort's index ends in the id that breaks its ties, so that any page is one range of it; the primary keys serve the
sorts by id. Every order writes a row of stock and every import a product, and no update of either can be HOT. So each
index here must earn its write (tests/repositories/test_plans.py).
"""

from alembic import op

revision = "0002"
down_revision = "0001"

# Sorts name, created_at; filter search. The filter slug has its constraint's index.
CATEGORIES = """
categories_name_idx ON public.categories (name, id)
categories_created_at_idx ON public.categories (created_at, id)
categories_search_idx ON public.categories USING gin (sluice.words(name))
"""

# Sorts price, created_at, updated_at; filters price_min, price_max, created_after, created_before. The sort name has
# its constraint's index. Filter category: alone (also for deleting a category) and by price, the shop's own pages.
PRODUCTS = """
products_price_idx ON public.products (price, id)
products_created_at_idx ON public.products (created_at, id)
products_updated_at_idx ON public.products (updated_at, id)
products_category_idx ON public.products (category_id, id)
products_category_price_idx ON public.products (category_id, price, id)
products_search_idx ON public.products USING gin (sluice.words(name || ' ' || coalesce(description, '')))
"""

# Stock: sorts quantity, updated_at, filter below. Products: sort inventory and filter in_stock; the products without
# stock are one range of it, by id.
INVENTORY = """
inventory_quantity_idx ON public.inventory (quantity, product_id)
inventory_updated_at_idx ON public.inventory (updated_at, product_id)
"""

# Sort email, filter email and the uniqueness of an email in any case are all users_email_key.
USERS = """
users_name_idx ON public.users (name, id)
users_created_at_idx ON public.users (created_at, id)
users_search_idx ON public.users USING gin (sluice.words(name || ' ' || email))
"""
USERS_EMAIL = "CREATE UNIQUE INDEX users_email_key ON public.users (lower(email))"

# orders_sales_idx has everything that the reports read of an order. Its condition holds the status, so a change of
# status is not HOT: four writes in an order's life, for a report of 30 days that reads 500 pages and no table.
ORDERS = """
orders_user_id_idx ON public.orders (user_id, id)
orders_created_at_idx ON public.orders (created_at, id)
orders_total_idx ON public.orders (total, id)
orders_status_idx ON public.orders (status, id)
orders_sales_idx ON public.orders (created_at) INCLUDE (id, user_id, total) WHERE status <> 'cancelled'
order_items_product_id_idx ON public.order_items (product_id, order_id)
"""


def upgrade() -> None:
    op.execute(USERS_EMAIL)
    for group in (CATEGORIES, PRODUCTS, INVENTORY, USERS, ORDERS):
        for index in group.strip().splitlines():
            op.execute(f"CREATE INDEX {index}")
