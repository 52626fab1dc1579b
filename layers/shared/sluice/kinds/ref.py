"""Ref: a foreign key, and the many-to-one relation that it makes."""

from typing import Protocol, Unpack

from sluice.kinds.field import Field, FieldOptions, Reference
from sluice.kinds.integer import BigInt


class Kind(Protocol):
    """A kind that needs no options of its own, or a `partial` that has them."""

    def __call__(self, name: str, **options: Unpack[FieldOptions]) -> Field: ...


def from_one(name: str, **options: Unpack[FieldOptions]) -> Field:
    """Return the kind of most keys: a bigint from 1."""
    return BigInt(name, minimum=1, **options)


def Ref(
    name: str,
    *,
    resource: str,
    kind: Kind = from_one,
    key_kind: Kind = from_one,
    relation: str = "",
    shown_as: str = "",
    by: str = "",
    **options: Unpack[FieldOptions],
) -> Field:
    """Return the field of a column that references a row of another resource.

    It is a field of the kind of that row's key, and clients see the key.

    resource: the name of the other resource. Its module is not imported.
    kind: the kind of the other resource's key, such as `partial(Char, max_length=2)`.
        `make derive` compares them.
    relation: the name in `?expand=` and in GraphQL; by default the column without `_id`.
    shown_as, by: REST has the other row's unique field `by` instead, under the name `shown_as`.
        `kind` is then that of the field `by`, and `key_kind` that of the key. The repository has
        the SQL. GraphQL has the relation and takes the id.
    """
    options["column"] = name
    field = kind(shown_as or name, **options)
    key = key_kind(name, nullable=field.nullable) if by else field
    field.reference = Reference(resource, relation or name.removesuffix("_id"), key, by)
    return field
