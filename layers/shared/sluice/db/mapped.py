"""Make SQLAlchemy's classes from declarations, when they are first asked for.

They are for use cases that change objects, through `UnitOfWork.session`. The API itself uses
repositories. No function imports this module to read: importing the ORM takes 60 ms.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from threading import RLock
from typing import Any

import sqlalchemy
from sqlalchemy import FetchedValue, ForeignKey
from sqlalchemy.orm import DeclarativeBase, MappedColumn, mapped_column, relationship
from sqlalchemy.types import UserDefinedType

from sluice import application
from sluice.db.mapped_relations import relations_of, relationship_of
from sluice.db.models import Base
from sluice.kinds.field import Field
from sluice.resource import Resource

# SQLAlchemy has these attributes on each class. A column of such a name gets a `_` after it.
RESERVED = ("metadata", "registry")


class ColumnOfKind(UserDefinedType[Any]):
    """The type of a column that SQLAlchemy has no type for, such as an enum or a range.

    Values are written as `read` of the kind returns them. They are read as the driver returns them.
    """

    cache_ok = True

    def __init__(self, kind: Field) -> None:
        self.kind = kind

    def get_col_spec(self, **_: Any) -> str:
        return self.kind.ddl()

    def bind_processor(self, dialect: Any) -> Callable[[Any], object]:
        return lambda value: None if value is None else self.kind.to_sql(value)


class Models:
    """The classes of the resources that `find` returns by name.

    A class has an attribute for each column, and a relationship for each reference and for each
    list of rows. A relationship is never loaded by itself: the query says so (`selectinload`).
    Those of Many, and of One, only read: a use case changes the columns instead.
    `flush` raises StaleVersion if the version of a row has changed since it was read.
    """

    def __init__(self, base: type[DeclarativeBase], find: Callable[[str], Resource]) -> None:
        self._base = base
        self._find = find
        self._classes: dict[str, type[Any]] = {}
        self._lock = RLock()

    def of(self, resource: Resource) -> type[Any]:
        """Return the class of a resource. It is made once, with those to which it is related."""
        with self._lock:
            if resource.name not in self._classes:
                self._classes[resource.name] = self._make(resource)
                for field in resource.all_fields:
                    for name in _related(field):
                        self.of(self._find(name))
                for each in relations_of(resource):
                    self.of(self._find(each.resource))
            return self._classes[resource.name]

    def all_of(self, resources: Iterable[Resource]) -> sqlalchemy.MetaData:
        """Make all classes and return the metadata of their tables, to compare it with a schema."""
        for resource in resources:
            self.of(resource)
        return self._base.metadata

    def _make(self, resource: Resource) -> type[Any]:
        schema, name = resource.schema_and_table
        columns = {
            _attribute(field): self._column(field, is_key=field in resource.keys)
            for field in resource.all_fields
            if field.in_table
        }
        attributes: dict[str, Any] = {"__tablename__": name, **columns}
        if schema != "public":
            attributes["__table_args__"] = {"schema": schema}
        attributes["__mapper_args__"] = _mapper_arguments(resource, columns)
        for field in resource.all_fields:
            if field.resource:
                attributes[field.name] = self._rows(resource, field)
            elif relation := _relation(field):
                attributes[relation] = self._row(resource, field, columns[_attribute(field)])
        for each in relations_of(resource):
            related = relationship_of(each, resource, self._find(each.resource), self.of)
            attributes.setdefault(each.name, related)
        class_name = "".join(word.title() for word in resource.singular.split("_"))
        return type(class_name, (self._base,), attributes)

    def _column(self, field: Field, *, is_key: bool) -> MappedColumn[Any]:
        kind = field.reference.key if field.reference else field
        kind_in_sql = kind.orm(sqlalchemy) or ColumnOfKind(kind)
        foreign_keys = [self._foreign_key(field)] if field.reference else []
        if is_key:
            return mapped_column(field.column, kind_in_sql, *foreign_keys, primary_key=True)
        from_server = field.read_only or field.optional
        return mapped_column(
            field.column,
            kind_in_sql,
            *foreign_keys,
            nullable=field.nullable,
            default=None if field.default is None else field.read(field.default, ""),
            server_default=FetchedValue() if from_server else None,
            server_onupdate=FetchedValue() if field.read_only else None,
        )

    def _foreign_key(self, field: Field) -> ForeignKey:
        other = self._find(next(_related(field)))
        return ForeignKey(f"{other.table.removeprefix('public.')}.{other.keys[0].column}")

    def _row(self, resource: Resource, field: Field, column: MappedColumn[Any]) -> Any:
        """Return the relationship of a foreign key."""
        other = self._find(next(_related(field)))
        lists = [each.name for each in other.all_fields if each.resource == resource.name]
        return relationship(
            lambda: self.of(other),
            foreign_keys=[column],
            remote_side=lambda: self.of(other).__mapper__.primary_key,  # also of its own table
            back_populates=lists[0] if lists else None,
            lazy="raise",
        )

    def _rows(self, resource: Resource, field: Field) -> Any:
        """Return the relationship of a list of rows, in the order of their key."""
        other = self._find(field.resource)
        relations = [
            _relation(each)
            for each in other.all_fields
            if each.reference and each.reference.resource == resource.name
        ]
        return relationship(
            lambda: self.of(other),
            order_by=lambda: self.of(other).__mapper__.primary_key,
            back_populates=relations[0] if any(relations) else None,
            lazy="raise",
        )


def models() -> Models:
    """Return the classes of the current application."""
    return _models_of(application.current())


@cache
def _models_of(app: application.Application) -> Models:
    return Models(Base, app.declaration)


def _attribute(field: Field) -> str:
    return f"{field.column}_" if field.column in RESERVED else field.column


def _relation(field: Field) -> str:
    """Return the name of a field's relationship. It has none if a column has that name."""
    if field.reference is None or field.reference.relation == field.column:
        return ""
    return field.reference.relation


def _related(field: Field) -> Iterator[str]:
    """Yield the name of the resource to which a field is related, if there is one."""
    if field.reference:
        yield field.reference.resource
    elif field.resource:
        yield field.resource


def _mapper_arguments(
    resource: Resource, columns: dict[str, MappedColumn[Any]]
) -> dict[str, object]:
    """Return how objects are written: what the database sets is read back with each flush.

    A version that may be NULL is not compared: SQLAlchemy compares it with `=`.
    """
    names = [resource.etag] if isinstance(resource.etag, str) else resource.etag
    fields = [field for field in resource.all_fields if field.column in names and field.in_table]
    versions = [columns[_attribute(field)] for field in fields if not field.nullable]
    arguments: dict[str, object] = {"eager_defaults": True}
    if not versions:
        return arguments
    return arguments | {"version_id_col": versions[0], "version_id_generator": False}
