"""Which parts of a resource can be ejected: those that no method or attribute takes over yet."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from scripts.derive.scan import FoundResource
from sluice.kinds.field import Field
from sluice.resource import Resource
from sluice.sql.identifiers import quoted
from sluice.sql.list_spec import Filter
from sluice.sql.resource_repository import ResourceRepository

# What each part sets. A part is not ejected if the repository sets one of these itself.
SETS = {
    "columns": ("projection",),
    "get": ("get_by_id",),
    "create": ("create", "inserts"),
    "update": ("update", "assignments"),
    "delete": ("delete",),
    "filters": ("filter_sql",),
}


@dataclass(frozen=True)
class Ejected:
    """A resource to eject, with the names in its two new files."""

    found: FoundResource

    @property
    def resource(self) -> Resource:
        """The declaration."""
        return self.found.resource

    @property
    def repository(self) -> type[ResourceRepository]:
        """The class that the SQL is for."""
        repository: type[ResourceRepository] = self.found.repository
        return repository

    @property
    def module(self) -> str:
        """The module of the declaration."""
        return self.found.declaration.partition(":")[0]

    @property
    def class_name(self) -> str:
        """The name of the class with the SQL, such as DealSql."""
        return "".join(map(str.capitalize, self.resource.singular.split("_"))) + "Sql"

    @property
    def filters(self) -> Mapping[str, Filter]:
        """The filters of the list that need no join."""
        filters = self.repository.list_spec.filters
        return {name: each for name, each in filters.items() if each.join is None}

    def parts(self) -> list[str]:
        """Return the parts that are ejected.

        With a tenant, new and changed rows stay derived: which references their statements check
        depends on the fields that a request sends.
        """
        writes = {*self.resource.writes}
        if self.resource.has_tenant:
            writes -= {"create", "replace", "update"}
        wanted = {
            "create": "create" in writes and _are_own(self.resource.writable),
            "update": bool(writes & {"replace", "update"}) and _are_own(self.resource.changeable),
            "delete": "delete" in writes,
            "filters": bool(self.filters),
        }
        by_hand = {name for name, _ in self.by_hand()}
        return [part for part in SETS if wanted.get(part, True) and part not in by_hand]

    def by_hand(self) -> Iterator[tuple[str, str]]:
        """Yield each part that stays as it is, with the name that the repository sets."""
        own = self.repository.__mro__[: self.repository.__mro__.index(ResourceRepository)]
        for part, names in SETS.items():
            for name in names:
                if any(name in vars(each) for each in own):
                    yield part, name
                    break

    def returned(self) -> tuple[str, ...]:
        """Return the columns that a write returns to the SELECT around it."""
        return self.repository.projection.row_columns or ("*",)

    def inserted(self) -> Mapping[str, tuple[str, str]]:
        """Return the column and the value of each field that a POST may set."""
        return {
            field.name: (quoted(field.column), field.bind(field.name))
            for field in self.resource.writable
        }


def _are_own(fields: Iterable[Field]) -> bool:
    """Return whether the resource's own table has all of these fields."""
    return not any(field.needs_column_sql for field in fields)
