"""The base class of repositories whose SQL is derived from the declaration of a resource."""

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar, TypeAlias

from sluice.kinds.field import DeclarationError
from sluice.resource import Resource, Via
from sluice.sql import derived as sql
from sluice.sql import derived_lists as lists
from sluice.sql.connections import ConnectionRepository
from sluice.sql.derived import derived
from sluice.sql.idempotency import IdempotencyKey
from sluice.sql.key import Key
from sluice.sql.list_spec import FilterSql, ListSpec
from sluice.sql.precondition import Precondition
from sluice.sql.projection import Join, JoinedColumn, Projection, Representation
from sluice.sql.support import require_supported
from sluice.sql.tenant_sql import reference_check, update_guard
from sluice.sql.write_repository import WriteRepository

Values: TypeAlias = dict[str, Any]  # field → value


class ResourceRepository(WriteRepository, ConnectionRepository):
    """Reads and writes the rows of `resource`. What a subclass sets is not derived.

    column_sql: field → its SQL, for fields from other tables: a JoinedColumn, or SQL that needs no
        join. SQL names a column of the table with its alias, as `b.name`.
    joins: the joins of the table; by default those of `column_sql`.
    filter_sql: the parameter of a filter → its condition, if it is not that of the field's kind.
    list_view: what lists read instead of the table: a view, or a SELECT in parentheses. It has the
        columns of the table.
    list_order: filters and sorts in the order of openapi.json, if it is not that of the fields.
    etag_sql: the SQL of the ETag.
    graphql_list_spec: the list as GraphQL has it.
    import_trusted: whether imports may skip the rules for rows that are valid as they are.
    import_write: the statement that writes imported rows. See imports/resource.py.
    import_references: field → the query that finds the row which an imported value references.

    A rule is `before_create` or `before_write`. It gets no stored row. A rule that needs one is
    SQL in the statement, or a unit of work.
    """

    resource: ClassVar[Resource]
    column_sql: ClassVar[Mapping[str, str | JoinedColumn]] = {}
    joins: ClassVar[tuple[Join, ...]] = derived(sql.joins)
    filter_sql: ClassVar[Mapping[str, str | FilterSql]] = {}
    list_view: ClassVar[str] = ""
    list_order: ClassVar[Sequence[str]] = ()
    etag_sql: ClassVar[str] = derived(sql.etag)
    projection: ClassVar[Projection] = derived(sql.projection)
    list_spec: ClassVar[ListSpec] = derived(lists.list_spec)
    graphql_list_spec: ClassVar[ListSpec] = derived(lists.graphql_list_spec)
    inserts: ClassVar[Mapping[str, str]] = derived(sql.inserts)
    defaults: ClassVar[Mapping[str, object]] = derived(lambda cls: sql.defaults(cls.resource))
    assignments: ClassVar[Mapping[str, str]] = derived(lambda cls: sql.assignments(cls.resource))
    unchanged: ClassVar[str] = derived(lambda cls: sql.unchanged(cls.resource))
    _deleted_at: ClassVar[str] = derived(lambda cls: sql.deleted_at(cls.resource))
    _insert_names: ClassVar[frozenset[str] | None] = derived(sql.insert_names)
    _optional_names: ClassVar[frozenset[str]] = derived(sql.optional_names)
    import_trusted: ClassVar[bool] = False
    import_write: ClassVar[str] = ""
    import_references: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "resource" in vars(cls):
            require_supported(cls.resource)

    @classmethod
    def has_tenant(cls) -> bool:
        return cls.resource.has_tenant

    def before_create(self, values: Values) -> None:
        """Check or complete the values of a new row.

        Runs for POST, GraphQL and each row of an import. Raise `ValidationFailed.at` to refuse.
        """

    def before_write(self, values: Values) -> None:
        """Check or change the values of a write: POST, PUT, PATCH, GraphQL, each row of an import.

        `values` has the fields that were sent. A POST has passed `before_create` before.
        """

    def create(
        self, values: Mapping[str, object], key: IdempotencyKey | None = None
    ) -> Representation:
        """Add a row by the rules, and return it. With a key, the statement stores the response.

        Raises ValidationFailed by a rule, the errors of the table's constraints, such as Duplicate,
        and with a key also IdempotencyInProgress and IdempotencyKeyReused.
        """
        values = dict(values)
        self.before_create(values)
        self.before_write(values)
        return super().create(self._to_sql(values), key)

    def _inserts_of(self, values: Mapping[str, object]) -> Mapping[str, str]:
        self._require_written(values, self._insert_names)
        missing = self._optional_names.difference(values)
        if self._insert_names is not None and (missing or isinstance(self.resource.tenant, Via)):
            return sql.inserts(type(self), missing, guarded=True)
        return self.inserts

    def _check_of(self, changed: frozenset[str] | None = None) -> tuple[str, ...]:
        check = _reference_check(self.resource, self.projection.alias, changed)
        return (check,) if check else ()

    def _guard_of(self, changed: frozenset[str]) -> str:
        return _update_guard(self.resource, self.projection.alias, changed)

    def _update(
        self,
        projection: Projection,
        key: Key,
        changes: Mapping[str, object],
        precondition: Precondition,
    ) -> Representation:
        changes = dict(changes)
        self.before_write(changes)
        self._require_written(changes, self.assignments if changes else ())
        return super()._update(projection, key, self._to_sql(changes), precondition)

    def _to_sql(self, values: Values) -> Values:
        """Return the values as they are bound."""
        texts = {
            field.name: field.to_sql(values[field.name])
            for field in self.resource.converted
            if values.get(field.name) is not None
        }
        return {**values, **texts}

    def _require_written(self, values: Collection[str], written: Collection[str] | None) -> None:
        """Raise DeclarationError if a rule added a field that the statement does not write."""
        others = set(values) - set(values if written is None else written)
        if others:
            names = ", ".join(sorted(others))
            raise DeclarationError(
                f"{type(self).__name__}: a rule sets {names}, which this statement does not write: "
                "clients must be able to write the field, or `inserts` and `assignments` have it"
            )


_reference_check = lru_cache(maxsize=256)(reference_check)
_update_guard = lru_cache(maxsize=256)(update_guard)
