"""The tenant of each adopted table: its column, a row that it references, or shared by all.

`adopt` refuses to guess. A table with several ways to a tenant, or with none, is not served unless
TENANT or SHARED says what it is.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from catalog.draft import AdoptRequest, Refusal
from catalog.errors import AdoptError
from catalog.expression import evaluate
from catalog.foreign_keys import ForeignKey, kind_of_reference
from catalog.kinds import named
from catalog.tables import AdoptedTable
from sluice.kinds.field import Field
from sluice.resource import SHARED, Via
from sluice.sql.identifiers import quoted
from sluice.tenant_columns import SQL_TYPES

VIEWS = ("v", "m", "f")  # TableSnapshot.kind: the catalogue does not know NOT NULL


def set_columns(tables: Sequence[AdoptedTable], request: AdoptRequest) -> None:
    """Give each table the column of its tenant, if it has one, and known ones what they declare."""
    for each in tables:
        if each.known is not None:
            each.tenant = each.known.tenant
        elif request.tenant:
            each.tenant = _own_column(each, request)


def require_names(tables: Sequence[AdoptedTable], request: AdoptRequest) -> None:
    """Raise AdoptError if no table has the tenant's column, or a name is that of none."""
    for name, column in request.tenant_columns.items():
        if not any(_is_named(each, name) and column in each.table.by_name for each in tables):
            raise AdoptError(f"TENANT: no table of TABLES is {name} with a column {column}")
    for name in request.shared:
        if not any(_is_named(each, name) for each in tables):
            raise AdoptError(f"SHARED: no table of TABLES is named {name}")
    if request.tenant and not any(request.tenant in each.table.by_name for each in tables):
        raise AdoptError(f"TENANT: no table of TABLES has the column {request.tenant}")


class Tenants:
    """Which tables have a tenant. `links` are the names of the junction tables."""

    def __init__(
        self,
        tables: Sequence[AdoptedTable],
        keys: Sequence[ForeignKey],
        links: Iterable[str],
        request: AdoptRequest,
    ) -> None:
        self._request = request
        self._keys = [key for key in keys if key.problem is None]
        self._links = {*links}
        self._new = [each for each in tables if each.known is None]
        for each in tables:
            each.is_of_tenant = self._is_of_tenant(each)
        self._with_column = [each for each in tables if each.has_tenant or each.is_of_tenant]
        self._reached = {each.table.qualified for each in self._with_column}
        while found := {*self._further()}:
            self._reached |= found

    def refusals(self) -> list[Refusal]:
        """Give each table its tenant. Return the tables that have none, or not a single one."""
        refused = {each.table.qualified: self._refusal(each) for each in self._new}
        found = {name: refusal for name, refusal in refused.items() if refusal is not None}
        while follow := {*self._below(found)} - {*found}:
            found |= {name: _without_parent(name) for name in sorted(follow)}
        return [*found.values()]

    def _is_of_tenant(self, each: AdoptedTable) -> bool:
        """Return whether the tenant's columns of other tables reference the key of this table."""
        return len(each.key) == 1 and any(
            key.to is each and key.of is not each and key.columns == (self._column(key.of),)
            for key in self._keys
        )

    def _column(self, each: AdoptedTable) -> object:
        """Return the tenant's column that all tables of a kind have: new ones, or known ones."""
        return each.tenant if each.known is not None else self._request.tenant

    def _further(self) -> Iterator[str]:
        """Yield the tables that reference a row with a tenant, and are not known to do so yet."""
        known = self._reached | self._links
        for each in self._new:
            name = each.table.qualified
            if name not in known and not self._is_shared(each) and any(self._ways(each)):
                yield name

    def _ways(self, each: AdoptedTable) -> Iterator[ForeignKey]:
        """Yield the foreign keys by which each row has a tenant: they cannot be NULL."""
        for key in self._keys:
            is_way = key.of is each and key.to is not each and self._reaches(key)
            if is_way and not any(each.kinds[column].is_nullable for column in key.columns):
                yield key

    def _reaches(self, key: ForeignKey) -> bool:
        """Return whether a foreign key references rows that have a tenant."""
        return key.to.table.qualified in self._reached

    def _is_shared(self, each: AdoptedTable) -> bool:
        return any(_is_named(each, name) for name in self._request.shared)

    def _refusal(self, each: AdoptedTable) -> Refusal | None:
        """Return why a table is not served, or give it its tenant."""
        name, column = each.table.qualified, self._request.tenant
        if self._is_shared(each):
            return self._shared(each)
        chosen = self._chosen(each)
        if chosen is not None and chosen.to is not each and not chosen.to.is_of_tenant:
            each.tenant = Via(chosen.columns[0])
            return _may_be_null(each, chosen.columns[0])
        if each.tenant or each.is_of_tenant:
            each.tenant = each.tenant or each.key[0]
            return _wrong_column(each, str(each.tenant), self._type(each), self._tenant_type())
        if name in self._links:
            return None
        ways = [*self._ways(each)]
        if len(ways) == 1 and len(ways[0].columns) == 1:
            (way,) = ways[0].columns
            each.tenant = way if ways[0].to.is_of_tenant else Via(way)
            return None
        if not ways:
            return _without_way(each, column, self._nullable_ways(each), self._tenant_type())
        return _several_ways(each, column, ways)

    def _shared(self, each: AdoptedTable) -> Refusal | None:
        """Share the rows of a table, unless it has to do with tenants."""
        name, remedy = each.table.qualified, "leave it out of SHARED"
        if each.tenant:
            return Refusal(name, f"SHARED names it, and it has the column {each.tenant}", remedy)
        for key in self._keys:
            if key.of is each and self._reaches(key):
                what = f"{', '.join(key.columns)} references {key.to.table.qualified}"
                reason = f"SHARED names it, and {what}, whose rows have tenants"
                return Refusal(name, reason, remedy)
        each.tenant = SHARED
        return None

    def _chosen(self, each: AdoptedTable) -> ForeignKey | None:
        """Return the foreign key of the column that TENANT names for this table."""
        column = _named_column(each, self._request)
        return next((k for k in self._keys if k.of is each and k.columns == (column,)), None)

    def _nullable_ways(self, each: AdoptedTable) -> list[str]:
        """Return the columns that reference a row with a tenant, and may be NULL."""
        return [
            column
            for key in self._keys
            if key.of is each and self._reaches(key)
            for column in key.columns
            if each.kinds[column].is_nullable
        ]

    def _below(self, refused: Mapping[str, Refusal]) -> Iterator[str]:
        """Yield the tables whose tenant is that of a row in a table that is refused."""
        for key in self._keys:
            is_way = key.of.known is None and key.of.tenant == Via(key.columns[0])
            if is_way and key.to.table.qualified in refused:
                yield key.of.table.qualified

    def _type(self, each: AdoptedTable) -> str:
        """Return the SQL type of a table's tenant: that of the key which it references."""
        kind = each.kinds[str(each.tenant or each.key[0])].expression
        for key in self._keys:
            if key.of is each and key.columns == (each.tenant,) and kind is not None:
                other = key.to.kinds[key.to.key[0]].expression
                kind = (kind_of_reference(kind, other) if other else None) or kind
        field = evaluate(named(kind, "tenant")) if kind is not None else None
        return field.sql_type if isinstance(field, Field) else ""

    def _tenant_type(self) -> str:
        """Return the SQL type that most tenants have. Those of known tables come first."""
        known = [each for each in self._with_column if each.known is not None]
        with_column = [each for each in known or self._with_column if not _is_via(each)]
        types = Counter(filter(None, map(self._type, with_column)))
        return types.most_common(1)[0][0] if types else ""


