"""Limit a session of SQLAlchemy's ORM to the rows of the request's tenant.

It covers SELECT, UPDATE and DELETE of mapped classes, and new and changed objects. It does not
cover SQL in text, nor statements over tables: those name the tenant themselves.
"""

from collections.abc import Iterator
from typing import Any

import sqlalchemy
from sqlalchemy import ColumnElement, FromClause, event, inspect
from sqlalchemy.orm import Mapper, ORMExecuteState, Session, with_loader_criteria

from sluice import application, tenants
from sluice.db.models import Base
from sluice.errors import FieldError, ValidationFailed
from sluice.resource import One, Resource
from sluice.sql.tenant_sql import references_checked, tenant_reference
from sluice.tenant_columns import tenant_field

IS_GUARDED = "tenant"  # a key of `Session.info`
Columns = Any  # of a table or of an alias, by their names


def guard(session: Session) -> None:
    """Limit the session, once."""
    if IS_GUARDED not in session.info:
        session.info[IS_GUARDED] = True
        event.listen(session, "do_orm_execute", _limit)
        event.listen(session, "before_flush", _set_tenants)
        event.listen(session, "after_flush", _check_references)


def _mapped() -> Iterator[tuple[Mapper[Any], Resource]]:
    """Yield each mapped class whose rows have a tenant, with its resource."""
    resources = {each.table: each for each in application.current().declarations()}
    for mapper in Base.registry.mappers:
        resource = _resource_of(mapper, resources)
        if resource is not None and resource.has_tenant:
            yield mapper, resource


def _resource_of(mapper: Mapper[Any], resources: dict[str, Resource]) -> Resource | None:
    table: Any = mapper.local_table
    return resources.get(f"{table.schema or 'public'}.{table.name}")


def _limit(state: ORMExecuteState) -> None:
    """Add the tenant to a statement over mapped classes. Related rows are limited with it."""
    if state.is_column_load or state.is_relationship_load:
        return
    if not (state.is_select or state.is_update or state.is_delete):
        return
    for mapper, resource in _mapped():
        of_class = {column.name: column for column in mapper.local_table.columns}
        attributes = {
            name: getattr(mapper.class_, mapper.get_property_by_column(column).key)
            for name, column in of_class.items()
            if column in mapper.columns.values()
        }
        condition = _condition(resource, attributes)
        option = with_loader_criteria(mapper.class_, condition, include_aliases=True)
        state.statement = state.statement.options(option)


def _condition(resource: Resource, columns: Columns) -> ColumnElement[bool]:
    """Return the condition that a row belongs to the request's tenant."""
    if field := tenant_field(resource):
        column = columns[field.column]
        value = sqlalchemy.literal(tenants.require(), sqlalchemy.Text)
        found: ColumnElement[bool] = column == sqlalchemy.cast(value, column.type)
        return found
    one = tenant_reference(resource)
    other = application.current().declaration(one.resource)
    parent = _table(other).alias()
    (key,), (name,) = other.keys, one.foreign_key
    where = (parent.c[key.column] == columns[name], _condition(other, parent.c))
    exists = sqlalchemy.select(sqlalchemy.literal(1)).select_from(parent).where(*where)
    return exists.correlate_except(parent).exists()


def _table(resource: Resource) -> FromClause:
    """Return the mapped table of a resource."""
    from sluice.db.mapped import models  # it is made if no class has it yet

    table: FromClause = models().of(resource).__table__
    return table


def _set_tenants(session: Session, *_: object) -> None:
    """Set the tenant of new objects. Raise MissingTenant if an object has another one."""
    resources = dict(_mapped())
    for each in (*session.new, *session.dirty):
        mapper = inspect(each).mapper
        resource = resources.get(mapper)
        field = tenant_field(resource) if resource else None
        if field is None:
            continue
        name = mapper.get_property_by_column(mapper.local_table.c[field.column]).key
        stored = getattr(each, name)
        if stored is None:
            setattr(each, name, tenants.bound_value())
        elif str(stored) != tenants.require():
            raise tenants.MissingTenant(f"an object of {field.column} has another tenant")


def _check_references(session: Session, *_: object) -> None:
    """Raise ValidationFailed if a written object references a row that is not the tenant's."""
    resources = dict(_mapped())
    for each in (*session.new, *session.dirty):
        if resource := resources.get(inspect(each).mapper):
            for one in references_checked(resource):
                _check_reference(session, each, resource, one)


def _check_reference(session: Session, each: Any, resource: Resource, one: One) -> None:
    mapper = inspect(each).mapper
    columns = [mapper.local_table.c[name] for name in one.foreign_key]
    names = [mapper.get_property_by_column(column).key for column in columns]
    values = [getattr(each, name) for name in names]
    if None in values or not any(inspect(each).attrs[name].history.added for name in names):
        return
    other = application.current().declaration(one.resource)
    table = _table(other)
    pairs = zip(other.keys, values, strict=True)
    conditions = [table.c[key.column] == value for key, value in pairs]
    query = sqlalchemy.select(sqlalchemy.literal(1)).select_from(table)
    if other.soft_delete:
        conditions.append(sqlalchemy.column(other.soft_delete).is_(None))
    query = query.where(*conditions, _condition(other, table.c))
    if session.connection().execute(query).first() is None:
        fields = [field for field in resource.all_fields if field.column in one.foreign_key]
        raise ValidationFailed(
            errors=[
                FieldError("unknown", "does not exist", pointer=f"/{field.name}")
                for field in fields
                if not field.read_only
            ]
        )
