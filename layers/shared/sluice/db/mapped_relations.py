"""Make SQLAlchemy's relationships of a declaration's relations: One, and Many."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, TableClause, and_, column, table
from sqlalchemy.orm import foreign, relationship, remote

from sluice.resource import Many, One, Resource

ClassOf: TypeAlias = Callable[[Resource], type[Any]]
Column: TypeAlias = ColumnElement[Any]


def relations_of(resource: Resource) -> Iterator[Many | One]:
    """Yield the relations that are declared for themselves, not by a field."""
    yield from (each for each in resource.relations if isinstance(each, Many | One))


def relationship_of(
    relation: Many | One, resource: Resource, other: Resource, class_of: ClassOf
) -> Any:
    """Return the relationship of a relation, which only reads.

    The classes need not be made yet: `class_of` is called when SQLAlchemy first uses them.
    """

    def own(names: Iterable[str]) -> list[Column]:
        return _columns(class_of(resource), names)

    def others(names: Iterable[str]) -> list[Column]:
        return _columns(class_of(other), names)

    options: dict[str, Any] = {"viewonly": True, "lazy": "raise"}
    if isinstance(relation, One):
        return relationship(
            lambda: class_of(other),
            primaryjoin=lambda: _equal(
                map(foreign, own(relation.foreign_key)), map(remote, others(_key(other)))
            ),
            uselist=False,
            **options,
        )
    options |= {"order_by": lambda: others(_key(other)), "uselist": True}
    if not relation.through:
        return relationship(
            lambda: class_of(other),
            primaryjoin=lambda: _equal(
                own(_key(resource)),
                (remote(foreign(each)) for each in others(relation.columns)),
            ),
            **options,
        )
    junction = _junction(relation)
    return relationship(
        lambda: class_of(other),
        secondary=junction,
        primaryjoin=lambda: _equal(own(_key(resource)), _foreign(junction, relation.columns)),
        secondaryjoin=lambda: _equal(
            others(_key(other)), _foreign(junction, relation.other_columns)
        ),
        **options,
    )


def _key(resource: Resource) -> tuple[str, ...]:
    return tuple(key.column for key in resource.keys)


def _columns(mapped: type[Any], names: Iterable[str]) -> list[Column]:
    return [mapped.__table__.c[name] for name in names]


def _junction(many: Many) -> TableClause:
    schema, _, name = many.through.partition(".")
    columns: list[Any] = [column(name) for name in (*many.columns, *many.other_columns)]
    return table(name, *columns, schema=None if schema == "public" else schema)


def _foreign(junction: TableClause, names: Sequence[str]) -> list[Column]:
    return [foreign(junction.c[name]) for name in names]


def _equal(left: Iterable[Column], right: Iterable[Column]) -> Column:
    return and_(*(one == other for one, other in zip(left, right, strict=True)))
