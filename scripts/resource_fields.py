"""Read FIELDS of `make resource`, such as `name:text!:unique rating:numeric(3,2)`."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as attribute
from types import MappingProxyType

from catalog.expression import Expression, Name
from sluice.sql.identifiers import KEYWORDS

NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", re.ASCII)
FORM = re.compile(
    r"(?P<name>[^:]+):(?P<kind>\w+)(\((?P<arguments>[^()]*)\))?(?P<marks>[!?]*)(?P<unique>:unique)?"
)
WORD = re.compile(r"(?:[^\s()]|\([^()]*\)|[()])+")  # a field; its arguments may have spaces
HELP = "name:kind, with ! for NOT NULL, ? for no index, :unique last; such as name:text!:unique"
SEPARATOR = "; fields are separated by spaces"
ADDED = ("id", "created_at", "updated_at", "version")  # fields that each new table has
STAGED = ("line", "n")  # columns of the table that an import reads
MAX_TEXT = 200  # characters, unless FIELDS says another number
MAX_INDEXED_TEXT = 676  # characters of 4 bytes: a row of a btree has at most 2,704 bytes
MAX_PRECISION = 1_000  # of PostgreSQL's numeric


class ResourceError(Exception):
    """What was asked of `make resource` cannot be made. The message says why."""


@dataclass(frozen=True)
class KindForm:
    """How a kind of FIELDS is declared: its class, with its own options.

    example: how the kind is written in FIELDS.
    filter: the operator that an index of the column answers.
    arguments: what follows the name of the field.
    sort: whether lists can be sorted by the column.
    analysts: whether analysts can query a table with such a column.
    """

    example: str
    module: str
    class_name: str
    filter: str
    options: Mapping[str, object] = attribute(default_factory=dict)
    arguments: tuple[object, ...] = ()
    sort: bool = True
    analysts: bool = True


KINDS: Mapping[str, KindForm] = MappingProxyType(
    {
        "text": KindForm("text or text(80)", "text", "Text", "in"),
        "email": KindForm("email", "text", "Email", "equal", {"ignore_case": True}),
        "slug": KindForm("slug", "text", "Slug", "in"),
        "uuid": KindForm("uuid", "uuid", "Uuid", "in"),
        "smallint": KindForm("smallint", "integer", "SmallInt", "range"),
        "integer": KindForm("integer", "integer", "Integer", "range"),
        "bigint": KindForm("bigint", "integer", "BigInt", "range"),
        "numeric": KindForm("numeric(12,2)", "numeric", "Numeric", "range"),
        "float": KindForm("float", "floating", "Float", "range"),
        "real": KindForm("real", "floating", "Real", "range"),
        "boolean": KindForm("boolean", "boolean", "Boolean", "equal"),
        "date": KindForm("date", "date", "Date", "range"),
        "timestamptz": KindForm("timestamptz", "timestamp", "Timestamp", "range"),
        "timestamp": KindForm("timestamp", "local_timestamp", "LocalTimestamp", "range"),
        "time": KindForm("time", "time", "Time", "range"),
        "interval": KindForm("interval", "interval", "Interval", "range", analysts=False),
        "inet": KindForm("inet", "inet", "Inet", "in", analysts=False),
        "json": KindForm("json", "jsonb", "Json", "contains", sort=False, analysts=False),
        "choice": KindForm("choice(new,paid)", "choice", "Choice", "in"),
    }
)


@dataclass(frozen=True)
class NewField:
    """A field of a new resource."""

    name: str
    kind: KindForm
    not_null: bool
    indexed: bool
    unique: bool
    searched: bool = False

    @property
    def expression(self) -> Expression:
        """The declaration of the field."""
        options: dict[str, object] = {
            **self.kind.options,
            "nullable": not self.not_null,
            "unique": self.unique,
            "filter": self.kind.filter if self.indexed else "",
            "sort": self.indexed and self.kind.sort,
            "search": self.searched,
        }
        target = Name(f"sluice.kinds.{self.kind.module}", self.kind.class_name)
        said = {name: value for name, value in options.items() if value}
        return Expression(target, (self.name, *self.kind.arguments), said)


# Names of types in SQL and elsewhere, with the kinds that have their values.
SAME_KINDS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("char", "str", "string", "varchar"), "text"),
        **dict.fromkeys(("int", "int4"), "integer"),
        **dict.fromkeys(("int8", "long"), "bigint"),
        **dict.fromkeys(("decimal", "money"), "numeric"),
        "double": "float",
        "datetime": "timestamptz",
        "jsonb": "json",
        "bool": "boolean",
        "enum": "choice",
    }
)


def parse_fields(text: str) -> list[NewField]:
    """Return the fields. Raise ResourceError with every problem, a line each."""
    fields, problems = [], []
    for word in WORD.findall(text):
        try:
            fields.append(_parse(word))
        except ResourceError as error:
            problems.append(f"{word}: {error}")
    names = [field.name for field in fields]
    problems += [f"{name}: named twice" for name in dict.fromkeys(names) if names.count(name) > 1]
    if not text.split():
        problems.append(f"FIELDS is empty; a field is {HELP}")
    if problems:
        raise ResourceError("\n".join(problems))
    return list(_with_search(fields))


def require_name(name: str, what: str) -> None:
    """Raise ResourceError unless `name` can be a name in SQL, Python, paths and GraphQL."""
    if not NAME.fullmatch(name):
        raise ResourceError(f"{what} {name!r} must have the form of `line_items`: a-z, 0-9 and _")
    if name in KEYWORDS:
        raise ResourceError(f"{what} {name} is a keyword of SQL")


def _with_search(fields: Sequence[NewField]) -> Iterator[NewField]:
    """Yield the fields. `?search=` reads the first text that has an index."""
    texts = (f for f in fields if f.kind.class_name == "Text" and f.indexed)
    searched = next(texts, None)
    for field in fields:
        yield replace(field, searched=field is searched)


def _parse(word: str) -> NewField:
    form = FORM.fullmatch(word)
    if form is None:
        separator = SEPARATOR if "," in word and word.count(":") > 1 else ""
        raise ResourceError(f"a field is {HELP}{separator}")
    name, marks = form["name"], form["marks"]
    require_name(name, "the name")
    if name in (*ADDED, *STAGED):
        reason = "each table has this field" if name in ADDED else "imports use the name"
        raise ResourceError(f"the name {name} is taken: {reason}")
    if form["unique"] and "?" in marks:
        raise ResourceError("a unique field has an index, so it cannot have `?`")
    arguments = form["arguments"].split(",") if form["arguments"] is not None else []
    return NewField(
        name=name,
        kind=_kind(form["kind"], arguments, indexed="?" not in marks),
        not_null="!" in marks,
        indexed="?" not in marks,
        unique=form["unique"] is not None,
    )


def _kind(name: str, arguments: Sequence[str], *, indexed: bool) -> KindForm:
    if name not in KINDS:
        raise ResourceError(f"no such kind: {name}. {_remedy(name)}")
    kind = KINDS[name]
    values = [value.strip() for value in arguments]
    match name:
        case "text" if len(values) < 2:
            return replace(kind, options=_text(values, indexed=indexed))
        case "numeric" if values and len(values) < 3:
            return replace(kind, options=_numeric(values))
        case "choice" if values and all(NAME.fullmatch(value) for value in values):
            return replace(kind, arguments=(values,))
        case "choice" if values:
            raise ResourceError(f"choices have a-z, 0-9 and _: write {kind.example}")
    if values or name in ("numeric", "choice"):
        raise ResourceError(f"write {kind.example}")
    return kind


def _remedy(name: str) -> str:
    """Return what to write instead of a kind that does not exist."""
    if name == "ref":
        return "Make the resource without it, then add a Ref to the declaration and the migration"
    if name in SAME_KINDS:
        return f"Write {KINDS[SAME_KINDS[name]].example}"
    return f"The kinds are {', '.join(KINDS)}"


def _text(values: Sequence[str], *, indexed: bool) -> Mapping[str, object]:
    longest = _number(values[0], 1, 1_000_000) if values else MAX_TEXT
    if indexed and longest > MAX_INDEXED_TEXT:
        raise ResourceError(
            f"an index takes at most {MAX_INDEXED_TEXT} characters: write text({longest})?"
        )
    return {"min_length": 1, "max_length": longest}


def _numeric(values: Sequence[str]) -> Mapping[str, object]:
    precision = _number(values[0], 1, MAX_PRECISION)
    scale = _number(values[1], 0, precision) if len(values) > 1 else 0
    return {"precision": precision, "scale": scale}


def _number(text: str, lowest: int, highest: int) -> int:
    is_number = re.fullmatch("[0-9]{1,9}", text, re.ASCII)
    if not is_number or not lowest <= int(text) <= highest:
        raise ResourceError(f"{text!r} must be a number from {lowest} to {highest}")
    return int(text)
