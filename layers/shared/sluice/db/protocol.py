"""The bytes of one statement in PostgreSQL's extended protocol, and what of them is worth keeping.

A statement's text is the same in every request, so its Parse message is built once, and pg8000's scan for
placeholders, which looks at one character at a time, runs once.
"""

from collections.abc import Sequence
from functools import lru_cache

from pg8000.core import EXECUTE_MSG, SYNC_MSG, H_pack, i_pack
from pg8000.dbapi import convert_paramstyle
from pg8000.exceptions import DatabaseError

_KEPT = 512
KEPT_LENGTH = 16_384  # longer texts are written once (bulk, reports), and would crowd out memory
_NULL = i_pack(-1)
_BIND_NOTHING: bytes = b"B" + i_pack(12) + b"\x00\x00" + H_pack(0) * 3
_DESCRIBE_PORTAL = b"D" + i_pack(6) + b"P\x00"
EXECUTE_AND_SYNC: bytes = EXECUTE_MSG + SYNC_MSG
FINISH: bytes = _DESCRIBE_PORTAL + EXECUTE_AND_SYNC


def parse(statement: str, oids: Sequence[int], encoding: str, name: bytes = b"") -> bytes:
    """Parse, into the unnamed statement or a named one; `oids` are types that the server shall not infer."""
    if name:
        return _parse(statement, tuple(oids), encoding, name)
    if oids or len(statement) > KEPT_LENGTH:
        return _parse(statement, tuple(oids), encoding)
    return _kept_parse(statement, (), encoding)


def bind(texts: Sequence[str | None], encoding: str, name: bytes = b"") -> bytes:
    """Bind a statement to the unnamed portal, all in text. DatabaseError 22021 for what the encoding cannot spell."""
    if not texts and not name:
        return _BIND_NOTHING
    parts = [b"\x00%b\x00" % name, H_pack(0), H_pack(len(texts))]
    try:
        for text in texts:
            if text is None:
                parts.append(_NULL)
            else:
                raw = text.encode(encoding)
                parts += (i_pack(len(raw)), raw)
    except (
        UnicodeEncodeError
    ) as error:  # half a surrogate pair, which JSON can spell: the server would say the same
        raise DatabaseError(
            {"S": "ERROR", "C": "22021", "M": "invalid character in a parameter"}
        ) from error
    parts.append(H_pack(0))
    return _message(b"B", b"".join(parts))


def run(statement: str, texts: Sequence[str | None] = (), encoding: str = "ascii") -> bytes:
    """Parse, Bind and Execute of a statement that gives no rows, to ride before another's."""
    return b"%b%b%b" % (parse(statement, (), encoding), bind(texts, encoding), EXECUTE_MSG)


def to_numbered_params(style: str, operation: str) -> tuple[str, tuple[str, ...] | None]:
    """The statement with `$n` for any DB-API style; for named styles also the names, in their order."""
    return (_scan if len(operation) > KEPT_LENGTH else _kept_scan)(style, operation)


def close(name: bytes) -> bytes:
    """Let the server forget a named statement; one that it does not know is no error."""
    return _message(b"C", b"S%b\x00" % name)


def _parse(statement: str, oids: tuple[int, ...], encoding: str, name: bytes = b"") -> bytes:
    types = b"".join([i_pack(0 if oid == -1 else oid) for oid in oids])
    return _message(
        b"P", b"%b\x00%b\x00%b%b" % (name, statement.encode(encoding), H_pack(len(oids)), types)
    )


def _scan(style: str, operation: str) -> tuple[str, tuple[str, ...] | None]:
    echo = _Echo()
    statement, names = convert_paramstyle(style, operation, echo)
    return statement, None if names is echo else names


class _Echo(dict[str, str]):
    """Given to pg8000 in place of parameters, to learn which names it asks for."""

    def __missing__(self, name: str) -> str:
        return name


def _message(code: bytes, body: bytes) -> bytes:
    return b"%b%b%b" % (code, i_pack(len(body) + 4), body)


_kept_parse = lru_cache(maxsize=_KEPT)(_parse)
_kept_scan = lru_cache(maxsize=_KEPT)(_scan)
