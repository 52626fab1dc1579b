"""Opaque, signed positions in a list.

A cursor says where a page ended: the sort-key values of one row and which way to go on from it.
It is signed together with the list, sort and filters it was made under (they are not in it), so one
that was changed, or is used elsewhere, is refused before any value of it reaches SQL. It hides nothing.
"""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass

from sluice.errors import FieldError, InvalidCursor

_MAC_BYTES = 12  # 96 bits: forging one takes 2**95 requests on average


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a list: the row's sort-key values as PostgreSQL prints them (None is NULL), and what lies beyond.

    `backward` asks for the rows before it instead of after it; `inclusive` counts the row itself in.
    """

    keys: tuple[str | None, ...]
    backward: bool = False
    inclusive: bool = False


class CursorSigner:
    """Turns positions into cursors and back, under one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def sign(self, position: Position, scope: str) -> str:
        """A cursor for `position`, good only where `scope` (list, sort and filters) is the same."""
        # Not in ASCII: four bytes at most for a character, where an escape takes twelve. Addresses have a limit.
        values = [int(position.backward), int(position.inclusive), *position.keys]
        payload = json.dumps(values, separators=(",", ":"), ensure_ascii=False).encode()
        return urlsafe_b64encode(self._mac(payload, scope) + payload).rstrip(b"=").decode()

    def verify(self, cursor: str, scope: str, parameter: str = "cursor") -> Position:
        """Return the position in `cursor`.

        InvalidCursor, naming `parameter`, unless it was signed under this key for this `scope`.
        """
        try:
            raw = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        except (UnicodeEncodeError, Base64Error):
            raise _refused(parameter) from None
        mac, payload = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        # Decoding passes over stray bits and characters, so a changed cursor may decode to the same bytes.
        unchanged = urlsafe_b64encode(raw).rstrip(b"=").decode() == cursor
        if not unchanged or not hmac.compare_digest(mac, self._mac(payload, scope)):
            raise _refused(parameter)
        backward, inclusive, *keys = json.loads(payload)
        return Position(tuple(keys), backward=bool(backward), inclusive=bool(inclusive))

    def _mac(self, payload: bytes, scope: str) -> bytes:
        return hmac.digest(self._key, scope.encode() + b"\0" + payload, "sha256")[:_MAC_BYTES]


def _refused(parameter: str) -> InvalidCursor:
    """One text for every reason, so that trying tells nothing."""
    return InvalidCursor(
        errors=[
            FieldError(
                "invalid", "was not made by this list, sort and filters", parameter=parameter
            )
        ]
    )
