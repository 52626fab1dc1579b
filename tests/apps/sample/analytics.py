"""The tables of the library that ad-hoc SQL may read."""

from sample.books import BOOKS
from sample.readers import READERS
from sample.shelves import SHELVES
from sluice.adhoc_sql.derived import catalogue

CATALOGUE = catalogue(
    [SHELVES, BOOKS, READERS],
    selective_columns={"id", "name", "slug", "email"},
)
