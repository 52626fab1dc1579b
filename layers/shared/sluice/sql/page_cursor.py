"""Opaque, signed cursors.

A cursor holds the sort keys of one row and a direction. It is signed together with its context:
the list, the sort and the filters, which the cursor does not contain. So a changed cursor, or one
of another list, is rejected before any of its values reaches SQL. The values are not encrypted.
"""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from typing import NamedTuple

from sluice.errors import FieldError, InvalidCursor

_MAC_BYTES = 12  # 96 bits: a forgery takes 2**95 requests on average


class Position(NamedTuple):
    """A place in a list: the sort keys of a row, as PostgreSQL writes them. None is NULL.

    The position selects the rows after it, or before it with `backward`. `inclusive` adds the row
    itself.
    """

    keys: tuple[str | None, ...]
    backward: bool = False
    inclusive: bool = False


class CursorSigner:
    """Encodes positions as cursors and decodes them, with one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def sign(self, position: Position, context: str) -> str:
        """Return a cursor for `position` that is valid only with the same `context`."""
        # Characters are not escaped, because the length of a URL is limited. A character in UTF-8
        # has at most four bytes, its escape up to twelve.
        values = [int(position.backward), int(position.inclusive), *position.keys]
        payload = json.dumps(values, separators=(",", ":"), ensure_ascii=False).encode()
        return urlsafe_b64encode(self._mac(payload, context) + payload).rstrip(b"=").decode()

    def verify(self, cursor: str, context: str, parameter: str = "cursor") -> Position:
        """Return the position in `cursor`.

        Raises InvalidCursor, which names `parameter`, unless it was signed with this key and
        `context`.
        """
        try:
            raw = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        except (UnicodeEncodeError, Base64Error):
            raise _invalid(parameter) from None
        mac, payload = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        # Base64 decoding ignores stray bits and characters, so that different cursors may decode
        # to the same bytes.
        is_canonical = urlsafe_b64encode(raw).rstrip(b"=").decode() == cursor
        if not is_canonical or not hmac.compare_digest(mac, self._mac(payload, context)):
            raise _invalid(parameter)
        backward, inclusive, *keys = json.loads(payload)
        return Position(tuple(keys), backward=bool(backward), inclusive=bool(inclusive))

    def _mac(self, payload: bytes, context: str) -> bytes:
        return hmac.digest(self._key, context.encode() + b"\0" + payload, "sha256")[:_MAC_BYTES]


def _invalid(parameter: str) -> InvalidCursor:
    """Return one error for every reason, so that a response does not help to forge a cursor."""
    message = "was not made by this list, sort and filters"
    return InvalidCursor(errors=[FieldError("invalid", message, parameter=parameter)])
