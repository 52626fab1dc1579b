"""The key of a row, in its three forms: values, a path, and the ID of GraphQL.

A key is a tuple with a value for each column, as a JSON row has it or as `Field.parse_path` returns
it. Both forms can be bound. Two forms of one key may differ, such as a citext in another case: so
statements return the position of a requested key, and Python never compares keys of rows.
"""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Sequence
from typing import Any, Final, TypeAlias
from urllib.parse import unquote

from sluice.errors import FieldError, InvalidParameter, NotFound, SluiceError
from sluice.kinds.field import Field
from sluice.kinds.integer import BigInt

Key: TypeAlias = tuple[Any, ...]
PARAMETERS: Final = ("id", "id1", "id2", "id3")  # of the key's columns, in statements
LISTS: Final = ("ids", "ids1", "ids2", "ids3")  # of these columns of several keys
PLAIN = re.compile(r"[A-Za-z0-9._-]+", re.ASCII)
ENCODED = "~"  # before base64url


def params_of(fields: Sequence[Field], key: Key) -> dict[str, object]:
    """Return a key as the parameters of a statement."""
    values = zip(PARAMETERS, fields, key, strict=False)
    return {name: field.to_sql(value) for name, field, value in values}


def params_of_many(fields: Sequence[Field], keys: Sequence[Key]) -> dict[str, object]:
    """Return keys as the parameters of a statement: a list for each column."""
    columns = zip(LISTS, fields, zip(*keys, strict=True), strict=False)
    return {name: [field.to_sql(value) for value in values] for name, field, values in columns}


def unnested(fields: Sequence[Field]) -> str:
    """Return the FROM item of the keys in `params_of_many`, a row for each."""
    lists = zip(LISTS, fields, strict=False)
    arrays = ", ".join(f"CAST(:{name} AS {field.sql_type}[])" for name, field in lists)
    return f"unnest({arrays}) WITH ORDINALITY"


def of_segment(field: Field, segment: str) -> object:
    """Return the value of a column in a segment of a path, which is percent-encoded.

    After `~`, base64url has one spelling of a text. Raises InvalidParameter, or NotFound if no row
    can have the value.
    """
    return field.parse_path(_text_of(segment, field.name))


def to_path(key: Key) -> str:
    """Return a key as in `Location`. What could be changed on the way is in base64url."""
    return "/".join(_segment(text_of(value)) for value in key)


def of_id(fields: Sequence[Field], text: str) -> Key | None:
    """Return the key of GraphQL's `id`, or None if no row can have it."""
    values: object = [text]
    try:
        if len(fields) > 1:
            values = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            if not isinstance(values, list) or len(values) != len(fields):
                return None
            return of_values(fields, values) if to_id(values) == text else None
        return (fields[0].parse_id(text),)
    except (ValueError, SluiceError, RecursionError):
        return None


def of_values(fields: Sequence[Field], values: Sequence[object]) -> Key | None:
    """Return the key with these JSON values, or None if no row can have it."""
    try:
        return tuple(_read(f, value) for f, value in zip(fields, values, strict=True))
    except (ValueError, SluiceError):
        return None


def to_id(value: object) -> str:
    """Return GraphQL's `id` of a row by its member `id`: the key's value, or a list of them."""
    if not isinstance(value, list):
        return text_of(value)
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return _in_base64(text)


def of_representation(fields: Sequence[Field], id: str) -> Key:
    """Return the key of a Representation with this `id`."""
    if len(fields) > 1:
        return tuple(json.loads(id))
    return (int(id) if isinstance(fields[0], BigInt) else id,)


def text_of(value: object) -> str:
    """Return a value of a key as text."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _read(field: Field, value: object) -> object:
    return field.parse_id(value) if isinstance(value, str) else field.read(value, "")


def _segment(text: str) -> str:
    if PLAIN.fullmatch(text) and text not in (".", ".."):
        return text
    return ENCODED + _in_base64(text)


def _in_base64(text: str) -> str:
    return urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def _text_of(segment: str, name: str) -> str:
    if segment.isalnum():  # neither % nor ~, as in most requests
        return segment
    text = unquote(segment, errors="surrogateescape")
    if not text.startswith(ENCODED):
        return text
    encoded = text[1:]
    try:
        decoded = urlsafe_b64decode(encoded.encode("ascii") + b"=" * (-len(encoded) % 4)).decode()
    except (UnicodeError, Base64Error):
        error = FieldError("invalid", "must be base64url after ~", parameter=name)
        raise InvalidParameter(errors=[error]) from None
    if _in_base64(decoded) != encoded:
        raise NotFound  # Python ignores stray bits and characters
    return decoded
