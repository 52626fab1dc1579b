"""What a declaration is made of: calls of kinds, written as Python source or evaluated.

A value is a text, a number, a boolean, None, a tuple, list or dict of values, a Name, an Expression
or a Partial. Nothing here knows a kind.
"""

import functools
import importlib
import textwrap
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True, order=True)
class Name:
    """An imported name, such as `Uuid` of `sluice.kinds.uuid`. Source has it without the module."""

    module: str
    name: str


@dataclass(frozen=True, slots=True)
class Expression:
    """A call of an imported name. `options` are the keyword arguments, in their order."""

    target: Name
    args: tuple[object, ...] = ()
    options: Mapping[str, object] = field(default_factory=dict)

    def having(self, **options: object) -> "Expression":
        """Return the call with further or other options."""
        return replace(self, options={**self.options, **options})


@dataclass(frozen=True, slots=True)
class Partial:
    """`partial(Char, max_length=2)`: a kind and its options, without a name."""

    expression: Expression


PARTIAL = Name("functools", "partial")
# Columns of a literal: it stands in a list of arguments, after a name such as `description=`.
MAX_LITERAL = 70
MIN_LITERAL = 8


def source(value: object) -> str:
    """Return Python source on one line. Raise TypeError for a value that has none."""
    match value:
        case Name():
            return value.name
        case Expression():
            return f"{value.target.name}({_arguments(value)})"
        case Partial():
            arguments = _arguments(value.expression)
            target = value.expression.target.name
            return f"{PARTIAL.name}({target}, {arguments})" if arguments else target
        case str():
            return _text(value)
        case list():
            return f"[{', '.join(map(source, value))}]"
        case tuple():
            end = "," if len(value) == 1 else ""
            return f"({', '.join(map(source, value))}{end})"
        case dict():
            return f"{{{', '.join(f'{source(key)}: {source(of)}' for key, of in value.items())}}}"
        case None | bool() | int() | float():
            return repr(value)
    raise TypeError(f"{value!r} has no source")


def imports(value: object) -> set[Name]:
    """Return the names that the source of a value needs."""
    return set(_names(value))


def evaluate(value: object) -> object:
    """Return what the source of a value stands for, such as the Field. Errors are the callee's."""
    match value:
        case Name():
            return _imported(value)
        case Expression():
            arguments, options = _evaluated(value)
            return _callable(value.target)(*arguments, **options)
        case Partial():
            arguments, options = _evaluated(value.expression)
            return functools.partial(_callable(value.expression.target), *arguments, **options)
        case list():
            return [evaluate(item) for item in value]
        case tuple():
            return tuple(evaluate(item) for item in value)
    return value


@functools.cache
def _imported(name: Name) -> object:
    return getattr(importlib.import_module(name.module), name.name)


def _arguments(call: Expression) -> str:
    options = (f"{name}={source(value)}" for name, value in call.options.items())
    return ", ".join((*map(source, call.args), *options))


def _text(text: str) -> str:
    """Return a literal, or several in parentheses if a line could not have it."""
    if _width(_literal(text)) <= MAX_LITERAL:
        return _literal(text)
    width = MAX_LITERAL - 2
    lines = [_literal(line) for line in _lines(text, width)]
    while max(map(_width, lines)) > MAX_LITERAL and width > MIN_LITERAL:
        width //= 2
        lines = [_literal(line) for line in _lines(text, width)]
    return f"({' '.join(lines)})"


def _lines(text: str, width: int) -> list[str]:
    """Return parts of the text that end after a word and are together the text."""
    return textwrap.wrap(
        text,
        width,
        expand_tabs=False,
        replace_whitespace=False,
        drop_whitespace=False,
        break_on_hyphens=False,
    )


def _width(literal: str) -> int:
    """Return the columns of a literal. A Chinese character has two."""
    return sum(2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in literal)


def _literal(text: str) -> str:
    """Return a literal in double quotes, if it needs no more escapes than one in single quotes."""
    literal = repr(text)
    if literal.startswith('"') or '"' in text:
        return literal
    return '"' + literal[1:-1].replace("\\'", "'") + '"'


def _names(value: object) -> Iterator[Name]:
    match value:
        case Name():
            yield value
        case Expression():
            yield value.target
            for each in (*value.args, *value.options.values()):
                yield from _names(each)
        case Partial():
            if value.expression.args or value.expression.options:
                yield PARTIAL
            yield from _names(value.expression)
        case list() | tuple():
            for each in value:
                yield from _names(each)


def _evaluated(call: Expression) -> tuple[list[object], dict[str, object]]:
    return [*map(evaluate, call.args)], {name: evaluate(v) for name, v in call.options.items()}


def _callable(target: Name) -> Callable[..., object]:
    found = _imported(target)
    if not callable(found):
        raise TypeError(f"{target.module}.{target.name} cannot be called")
    return found
