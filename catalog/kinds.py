"""The kind of a column's type, as an expression without a name, or why there is none."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from catalog.expression import Expression, Name
from catalog.snapshot import DomainCheck, Snapshot, TypeReference
from sluice.sql.identifiers import qualified

PLAIN = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
HEADER = 4  # bytes that PostgreSQL adds to a modifier


def _kind(module: str, name: str, **options: object) -> Expression:
    return Expression(Name(f"sluice.kinds.{module}", name), (), options)


SIMPLE = {
    "bool": _kind("boolean", "Boolean"),
    "int2": _kind("integer", "SmallInt"),
    "int4": _kind("integer", "Integer"),
    "int8": _kind("integer", "BigInt"),
    "float4": _kind("floating", "Real"),
    "float8": _kind("floating", "Float"),
    "text": _kind("text", "Text"),
    "uuid": _kind("uuid", "Uuid"),
    "date": _kind("date", "Date"),
    "time": _kind("time", "Time"),
    "timestamp": _kind("local_timestamp", "LocalTimestamp"),
    "timestamptz": _kind("timestamp", "Timestamp"),
    "interval": _kind("interval", "Interval"),
    "inet": _kind("inet", "Inet"),
    "cidr": _kind("inet", "Cidr"),
    "jsonb": _kind("jsonb", "Json"),
}
RANGES = {
    "int4range": "int4",
    "int8range": "int8",
    "numrange": "numeric",
    "daterange": "date",
    "tsrange": "timestamp",
    "tstzrange": "timestamptz",
}
BOUNDS = ("int4", "int8", "numeric", "date", "timestamp", "timestamptz")  # of ranges
INTEGERS = ("SmallInt", "Integer", "BigInt")
TEXTS = ("Text", "Citext", "Char")
KEYS = frozenset(
    {*INTEGERS, *TEXTS, "Uuid", "Boolean", "Date", "Timestamp", "Choice"}  # whose is_key is true
)
REASONS = {
    "json": "jsonb can be shown",
    "money": "numeric can be shown",
    "timetz": "time can be shown",
}


@dataclass(frozen=True)
class ResolvedType:
    """A type without its domains.

    checks: the CHECKs of the domains, each with the schema of its domain.
    not_null: whether a domain is NOT NULL.
    default: the expression of the outermost domain that has one.
    """

    type: TypeReference
    checks: tuple[tuple[str, DomainCheck], ...] = ()
    not_null: bool = False
    default: str | None = None


@dataclass(frozen=True)
class NoKind:
    """There is no kind of a type. `reason` is a part of a sentence."""

    reason: str


def resolved(type_: TypeReference, snapshot: Snapshot) -> ResolvedType:
    """Return the type below the domains of a type that is no array."""
    found = ResolvedType(type_)
    for domain in _domains(type_, snapshot):
        definition = snapshot.types_by_name[domain.qualified]
        checks = tuple((definition.schema, check) for check in definition.checks)
        found = ResolvedType(
            definition.base or domain,
            (*found.checks, *checks),
            found.not_null or definition.not_null,
            found.default if found.default is not None else definition.default,
        )
    return found


def _domains(type_: TypeReference, snapshot: Snapshot) -> Iterator[TypeReference]:
    current: TypeReference | None = type_
    while current is not None and not current.is_array:
        definition = snapshot.types_by_name.get(current.qualified)
        if definition is None or definition.kind != "d":
            return
        yield current
        current = definition.base


def kind_of(type_: TypeReference, snapshot: Snapshot, item: str = "item") -> Expression | NoKind:
    """Return the kind of a type without domains. `item` is the name of an array's items."""
    if type_.is_array:
        return _array(type_, snapshot, item)
    if type_.is_builtin:
        return _builtin(type_, snapshot)
    definition = snapshot.types_by_name.get(type_.qualified)
    if definition is None:
        return NoKind(f"the type {type_.sql} has no kind")
    name = qualified(type_.qualified)
    if definition.extension == "citext" and definition.name == "citext":
        return _kind("citext", "Citext", **({} if type_.schema == "public" else {"type": name}))
    if definition.kind == "e":
        return _kind("choice", "Choice", choices=definition.labels, type=name)
    if definition.kind == "r" and definition.subtype is not None:
        return _own_range(type_, definition.subtype, snapshot)
    what = {"c": "composite type", "m": "multirange type"}.get(definition.kind, "type")
    return NoKind(f"the {what} {type_.sql} has no kind")


def _builtin(type_: TypeReference, snapshot: Snapshot) -> Expression | NoKind:
    length = type_.modifier - HEADER
    match type_.name:
        case "varchar":
            return _kind("text", "Text", **({"max_length": length} if length >= 0 else {}))
        case "bpchar":
            return _kind("char", "Char", **({"max_length": length} if length >= 0 else {}))
        case "numeric":
            return _kind("numeric", "Numeric", **_precision(type_.modifier))
        case name if name in RANGES:
            return _range(RANGES[name], type_, snapshot)
        case name if name in SIMPLE:
            return SIMPLE[name]
    remedy = f"; {REASONS[type_.name]}" if type_.name in REASONS else ""
    return NoKind(f"the type {type_.sql} has no kind{remedy}")


def _precision(modifier: int) -> dict[str, object]:
    """Return the precision and the scale, which may be negative, of a numeric type."""
    if modifier < HEADER:
        return {}
    precision, scale = (modifier - HEADER) >> 16 & 0xFFFF, (modifier - HEADER) & 0x7FF
    return {"precision": precision, "scale": (scale ^ 1024) - 1024}


def _range(bound: str, type_: TypeReference, snapshot: Snapshot) -> Expression | NoKind:
    reference = TypeReference(schema="pg_catalog", name=bound, sql=bound)
    of = _builtin(reference, snapshot)
    return of if isinstance(of, NoKind) else _kind("range", "Range", of=named(of, "bound"))


def _own_range(
    type_: TypeReference, subtype: TypeReference, snapshot: Snapshot
) -> Expression | NoKind:
    """Return the kind of a range type that CREATE TYPE made."""
    if not PLAIN.fullmatch(type_.name):
        return NoKind(f"GraphQL has no name for the range type {type_.sql}")
    of = kind_of(resolved(subtype, snapshot).type, snapshot)
    if isinstance(of, NoKind) or subtype.name not in (*BOUNDS, "float4", "float8", "time"):
        return NoKind(f"a range of {subtype.sql} has no kind")
    name = qualified(type_.qualified)
    return _kind("range", "Range", of=named(of, "bound"), type=name)


def _array(type_: TypeReference, snapshot: Snapshot, item: str) -> Expression | NoKind:
    single = TypeReference(
        schema=type_.schema,
        name=type_.name,
        sql=type_.sql.removesuffix("[]"),
        modifier=type_.modifier,
    )
    of = kind_of(resolved(single, snapshot).type, snapshot)
    if isinstance(of, NoKind):
        return of
    if of.target.name in ("Array", "Json"):
        return NoKind(f"a list of {single.sql} has no kind")
    return _kind("array", "Array", of=named(of, item).having(nullable=True))


def named(kind: Expression, name: str) -> Expression:
    """Return the field of a kind."""
    return Expression(kind.target, (name, *kind.args), kind.options)
