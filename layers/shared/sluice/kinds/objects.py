"""Read JSON objects: the fields of a body, or of an element of a list in a body.

Also read a list or an object in a query string or a CSV file, which is a text of JSON.
"""

import json
from collections import Counter
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any, Final, NoReturn

from sluice.errors import FieldError, ValidationFailed
from sluice.kinds.field import Field, Schema, reject

NOT_JSON: Final = object()  # no kind accepts it
IGNORED: Schema = {"readOnly": True, "description": "Set by the server; ignored in a request."}


def read_object(
    document: object,
    pointer: str,
    fields: Mapping[str, Field],
    *,
    required: Collection[str],
    ignored: Collection[str],
) -> dict[str, Any]:
    """Return the values of the fields of an object. Fields named in `ignored` are left out.

    Raise ValidationFailed with all invalid, missing and unknown fields.
    """
    if not isinstance(document, dict):
        reject(pointer, "type", "must be an object")
    values: dict[str, Any] = {}
    errors = [
        FieldError("required", "is missing", pointer=f"{pointer}/{name}")
        for name in required
        if name not in document
    ]
    for name, value in document.items():
        field = fields.get(name)
        if field is not None:
            try:
                values[name] = field.read(value, f"{pointer}/{name}")
            except ValidationFailed as error:
                errors.extend(error.errors)
        elif name not in ignored:
            where = f"{pointer}/{_token(name)}"
            errors.append(FieldError("unknown_field", "is not a known field", pointer=where))
    if errors:
        raise ValidationFailed(errors=errors)
    return values


def object_schema(
    properties: Mapping[str, Schema], *, required: Collection[str], ignored: Collection[str]
) -> Schema:
    """Return the JSON Schema of what `read_object` accepts."""
    schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": {**properties, **dict.fromkeys(ignored, IGNORED)},
    }
    return schema | ({"required": list(required)} if required else {})


def json_of(text: str) -> object:
    """Return the value of a text of JSON, with fractions as Decimal; NOT_JSON if it is none."""
    try:
        return json.loads(
            text,
            parse_float=Decimal,
            parse_constant=_reject_constant,
            object_pairs_hook=_object_of,
        )
    except (ValueError, ArithmeticError, RecursionError):
        return NOT_JSON


def parse_json(field: Field, text: str) -> object:
    """Return a field's value of a text of JSON. Raise ValueError with the reason."""
    value = json_of(text)
    if value is NOT_JSON:
        raise ValueError("must be JSON")
    try:
        return field.read_value(value, "")
    except ValidationFailed as error:
        raise ValueError(error.errors[0].message) from None


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    counts = Counter(name for name, _ in pairs)
    if len(counts) < len(pairs):
        raise ValueError("a name occurs twice")
    return dict(pairs)


def _token(name: str) -> str:
    """Escape a field name for a JSON pointer (RFC 6901), and cut it after 100 characters."""
    printable = name[:100].encode("utf-8", "replace").decode()
    return printable.replace("~", "~0").replace("/", "~1")
