"""The resolvers, scopes and costs of what extra.graphql adds to the derived GraphQL API."""

import json
from datetime import date

from shop.mutations import MUTATIONS
from shop.sales_period import SALES_PERIOD
from sluice.errors import FieldError, InvalidParameter
from sluice.graph.cost import LIST_COST
from sluice.graph.execution import Objects
from sluice.graph.loaders import Pending
from sluice.graph.part import GraphqlField, GraphqlPart, Type
from sluice.graph.planned_field import PlannedField
from sluice.graph.resolvers import (
    ResolverContext,
    all_rows,
    columns_of,
    connection_of,
    connections_by_parent,
    rows_by_parent,
)
from sluice.sql.key import of_id

SALES_DAY_COST = 8  # reads all orders of the day


def _category(context: ResolverContext, field: PlannedField, parents: Objects) -> Pending:
    id, slug = field.arguments.get("id"), field.arguments.get("slug")
    if id is not None and slug is None:
        categories = context.repositories.named("categories")
        return context.load("categories", [of_id(categories.resource.keys, id)], field)
    if slug is not None and id is None:
        read = context.repositories.named("categories").get_many_by_slug
        loader = context.loaders.get("slugs", read)
        return loader.load([_storable_text(slug)], columns_of(field))
    error = FieldError("invalid", "or slug must be given, and not both", parameter="id")
    raise InvalidParameter(errors=[error])


def _storable_text(value: str) -> str | None:
    """Return the text, or None if PostgreSQL cannot store it: NUL and lone surrogates."""
    has_surrogates = any("\ud800" <= character <= "\udfff" for character in value)
    return None if "\0" in value or has_surrogates else value


def _sales(context: ResolverContext, field: PlannedField, parents: Objects) -> Pending:
    from shop.reports import ReportRepository  # loaded by the first report

    period = _sales_period(field)
    reports = context.replica_reads.get(ReportRepository)
    return context.load_once(field, (), lambda _: json.loads(f"[{reports.sales(*period)}]"))


def _sales_period(field: PlannedField) -> tuple[date, date]:
    """Return the first and the last day of a report."""
    names = {"start_date": "startDate", "end_date": "endDate"}
    try:
        return SALES_PERIOD.read({name: field.arguments[names[name]] for name in names})
    except InvalidParameter as error:
        errors = [
            field_error._replace(
                parameter=names.get(field_error.parameter or "", field_error.parameter)
            )
            for field_error in error.errors
        ]
        raise InvalidParameter(errors=errors) from None


def _sales_days(field: PlannedField) -> int:
    """Return how many days a report covers, from 1 to the maximum.

    The resolver rejects other ranges before the report runs.
    """
    start = date.fromisoformat(field.arguments["startDate"])
    end = date.fromisoformat(field.arguments["endDate"])
    return min(max((end - start).days + 1, 1), SALES_PERIOD.max_days)


PART = GraphqlPart(
    types={
        "Product": Type(scope="catalog:read", replica=True, indexed_sorts=("price",)),
        # The replica serves a report by itself, and never the other fields of its query.
        "SalesDay": Type(scope="analytics:read"),
    },
    fields={
        # The number of categories is assumed. The resolver of a nested list checks the real one.
        ("Query", "categories"): GraphqlField(all_rows("categories"), size=100, cost=LIST_COST),
        ("Query", "category"): GraphqlField(_category),
        ("Query", "orders"): GraphqlField(connection_of("orders", ids=("userId",))),
        ("Query", "salesAnalytics"): GraphqlField(
            _sales, size=_sales_days, cost=lambda field: _sales_days(field) * SALES_DAY_COST
        ),
        ("Category", "products"): GraphqlField(rows_by_parent("products", "category_id")),
        ("Category", "productsConnection"): GraphqlField(
            connections_by_parent("products", "category_id")
        ),
        ("Order", "items"): GraphqlField(size=10),  # usually a few
        # The statement of a product reads its category, too.
        ("Product", "category"): GraphqlField(),
        **MUTATIONS,
    },
    preload=("shop.ordering", "shop.reports"),
)
