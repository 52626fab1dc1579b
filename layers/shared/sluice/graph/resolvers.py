"""Resolvers: read the value of each field, for all parent objects of a level at once.

Here are those that most applications need, and what they and an application's own use.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sluice.errors import (
    FieldError,
    InsufficientScope,
    InvalidCursor,
    InvalidParameter,
    QueryTooExpensive,
)
from sluice.graph import connection
from sluice.graph.document import Operation
from sluice.graph.execution import Objects
from sluice.graph.loaders import Batch, Loaders, Pending
from sluice.graph.part import PUBLIC, graphql_name, key_names
from sluice.graph.planned_field import PlannedField, cache_key
from sluice.graph.values import as_json, as_text
from sluice.http.tenant import require_one
from sluice.kinds.field import MAX_VALUES
from sluice.kinds.integer import BigInt
from sluice.sql.key import Key, of_id, of_values
from sluice.unit_of_work import Repositories

if TYPE_CHECKING:
    from sluice.graph.part import Resolver
    from sluice.kinds.field import FieldFilter
    from sluice.sql.connections import ConnectionRepository
    from sluice.sql.list_spec import Filter

ROOT_KEY = "root"  # the loader key of a root field, whose parent has no id
NO_ID = 0  # no row has this id


class ResolverContext:
    """The repositories, the loaders and the client's scopes, for the resolvers of one request.

    `max_rows` limits the rows of a nested list.
    """

    def __init__(
        self,
        operation: Operation,
        variables: Mapping[str, object],
        *,
        repositories: Repositories,
        replica_reads: Repositories,
        scopes: Collection[str],
        max_rows: int,
    ) -> None:
        self.operation = operation
        self.variables = variables
        self.repositories = repositories
        self.replica_reads = replica_reads
        self.loaders = Loaders()
        self._scopes = scopes
        self._max_rows = max_rows

    def resolve(self, field: PlannedField, parents: Objects) -> Sequence[Any] | Pending:
        """Return the field's value for each parent.

        Raises InsufficientScope, NoTenant, and what the field's resolver raises.
        """
        require_access(field, self._scopes)
        resolver = field.info.declared.resolve
        if resolver is not None:
            return resolver(self, field, parents)
        column = field.info.columns[0]
        return [parent[column] for parent in parents]

    def load(self, name: str, keys: Sequence[Key | None], field: PlannedField) -> Pending:
        """Return the rows with these keys, from the repository of this name."""
        loader = self.loaders.get(name, self.repositories.named(name).get_many)
        return loader.load(keys, columns_of(field))

    def load_once(
        self,
        field: PlannedField,
        columns: Collection[str],
        read: Callable[[frozenset[str]], Any],
    ) -> Pending:
        """Return the value of a root field. Equal fields share one read of all their columns."""
        loader = self.loaders.get(cache_key(field), lambda keys, columns: {ROOT_KEY: read(columns)})
        return loader.load([ROOT_KEY], columns)

    def load_children(
        self, field: PlannedField, parents: Objects, columns: Collection[str], batch: Batch
    ) -> Pending:
        """Return the list of each parent, by the parent's key. Equal lists are read once.

        Raises QueryTooExpensive like `check_size`.
        """
        keys = keys_in(parents, field.info.parent.key)
        self.check_size(field, keys, connection.page_size(field))
        return self.loaders.get(cache_key(field), batch).load(keys, columns)

    def check_size(self, field: PlannedField, keys: Sequence[Key | None], size: int) -> None:
        """Raise QueryTooExpensive if lists of this size could have more than `max_rows` nodes.

        There is one for each key of a parent. cost.py had to assume a number of parents.
        """
        parent_count = len(set(keys))
        max_nodes = size * parent_count
        if max_nodes > self._max_rows:
            raise QueryTooExpensive(f"{field.name} of {parent_count} could be {max_nodes} nodes")


def row_by_id(name: str) -> "Resolver":
    """Return a resolver of the row of the repository `name` with the argument `id`."""

    def resolve(context: ResolverContext, field: PlannedField, parents: Objects) -> Pending:
        keys = context.repositories.named(name).resource.keys
        return context.load(name, [of_id(keys, field.arguments["id"])], field)

    return resolve


def row_by_parts(name: str) -> "Resolver":
    """Return a resolver of the row of the repository `name` whose key has several columns.

    Each has an argument of its own.
    """

    def resolve(context: ResolverContext, field: PlannedField, parents: Objects) -> Pending:
        resource = context.repositories.named(name).resource
        names = key_names(resource)
        key = of_values(resource.keys, [as_json(field.arguments[each]) for each in names])
        return context.load(name, [key], field)

    return resolve


def row_by_key(name: str) -> "Resolver":
    """Return a resolver of the row of the repository `name` whose key is in the field's columns."""
    return lambda context, field, parents: context.load(
        name, keys_in(parents, field.info.columns), field
    )


