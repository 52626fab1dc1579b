"""The header of files of products, and what an import of products wrote."""

from typing import Any

from tests.fixtures.imports import ImportHarness

HEADER = "name,description,price,category,inventory\n"


def import_result(harness: ImportHarness, id: int) -> tuple[Any, ...]:
    """Return a digest of all products and their stock, and the outcome of the import."""
    rows = harness.client.sql(
        """
        SELECT count(*), md5(string_agg(
            concat_ws('|', name, description, price, quantity), ',' ORDER BY name
        ))
        FROM products JOIN inventory ON product_id = id
        """
    )
    job = harness.job(id)
    return (
        rows,
        harness.rejects(id),
        job["rows_read"],
        job["rows_rejected"],
        job["status"],
        job["error"],
    )
