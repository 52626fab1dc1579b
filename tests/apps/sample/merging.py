"""The rule of merging two shelves. It concerns several rows: all of them change, or none."""

from sqlalchemy import select

from sample.books import BOOKS
from sample.shelves import SHELVES, ShelfRepository
from sluice.errors import ValidationFailed
from sluice.sql.projection import Representation
from sluice.unit_of_work import UnitOfWork


def merge_shelf(work: UnitOfWork, id: int, into: str) -> Representation:
    """Move the books of a shelf to the one with the slug `into`, and delete the empty shelf.

    Return the other shelf. Raises NotFound for an unknown id, ValidationFailed for an unknown slug.
    """
    shelf, book = work.model(SHELVES), work.model(BOOKS)
    target = work.session.scalars(select(shelf).where(shelf.slug == into)).one_or_none()
    if target is None or target.id == id:
        raise ValidationFailed.at("into", "invalid", "must be the slug of another shelf")
    books = select(book).where(book.shelf_id == id).order_by(book.id).with_for_update()
    for moved in work.session.scalars(books):
        moved.shelf_id = target.id
    shelves = work.get(ShelfRepository)
    shelves.delete((id,))  # the session writes the books before this statement
    return shelves.get_by_id((target.id,))
