"""How PostgreSQL's values become JSON: by their types' OIDs, from the texts in which they came."""

import json
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

NUMBER = re.compile(r"-?\d+(\.\d+)?(e[+-]?\d+)?", re.ASCII)
TIME = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(\+00)?", re.ASCII)
ELEMENT = re.compile(
    r'"((?:[^"\\]|\\.)*)"|([^{},"]+)|[{}]', re.DOTALL
)  # of an array; commas are JSON's own

Render = Callable[[str], str]


class Type(NamedTuple):
    name: str
    render: Render


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _number(value: str) -> str:
    """A float; NaN and infinity, of which JSON has none, are strings."""
    return value if NUMBER.fullmatch(value) else _text(value)


def _boolean(value: str) -> str:
    return "true" if value == "t" else "false"


def _time(value: str) -> str:
    """RFC 3339 with microseconds, and Z where there is a zone: the session's is UTC. Infinity and BC stay."""
    time = TIME.fullmatch(value)
    if time is None:
        return _text(value)
    date, clock, fraction, zone = time.groups(default="")
    return f'"{date}T{clock}.{fraction:0<6}{"Z" if zone else ""}"'


def _array(element: Render) -> Render:
    """`{1,NULL,"a b"}` as a list; quotes tell the text NULL from none."""

    def piece(found: re.Match[str]) -> str:
        quoted, plain = found.groups()
        if quoted is not None:
            return element(re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL))
        if plain is not None:
            return "null" if plain == "NULL" else element(plain)
        return "[" if found[0] == "{" else "]"

    return lambda value: ELEMENT.sub(piece, value[value.index("{") :])


_SCALARS = {  # OID, and that of its arrays
    (16, 1000): Type("boolean", _boolean),
    (21, 1005): Type("smallint", str),
    (23, 1007): Type("integer", str),
    (20, 1016): Type("bigint", str),
    (700, 1021): Type("real", _number),
    (701, 1022): Type("double precision", _number),
    (1700, 1231): Type("numeric", _text),
    (25, 1009): Type("text", _text),
    (1043, 1015): Type("varchar", _text),
    (1082, 1182): Type("date", _text),
    (1083, 1183): Type("time", _text),
    (1114, 1115): Type("timestamp", _time),
    (1184, 1185): Type("timestamptz", _time),
    (1186, 1187): Type("interval", _text),
    (2249, 2287): Type("record", _text),
    (114, 199): Type("json", str),
}
TYPES = {one: type for (one, _), type in _SCALARS.items()} | {
    many: Type(f"{type.name}[]", _array(type.render)) for (_, many), type in _SCALARS.items()
}
OTHER = Type("other", _text)  # whatever a function may give one day: as text


def type_of(oid: int) -> Type:
    return TYPES.get(oid, OTHER)


def render_rows(
    rows: Sequence[Sequence[str | None]], oids: Sequence[int], *, most: int
) -> list[str]:
    """Each row as a JSON list: all of them, or as many as have no more than `most` characters together."""
    renders = [type_of(oid).render for oid in oids]
    lists: list[str] = []
    for row in rows:
        values = [
            "null" if value is None else render(value)
            for render, value in zip(renders, row, strict=True)
        ]
        lists.append(f"[{','.join(values)}]")
        most -= len(lists[-1])
        if most < 0:
            return lists[:-1]
    return lists
