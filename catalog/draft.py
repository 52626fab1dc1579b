"""Draft: what the catalogue says of an application, before it is written or compared.

adopt writes a draft as source. drift compares one with the declarations. catalog/classify.py makes
it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from catalog.expression import Expression, Name, evaluate
from sluice.resource import Resource

RESOURCE = Name("sluice.resource", "Resource")


class Table(NamedTuple):
    """The name of a table or view, with its schema."""

    schema: str
    name: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True, kw_only=True)
class AdoptRequest:
    """What to adopt.

    app: the name of the application.
    tables: patterns such as `crm.*` and `public.artist`, in the order that decides about names.
        Those after `!` are not adopted: `!crm.audit_*`.
    view_keys: the columns that identify a row, by the name of the view with or without schema.
    group: one function for each schema, or one for each resource.
    known: the resources that the application has already. Their names and keys are kept, and
        relations reference them. A table that a known resource has as a junction stays one.
    tenant: the column of the tenant in each table that has it. Empty: there are no tenants.
    tenant_columns: other columns by which the tenant is known, by the name of the table.
    shared: patterns of the tables whose rows all tenants share.
    """

    app: str
    tables: Sequence[str]
    view_keys: Mapping[str, Sequence[str]] = field(default_factory=dict)
    group: Literal["schema", "resource"] = "schema"
    known: Sequence[Resource] = ()
    tenant: str = ""
    tenant_columns: Mapping[str, str] = field(default_factory=dict)
    shared: Sequence[str] = ()


class DraftMember(NamedTuple):
    """A field or a relation, or one that is left out.

    column: the name of the column in the database. Of a relation, its name.
    expression: the declaration, or None if the member is left out.
    comment: printed above the declaration: why it was decided so, or why it is left out.
    """

    column: str
    expression: Expression | None
    comment: str = ""


class DraftDecision(NamedTuple):
    """What was decided where something else is possible.

    subject: the table, or the column as `crm.deals.amount`.
    chosen: what the declaration says now.
    otherwise: how to decide otherwise: an argument of `make adopt`, or a change of the file.
    """

    subject: str
    chosen: str
    otherwise: str


class Refusal(NamedTuple):
    """What is not served.

    subject: the table, the column as `crm.deals.amount`, the list as `deals.notes`, or the
        function.
    reason: why.
    remedy: a DDL statement, an argument of `make adopt`, or what to write into the file.
    is_ddl: whether the remedy is a DDL statement.
    """

    subject: str
    reason: str
    remedy: str
    is_ddl: bool = False


@dataclass(kw_only=True)
class DraftResource:
    """A resource that is not written yet.

    table: the table or view.
    module: the name of the file without `.py`.
    title: the plural in words, for the docstring of the module.
    key: one to four fields.
    fields: the other columns in the order of the table, also those that are left out.
    relations: lists, referenced rows of several columns and functions, also those refused.
    options: the other attributes of Resource, in its order: writes, etag, import_key, …
    comments: what is printed above an option, by its name.
    decisions: what could be decided otherwise.
    notes: what to know about the table, such as that it has row-level security.
    is_known: whether the application declares it already.
    """

    table: Table
    name: str
    singular: str
    description: str
    group: str
    module: str
    key: list[DraftMember]
    fields: list[DraftMember]
    relations: list[DraftMember] = field(default_factory=list)
    constraints: list[Expression] = field(default_factory=list)
    options: dict[str, object] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)
    decisions: list[DraftDecision] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    is_known: bool = False

    @property
    def expression(self) -> Expression:
        """The call of Resource, without comments. What is empty is left out."""
        key = [member.expression for member in self.key]
        parts: dict[str, object] = {
            "fields": _calls(self.fields),
            "constraints": list(self.constraints),
            "relations": _calls(self.relations),
        }
        options: dict[str, object] = {
            "name": self.name,
            "singular": self.singular,
            "description": self.description,
            "table": str(self.table),
            "group": self.group,
            "key": key[0] if len(key) == 1 else key,
            "fields": [],
            **{name: part for name, part in parts.items() if part},
            **self.options,
        }
        return Expression(RESOURCE, (), options)

    def resource(self) -> Resource:
        """Return the evaluated resource. Raise DeclarationError if it contradicts itself."""
        resource = evaluate(self.expression)
        assert isinstance(resource, Resource)  # noqa: S101 - what RESOURCE returns
        return resource


@dataclass(kw_only=True)
class Draft:
    """All resources of an application.

    refusals: the tables, lists and columns that are not served, and why.
    functions_not_served: the functions of the database. The remedy is the line to add.
    search_path: the schemas that the tables' triggers, functions and types need. Empty: public.
    """

    app: str
    resources: list[DraftResource] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    functions_not_served: list[Refusal] = field(default_factory=list)
    search_path: tuple[str, ...] = ()


def _calls(members: Sequence[DraftMember]) -> list[Expression]:
    return [member.expression for member in members if member.expression is not None]
