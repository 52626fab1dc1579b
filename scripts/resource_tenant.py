"""The tenant of a new resource: its column, or none because all tenants share the rows."""

from collections.abc import Sequence
from dataclasses import dataclass

from catalog.constraints import CONSTRAINT
from catalog.expression import Expression, Name
from scripts.resource_fields import NewField, ResourceError, require_name
from sluice.resource import Resource
from sluice.tenant_columns import SHARED, tenant_field

SHARED_ROWS = Name("sluice.resource", "SHARED")


@dataclass(frozen=True)
class NewTenant:
    """Where a row of the new table has its tenant. Without a column, all tenants share the rows.

    other: a resource of the application whose rows have a tenant in a column of theirs.
    owner: the resource whose rows are the tenants, if the application has one.
    """

    column: str
    other: Resource
    owner: Resource | None

    @property
    def members(self) -> list[Expression]:
        """The declaration of the column. Clients read it, and never set it."""
        if not self.column:
            return []
        field = tenant_field(self.other)
        assert field is not None  # noqa: S101 - `other` was found by it
        kind = next(each for each in type(field).__mro__ if each.__module__ in KIND_MODULES)
        target = Name(kind.__module__, kind.__name__)
        if self.owner is None:
            return [Expression(target, (self.column,), {"read_only": True})]
        options = {"resource": self.owner.name, "kind": target, "read_only": True}
        return [Expression(Name("sluice.kinds.ref", "Ref"), (self.column,), options)]

    @property
    def value(self) -> object:
        """The value of `tenant=` in the declaration."""
        return self.column or SHARED_ROWS

    def constraints(self, table: str, fields: Sequence[NewField]) -> list[Expression]:
        """Return the unique keys, which are those of one tenant."""
        return [
            Expression(
                CONSTRAINT,
                ([self.column, each.name], f"{table}_{self.column}_{each.name}_key"),
            )
            for each in fields
            if self.column and each.unique
        ]


KIND_MODULES = tuple(f"sluice.kinds.{name}" for name in ("uuid", "integer", "text", "citext"))


def new_tenant(text: str, resources: Sequence[Resource]) -> NewTenant | None:
    """Return the tenant that TENANT names. Raise ResourceError if it is wrong, or missing."""
    others = [each for each in resources if each.has_tenant and tenant_field(each)]
    if not others:
        if text:
            message = "TENANT: the application has no tenants yet. docs/tenants.md says how to add"
            raise ResourceError(f"{message} them: each resource needs one, or is shared")
        return None
    columns = sorted({str(each.tenant) for each in others if not _is_owner(each)})
    if not text:
        example = columns[0] if columns else "organisation_id"
        message = "set TENANT to the column of the tenant, or to shared"
        raise ResourceError(f"the application has tenants: {message}, such as TENANT={example}")
    owner = next((each for each in others if _is_owner(each)), None)
    if text == SHARED:
        return NewTenant("", others[0], owner)
    require_name(text, "TENANT")
    return NewTenant(text, others[0], owner)


def _is_owner(resource: Resource) -> bool:
    """Return whether each row is a tenant itself."""
    return [key.column for key in resource.keys] == [resource.tenant]
