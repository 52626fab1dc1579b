"""Schemas of request bodies. Validation reports all invalid fields of a body at once."""

from collections.abc import Collection, Iterable
from typing import Any

from sluice.kinds.field import Field
from sluice.kinds.objects import read_object
from sluice.resource import Resource

MAX_BODY_BYTES = 1024 * 1024  # after decompression


class BodySchema:
    """The fields of a JSON object that a client may send.

    fields: the fields that a client may write.
    read_only: fields that the server sets. They are accepted and ignored, so that a client can send
        back what it got from a GET.
    optional: fields that a POST may leave out.
    patch_required: fields that a PATCH must have.
    max_bytes: the largest body, after decompression.
    immutable: fields that a body may repeat with the stored value, but not change.
    unique: fields in which no two rows may have the same value. /docs puts a random part into their
        examples, so that an example can be sent more than once.
    merge_patch: whether a PATCH is a JSON merge patch (RFC 7396) and not a command like `delta`.
    """

    def __init__(
        self,
        fields: Iterable[Field],
        *,
        read_only: Collection[str] = (),
        optional: Collection[str] = (),
        patch_required: Collection[str] = (),
        max_bytes: int = MAX_BODY_BYTES,
        immutable: Iterable[Field] = (),
        unique: Collection[str] = (),
        merge_patch: bool = True,
    ) -> None:
        self.fields = {field.name: field for field in fields}
        self.read_only = read_only
        self.optional = optional
        self.patch_required = patch_required
        self.max_bytes = max_bytes
        self.immutable = {field.name: field for field in immutable}
        self.unique = unique
        self.merge_patch = merge_patch
        self._accepted = {**self.immutable, **self.fields}

    def required(self, method: str) -> Collection[str]:
        """Return the names of the fields that a body of this method must have. A PUT needs all."""
        if method == "PATCH":
            return self.patch_required
        return [name for name in self.fields if method != "POST" or name not in self.optional]

    def read_body(self, document: object, method: str) -> dict[str, Any]:
        """Return the values of a parsed body. Raise ValidationFailed with all invalid fields."""
        required = self.required(method)
        return read_object(document, "", self._accepted, required=required, ignored=self.read_only)


def body_of_new(resource: Resource) -> BodySchema:
    """Return the body of a POST. What a POST may not set is ignored."""
    fields = resource.writable
    return BodySchema(
        fields,
        read_only=_other_names(resource, fields),
        optional=[field.name for field in fields if not field.required],
        unique=[field.name for field in fields if field.unique],
    )


def body_of_changes(resource: Resource) -> BodySchema:
    """Return the body of a PUT or PATCH. Fields that only a POST may set are ignored."""
    fields = resource.changeable
    return BodySchema(fields, read_only=_other_names(resource, fields))


def _other_names(resource: Resource, fields: Collection[Field]) -> list[str]:
    return [field.name for field in resource.all_fields if field not in fields]
