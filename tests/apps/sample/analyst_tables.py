"""The tables of the library that ad-hoc SQL may read."""

from sample.registry import ANALYST_TABLES
from sluice.adhoc_sql.catalogue import Catalogue

CATALOGUE = Catalogue.of(ANALYST_TABLES, selective_columns=("id", "name", "slug", "email"))