def set_references(keys: Iterable[ForeignKey]) -> None:
    """Tell each table its columns that reference rows which have a tenant."""
    for key in keys:
        if key.problem is None and len(key.columns) == 1 and key.to.has_tenant:
            key.of.references_tenants.add(key.columns[0])


def _own_column(each: AdoptedTable, request: AdoptRequest) -> str:
    """Return the column that TENANT names for a table. Empty: the table does not have it."""
    column = _named_column(each, request) or request.tenant
    return column if column in each.table.by_name else ""


def _named_column(each: AdoptedTable, request: AdoptRequest) -> str:
    """Return the column that TENANT names for this table alone."""
    columns = request.tenant_columns
    return columns.get(each.table.qualified) or columns.get(each.table.name) or ""


def _is_named(each: AdoptedTable, name: str) -> bool:
    return fnmatchcase(each.table.qualified, name) or fnmatchcase(each.table.name, name)


def _is_via(each: AdoptedTable) -> bool:
    return isinstance(each.tenant, Via)


def _wrong_column(each: AdoptedTable, column: str, type_: str, wanted: str) -> Refusal | None:
    """Return why a column cannot be that of the tenant."""
    name, kind = each.table.qualified, each.kinds[column]
    if kind.expression is None:
        return Refusal(name, f"its tenant's column {column} is not shown: {kind.reason}", "")
    if type_ not in SQL_TYPES or type_ != wanted:
        types = ", ".join(SQL_TYPES) if type_ not in SQL_TYPES else wanted
        reason = f"its tenant's column {column} is {kind.sql}, and must be {types}"
        return Refusal(name, reason, "one type for all tenants, which references the same key")
    return _may_be_null(each, column)


def _may_be_null(each: AdoptedTable, column: str) -> Refusal | None:
    if each.table.kind in VIEWS or not each.kinds[column].is_nullable:
        return None
    reason = f"{column} may be NULL, and a row without it has no tenant"
    remedy = f"ALTER TABLE {each.sql_name} ALTER COLUMN {quoted(column)} SET NOT NULL"
    return Refusal(each.table.qualified, reason, remedy, is_ddl=True)


def _without_way(each: AdoptedTable, column: str, nullable: list[str], type_: str) -> Refusal:
    name = each.table.qualified
    reason = f"it has no column {column}, and references no row that has a tenant"
    if nullable:
        alter = ", ".join(f"ALTER COLUMN {quoted(each)} SET NOT NULL" for each in nullable[:1])
        reason = f"it has no column {column}, and {', '.join(nullable)} may be NULL"
        remedy = f"ALTER TABLE {each.sql_name} {alter}; or SHARED='{name}', if all see its rows"
        return Refusal(name, reason, remedy)
    if each.table.kind in VIEWS:
        remedy = f"SHARED='{name}', if all see its rows; or a view with the column {column}"
        return Refusal(name, reason, remedy)
    add = f"ALTER TABLE {each.sql_name} ADD COLUMN {quoted(column)} {type_} NOT NULL"
    return Refusal(name, reason, f"SHARED='{name}', if all see its rows; or {add}")


def _without_parent(name: str) -> Refusal:
    reason = "its tenant is that of a row in a table that is not served"
    return Refusal(name, reason, "what is said of that table")


def _several_ways(each: AdoptedTable, column: str, ways: Sequence[ForeignKey]) -> Refusal:
    name = each.table.qualified
    to = " and ".join(f"{', '.join(key.columns)} ({key.to.table.qualified})" for key in ways)
    choices = [
        f"TENANT='{column} {name}:{key.columns[0]}'" for key in ways if len(key.columns) == 1
    ]
    count = "several ways" if len(ways) > 1 else "a way of several columns"
    remedy = " or ".join(choices) or f"a column {column} in the table"
    return Refusal(name, f"it has {count} to a tenant: {to}", remedy)
