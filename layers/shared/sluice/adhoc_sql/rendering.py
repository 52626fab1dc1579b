"""Convert PostgreSQL's text values to JSON, by the OIDs of their types."""

import json
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

NUMBER = re.compile(r"-?\d+(\.\d+)?(e[+-]?\d+)?", re.ASCII)
TIME = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(\+00)?", re.ASCII)
# The parts of an array's text. Commas are the same in JSON.
ELEMENT = re.compile(r'"((?:[^"\\]|\\.)*)"|([^{},"]+)|[{}]', re.DOTALL)

Render = Callable[[str], str]


class ColumnType(NamedTuple):
    """A type: its name in the response, and how to write its values as JSON."""

    name: str
    render: Render


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _number(value: str) -> str:
    """Render a float. NaN and infinity become strings, because JSON has no numbers for them."""
    return value if NUMBER.fullmatch(value) else _text(value)


def _boolean(value: str) -> str:
    return "true" if value == "t" else "false"


def _time(value: str) -> str:
    """Render a time as RFC 3339 with microseconds, and Z for a time with zone.

    The time zone of the session is UTC. Infinity and years BC stay in PostgreSQL's format.
    """
    time = TIME.fullmatch(value)
    if time is None:
        return _text(value)
    date, clock, fraction, zone = time.groups(default="")
    return f'"{date}T{clock}.{fraction:0<6}{"Z" if zone else ""}"'


def _array(element: Render) -> Render:
    """Return a function that renders arrays, such as `{1,NULL,"a b"}`.

    NULL without quotes is a null. With quotes it is a text.
    """

    def render_part(found: re.Match[str]) -> str:
        quoted, plain = found.groups()
        if quoted is not None:
            return element(re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL))
        if plain is not None:
            return "null" if plain == "NULL" else element(plain)
        return "[" if found[0] == "{" else "]"

    return lambda value: ELEMENT.sub(render_part, value[value.index("{") :])


# By the OID of the type and the OID of its array type.
_SCALARS = {
    (16, 1000): ColumnType("boolean", _boolean),
    (21, 1005): ColumnType("smallint", str),
    (23, 1007): ColumnType("integer", str),
    (20, 1016): ColumnType("bigint", str),
    (700, 1021): ColumnType("real", _number),
    (701, 1022): ColumnType("double precision", _number),
    (1700, 1231): ColumnType("numeric", _text),
    (25, 1009): ColumnType("text", _text),
    (1043, 1015): ColumnType("varchar", _text),
    (1082, 1182): ColumnType("date", _text),
    (1083, 1183): ColumnType("time", _text),
    (1114, 1115): ColumnType("timestamp", _time),
    (1184, 1185): ColumnType("timestamptz", _time),
    (1186, 1187): ColumnType("interval", _text),
    (2249, 2287): ColumnType("record", _text),
    (114, 199): ColumnType("json", str),
}
TYPES = {oid: type_ for (oid, _), type_ in _SCALARS.items()} | {
    array_oid: ColumnType(f"{type_.name}[]", _array(type_.render))
    for (_, array_oid), type_ in _SCALARS.items()
}
OTHER = ColumnType("other", _text)


def type_of(oid: int) -> ColumnType:
    """Return the type with this OID; values of unknown types are rendered as text."""
    return TYPES.get(oid, OTHER)


def render_rows(
    rows: Sequence[Sequence[str | None]], oids: Sequence[int], *, max_characters: int
) -> list[str]:
    """Return the first rows as JSON arrays, of at most `max_characters` together."""
    renders = [type_of(oid).render for oid in oids]
    lists: list[str] = []
    for row in rows:
        values = [
            "null" if value is None else render(value)
            for render, value in zip(renders, row, strict=True)
        ]
        lists.append(f"[{','.join(values)}]")
        max_characters -= len(lists[-1])
        if max_characters < 0:
            return lists[:-1]
    return lists
