"""The resolvers of what extra.graphql adds to the derived GraphQL API."""

from collections.abc import Sequence

from sluice.graph.cost import LIST_COST
from sluice.graph.execution import Objects
from sluice.graph.loaders import Pending
from sluice.graph.mutations import input_of
from sluice.graph.part import GraphqlField, GraphqlPart, Type
from sluice.graph.planned_field import PlannedField
from sluice.graph.resolvers import (
    ResolverContext,
    all_rows,
    connections_by_parent,
    rows_by_parent,
)
from sluice.sql.key import of_representation


def _availability(context: ResolverContext, field: PlannedField, books: Objects) -> Sequence[str]:
    return ["available" if book["copies"] else "lent_out" for book in books]


def _add_book(context: ResolverContext, field: PlannedField, parents: Objects) -> Pending:
    books = context.repositories.named("books")
    book = books.create(input_of(field))
    return context.load("books", [of_representation(books.resource.keys, book.id)], field)


PART = GraphqlPart(
    types={"Book": Type(scope="library:read", replica=True, indexed_sorts=("price",))},
    fields={
        ("Query", "shelves"): GraphqlField(all_rows("shelves"), size=100, cost=LIST_COST),
        ("Shelf", "books"): GraphqlField(rows_by_parent("books", "shelf_id")),
        ("Shelf", "booksConnection"): GraphqlField(connections_by_parent("books", "shelf_id")),
        ("Book", "availability"): GraphqlField(_availability, column="copies"),
        ("Mutation", "addBook"): GraphqlField(_add_book, scope="library:write"),
    },
    lower_case_enums=("Availability",),
)