def row_id_of(context: ResolverContext, field: PlannedField, parents: Objects) -> list[Any]:
    """Return the value of `id` of rows whose key has several columns: a list for each."""
    columns = field.info.columns
    return [[parent[column] for column in columns] for parent in parents]


def keys_in(rows: Objects, columns: Sequence[str]) -> list[Key | None]:
    """Return the key in these columns of each row. None if a part is null."""
    if len(columns) == 1:
        column = columns[0]
        return [None if row[column] is None else (row[column],) for row in rows]
    keys = [tuple(row[column] for column in columns) for row in rows]
    return [None if None in key else key for key in keys]


def all_rows(name: str) -> "Resolver":
    """Return a resolver of all rows of the repository `name`, for a list that is never long."""
    return lambda context, field, _: context.load_once(
        field, columns_of(field), context.repositories.named(name).all
    )


def connection_of(name: str, ids: Collection[str] = ()) -> "Resolver":
    """Return a resolver of a page of the repository `name`. `ids` are the filters by an ID."""

    def resolve(context: ResolverContext, field: PlannedField, parents: Objects) -> Pending:
        repository = context.repositories.named(name)
        filters = _list_filters(field, ids, repository.graphql_list_spec.filters)
        return context.load_once(
            field,
            connection_columns(field),
            lambda columns: repository.connection(connection.list_query(field, columns, filters)),
        )

    return resolve


def _list_filters(
    field: PlannedField, ids: Collection[str], declared: "Mapping[str, Filter]"
) -> dict[str, object]:
    """Return the filters of a list field by name, as its repository reads them.

    Values are checked like those of a query string. An item of a list is never split at commas.
    Raises InvalidParameter with all that are invalid.
    """
    names = {graphql_name(name): name for name in declared}
    filters: dict[str, object] = {}
    errors: list[FieldError] = []
    for name, value in connection.filters_of(field).items():
        try:
            if name in ids:
                filters[names[name]] = _row_ids(value)
            else:
                filters[names[name]] = _parsed(value, declared[names[name]].field_filter)
        except ValueError as problem:
            errors.append(FieldError("invalid", str(problem), parameter=name))
    if errors:
        raise InvalidParameter(errors=errors)
    return filters


def _child_filters(
    field: PlannedField,
    ids: Collection[str],
    repository: "ConnectionRepository",
    foreign_key: str,
) -> dict[str, object]:
    """Return the filters of a list that belongs to a parent, which is a filter itself."""
    for name in connection.filters_of(field):
        if name == graphql_name(foreign_key):
            error = FieldError("invalid", "is given by the parent", parameter=name)
            raise InvalidParameter(errors=[error])
    return _list_filters(field, ids, repository.graphql_list_spec.filters)


def _row_ids(value: str | list[str]) -> object:
    if isinstance(value, str):
        return row_id(value)
    return [row_id(id) for id in value]


def _parsed(value: object, declared: "FieldFilter") -> object:
    """Return the value of a filter. Raise ValueError with the reason."""
    if not declared.many:
        return declared.parse(as_text(value))
    values = value if isinstance(value, list) else [value]
    if len(values) > MAX_VALUES:
        raise ValueError(f"must have at most {MAX_VALUES} values")
    return [declared.parse(as_text(item)) for item in values]


