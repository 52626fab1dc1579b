"""Encode messages of PostgreSQL's extended query protocol, and cache those built from SQL.

The text of a statement is the same in every request. So its Parse message is built once, and so is
its form with numbered parameters: pg8000 looks for placeholders one character at a time.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from pg8000.core import EXECUTE_MSG, SYNC_MSG, H_pack, i_pack
from pg8000.dbapi import convert_paramstyle
from pg8000.exceptions import DatabaseError

_CACHE_SIZE = 512
NUMBERED = "numbered"  # a cursor's parameter style: `$n`, which nothing converts
# A parameter of a Query. A cast (`::`) is none.
PARAMETER = re.compile(r"(?<![:\w]):(\w+)(?!:)")
MAX_CACHED_LENGTH = 16_384  # characters; longer texts (bulk, reports) are rarely sent twice
_NULL = i_pack(-1)
_BIND_NO_PARAMS: bytes = b"B" + i_pack(12) + b"\x00\x00" + H_pack(0) * 3
_DESCRIBE_PORTAL = b"D" + i_pack(6) + b"P\x00"
EXECUTE: bytes = EXECUTE_MSG
EXECUTE_SYNC: bytes = EXECUTE + SYNC_MSG
DESCRIBE_EXECUTE_SYNC: bytes = _DESCRIBE_PORTAL + EXECUTE_SYNC


def parse(statement: str, oids: Sequence[int], encoding: str, name: bytes = b"") -> bytes:
    """Return a Parse message, for the unnamed statement or a named one.

    `oids` are the types of parameters that the server must not infer.
    """
    if name:
        return _parse(statement, tuple(oids), encoding, name)
    if oids or len(statement) > MAX_CACHED_LENGTH:
        return _parse(statement, tuple(oids), encoding)
    return _cached_parse(statement, (), encoding)


def bind(texts: Sequence[str | None], encoding: str, name: bytes = b"") -> bytes:
    """Return a Bind message to the unnamed portal, with parameters and results as text.

    Raise DatabaseError 22021 if the encoding lacks a character.
    """
    if not texts and not name:
        return _BIND_NO_PARAMS
    parts = [b"\x00%b\x00" % name, H_pack(0), H_pack(len(texts))]
    try:
        for text in texts:
            if text is None:
                parts.append(_NULL)
            else:
                raw = text.encode(encoding)
                parts += (i_pack(len(raw)), raw)
    except UnicodeEncodeError as error:
        # A lone surrogate, which JSON allows. The server would raise the same error.
        report = {"S": "ERROR", "C": "22021", "M": "invalid character in a parameter"}
        raise DatabaseError(report) from error
    parts.append(H_pack(0))
    return _message(b"B", b"".join(parts))


def parse_bind_execute(
    statement: str, texts: Sequence[str | None] = (), encoding: str = "ascii"
) -> bytes:
    """Return Parse, Bind and Execute of a statement without rows, to send before another one."""
    return b"%b%b%b" % (parse(statement, (), encoding), bind(texts, encoding), EXECUTE)


def to_numbered_params(style: str, operation: str) -> tuple[str, tuple[str, ...] | None]:
    """Return the statement with `$n` placeholders, from any DB-API parameter style.

    For named styles also return the names, in the order of the numbers.
    """
    convert = _convert if len(operation) > MAX_CACHED_LENGTH else _cached_convert
    return convert(style, operation)


@lru_cache(maxsize=_CACHE_SIZE)
def numbered(sql: str) -> tuple[str, tuple[str, ...]]:
    """Return a statement with `$n` instead of its `:named` parameters, and the names in order.

    A name that occurs twice has two numbers, because its type may differ.
    """
    names: list[str] = []

    def number(match: re.Match[str]) -> str:
        names.append(match[1])
        return f"${len(names)}"

    return PARAMETER.sub(number, sql), tuple(names)


def close(name: bytes) -> bytes:
    """Return a Close message for a named statement. An unknown name is no error."""
    return _message(b"C", b"S%b\x00" % name)


def _parse(statement: str, oids: tuple[int, ...], encoding: str, name: bytes = b"") -> bytes:
    text = statement.encode(encoding)
    types = b"".join([i_pack(0 if oid == -1 else oid) for oid in oids])
    return _message(b"P", b"%b\x00%b\x00%b%b" % (name, text, H_pack(len(oids)), types))


def _convert(style: str, operation: str) -> tuple[str, tuple[str, ...] | None]:
    parameters = _NameRecorder()
    statement, names = convert_paramstyle(style, operation, parameters)
    return statement, None if names is parameters else names


class _NameRecorder(dict[str, str]):
    """A dict that pg8000 reads instead of parameters: the value of each name is the name."""

    def __missing__(self, name: str) -> str:
        return name


def _message(code: bytes, body: bytes) -> bytes:
    return b"%b%b%b" % (code, i_pack(len(body) + 4), body)


_cached_parse = lru_cache(maxsize=_CACHE_SIZE)(_parse)
_cached_convert = lru_cache(maxsize=_CACHE_SIZE)(_convert)
