"""Findings: what a declaration and a live catalogue do not agree about, and the line to change."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from catalog.expression import Expression

Action = Literal["add", "change", "remove"]
REMOVED = object()  # the value of an option that a declaration should not have any more


@dataclass(frozen=True, kw_only=True)
class Edit:
    """How a person changes a declaration.

    attribute: that of Resource which has the line: key, fields, relations, constraints, writes.
    name: the field or the relation that is there. Empty: the attribute itself.
    expression: the line to add, or the new kind with its options.
    options: the options to set. REMOVED takes one away.
    """

    action: Action
    attribute: str
    name: str = ""
    expression: Expression | None = None
    options: Mapping[str, object] = field(default_factory=dict)


class Finding(NamedTuple):
    """One difference, or a note: what changed without changing a response.

    resource: the name of the resource. Empty: a table without one.
    subject: the table, the column or the function in the database.
    message: what the database has.
    """

    resource: str
    subject: str
    message: str
    edit: Edit | None = None
    is_difference: bool = True