def connections_by_parent(name: str, foreign_key: str, ids: Collection[str] = ()) -> "Resolver":
    """Return a resolver of a page of the repository `name` for each parent.

    The rows of the page have the parent's key in the columns `foreign_key`. `ids` are the
    filters by an ID.
    """

    def resolve(context: ResolverContext, field: PlannedField, parents: Objects) -> Pending:
        repository = context.repositories.named(name)
        filters = _child_filters(field, ids, repository, foreign_key)
        return context.load_children(
            field,
            parents,
            connection_columns(field),
            lambda parent_keys, columns: repository.connections_by_parent(
                parent_keys, connection.list_query(field, columns, filters), foreign_key
            ),
        )

    return resolve


def rows_by_parent(name: str, foreign_key: str, ids: Collection[str] = ()) -> "Resolver":
    """Return a resolver of the first rows of the repository `name` for each parent.

    The arguments are those of `connections_by_parent`.
    """

    def resolve(context: ResolverContext, field: PlannedField, parents: Objects) -> Pending:
        repository = context.repositories.named(name)
        filters = _child_filters(field, ids, repository, foreign_key)

        def read(parent_keys: Sequence[Key], columns: frozenset[str]) -> Mapping[Key, Any]:
            query = connection.list_query(field, columns, filters)
            pages = repository.connections_by_parent(parent_keys, query, foreign_key)
            return {
                key: page if isinstance(page, InvalidCursor) else page.rows
                for key, page in pages.items()
            }

        return context.load_children(field, parents, columns_of(field), read)

    return resolve


def require_access(field: PlannedField, scopes: Collection[str]) -> None:
    """Raise InsufficientScope if the client may not read the field, or not run the mutation.

    Raise NoTenant if its rows belong to tenants and the request has none.

    The object that a mutation returns needs no scope for reading.
    """
    scope = field.info.scope
    if scope != PUBLIC and scope not in scopes:
        raise InsufficientScope(scope)
    further = field.info.declared.read_scope
    if further and further not in scopes:
        raise InsufficientScope(further)
    if field.info.needs_tenant:
        require_one()


def require_access_to_all(fields: Sequence[PlannedField], scopes: Collection[str]) -> None:
    """Raise what `require_access` raises for any of the fields, at any depth."""
    for field in fields:
        require_access(field, scopes)
        require_access_to_all(field.fields, scopes)


def reads_only_replica_types(fields: Sequence[PlannedField]) -> bool:
    """Return whether the fields lead only to types that the replica may serve.

    A request for other data reads everything from the primary: a new row there may refer to rows
    that the replica does not have yet.
    """
    return all(
        field.info.returned.replica and reads_only_replica_types(field.fields) for field in fields
    )


def row_id(text: str) -> int:
    """Return an ID as the id of a row whose key is a whole number.

    An ID that no row can have becomes NO_ID.
    """
    key = of_id((BigInt("id"),), text)
    return key[0] if key else NO_ID


def columns_of(field: PlannedField) -> frozenset[str]:
    """Return the columns that the query needs of the rows to which the field leads.

    An edge leads to a row, and may have columns of its own.
    """
    return _columns_of(field, connection.row_fields(field))


def connection_columns(field: PlannedField) -> frozenset[str]:
    """Return the columns of a connection's nodes, and TOTAL_COUNT and CURSORS if selected."""
    columns = {*columns_of(field)}
    if connection.selects_total(field):
        columns.add(connection.TOTAL_COUNT)
    if connection.selects_cursors(field):
        columns.add(connection.CURSORS)
    return frozenset(columns)


def _columns_of(field: PlannedField, selected: Sequence[PlannedField]) -> frozenset[str]:
    columns = (column for each in selected for column in each.info.columns)
    return frozenset([*field.info.returned.key, *columns])
