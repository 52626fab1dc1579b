"""Schemas of request bodies. Validation reports all invalid fields of a body at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sluice.errors import FieldError, ValidationFailed
from sluice.kinds.field import Field
from sluice.kinds.objects import read_object

if TYPE_CHECKING:
    from sluice.resource import Resource
    from sluice.sql.key import Key

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
        merge_patch: bool = True,
    ) -> None:
        self.fields = {field.name: field for field in fields}
        self.read_only = read_only
        self.optional = optional
        self.patch_required = patch_required
        self.max_bytes = max_bytes
        self.immutable = {field.name: field for field in immutable}
        self.merge_patch = merge_patch
        self._accepted = {**self.immutable, **self.fields}

    @property
    def may_be_missing(self) -> bool:
        """Whether a request without content has the body `{}`."""
        return False

    def required(self, method: str) -> Collection[str]:
        """Return the names of the fields that a body of this method must have. A PUT needs all."""
        if method == "PATCH":
            return self.patch_required
        return [name for name in self.fields if method != "POST" or name not in self.optional]

    def read_body(self, document: object, method: str) -> dict[str, Any]:
        """Return the values of a parsed body. Raise ValidationFailed with all invalid fields."""
        required = self.required(method)
        return read_object(document, "", self._accepted, required=required, ignored=self.read_only)


class OptionalBody(BodySchema):
    """A body of which every field may be left out that has another value. It may then be missing.

    So are the arguments of a function, and the payload of a link.
    """

    @property
    def may_be_missing(self) -> bool:
        return not self.required("")

    def required(self, method: str) -> Collection[str]:
        return [field.name for field in self.fields.values() if field.required]


def body_of_new(resource: Resource) -> BodySchema:
    """Return the body of a POST. What a POST may not set is ignored."""
    fields = resource.writable
    return BodySchema(
        fields,
        read_only=_other_names(resource, fields),
        optional=[field.name for field in fields if not field.required],
    )


def body_of_changes(resource: Resource) -> BodySchema:
    """Return the body of a PUT or PATCH. Fields that only a POST may set are ignored.

    A body may repeat the key, if a POST sets it. See `without_key`.
    """
    fields = [field for field in resource.changeable if field not in resource.keys]
    keys = [key for key in resource.keys if not key.read_only]
    others = _other_names(resource, [*fields, *keys])
    return BodySchema(fields, read_only=others, immutable=keys)


def without_key(resource: Resource, values: Mapping[str, Any], key: Key) -> dict[str, Any]:
    """Return the values of a body without the fields of the key.

    Raise ValidationFailed if one has another value than in the path, because it cannot be changed.
    """
    others = dict(values)
    errors = []
    for field, value in zip(resource.keys, key, strict=True):
        if not _is_same(field, others.pop(field.name, value), value):
            pointer = f"/{field.name}"
            errors.append(FieldError("invalid", "cannot be changed", pointer=pointer))
    if errors:
        raise ValidationFailed(errors=errors)
    return others


def _is_same(field: Field, sent: object, value: object) -> bool:
    if not isinstance(sent, str) or not isinstance(value, str):
        return sent == value
    sent, value = sent.strip(), value.strip()  # a body has no text with blanks around it
    ignores_case = getattr(field, "ignore_case", False) or field.sql_type.endswith("citext")
    return sent.casefold() == value.casefold() if ignores_case else sent == value


def _other_names(resource: Resource, fields: Collection[Field]) -> list[str]:
    return [field.name for field in resource.all_fields if field not in fields]
