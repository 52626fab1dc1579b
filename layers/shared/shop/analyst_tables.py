"""What ad-hoc SQL may read: the tables of the resources with `analytics`."""

from shop.registry import ANALYST_TABLES
from sluice.adhoc_sql.catalogue import Catalogue

CATALOGUE = Catalogue.of(
    ANALYST_TABLES,
    selective_columns=("id", "order_id", "product_id", "user_id", "name", "email", "slug"),
)
