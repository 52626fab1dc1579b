"""Content negotiation by `Accept` (RFC 9110, section 12.5.1), for REST and GraphQL alike."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

EXACT, SUBTYPES, ANYTHING = 3, 2, 1  # how specific a media range is


class _Range(NamedTuple):
    """One element of the header: a media range, its parameters up to `q`, and its weight."""

    kind: str
    subtype: str
    parameters: Mapping[str, str]
    weight: float


@lru_cache(maxsize=256)
def choose(accept: str, offers: tuple[str, ...], default: str) -> str | None:
    """Return the media type of `offers` that the header prefers, or None if it accepts none of them.

    The most specific range that matches an offer decides its weight. Of offers with equal weight, the one that is named
    more specifically wins; then `default`, if no offer is named, or else the earlier one. Without a header, or with an
    empty one, anything is accepted.
    """
    ranges = [one for element in _split(accept, ",") if (one := _range(element))]
    if not accept.strip(" \t,"):
        return default
    ranked = []
    for order, offer in enumerate(offers):
        weight, specific = _weight(offer, ranges)
        first = len(offers) if offer == default and specific < EXACT else -order
        ranked.append((weight, specific, first, offer))
    weight, _, _, best = max(ranked)
    return best if weight > 0 else None


def _weight(offer: str, ranges: Sequence[_Range]) -> tuple[float, int]:
    """The weight of an offer, and how specific the range is that decides it. (0, 0) if none matches."""
    matches = [
        (_specificity(offer, one), len(one.parameters), one.weight)
        for one in ranges
        if _is_met(one)
    ]
    specific, _, weight = max(matches, default=(0, 0, 0.0))
    if specific:
        return weight, specific
    # A range with a parameter that no offer has (`application/json;version=1`) is better served without it than not at
    # all. It excludes nothing, as what it describes is not offered.
    others = [
        (_specificity(offer, one), one.weight)
        for one in ranges
        if not _is_met(one) and _knows_charset(one)
    ]
    specific, weight = max(others, default=(0, 0.0))
    return (weight, specific) if specific else (0.0, 0)


def _specificity(offer: str, one: _Range) -> int:
    kind, _, subtype = offer.partition("/")
    if (one.kind, one.subtype) == (kind, subtype):
        return EXACT
    if one.subtype == "*" and one.kind == kind:
        return SUBTYPES
    return ANYTHING if (one.kind, one.subtype) == ("*", "*") else 0


def _is_met(one: _Range) -> bool:
    """Every offer is JSON in UTF-8, and has no parameter but that."""
    return all(name == "charset" for name in one.parameters) and _knows_charset(one)


def _knows_charset(one: _Range) -> bool:
    return one.parameters.get("charset", "utf-8") in ("utf-8", "utf8", "*")


def _range(element: str) -> _Range | None:
    """None if the element is no media range, or its weight is none: it is passed over."""
    name, *rest = _split(element, ";")
    kind, slash, subtype = name.strip().lower().partition("/")
    if not (kind and slash and subtype) or (kind == "*" and subtype != "*"):
        return None
    parameters: dict[str, str] = {}
    for text in rest:
        parameter, _, value = text.partition("=")
        parameter, value = parameter.strip().lower(), value.strip().strip('"').lower()
        if parameter == "q":  # what follows is no part of the range
            weight = _quality(value)
            return None if weight is None else _Range(kind, subtype, parameters, weight)
        if parameter:
            parameters[parameter] = value
    return _Range(kind, subtype, parameters, 1.0)


def _quality(text: str) -> float | None:
    """The weight, from 0 to 1."""
    if not re.fullmatch(r"\d*\.?\d*", text, re.ASCII) or text in ("", "."):
        return None
    weight = float(text)
    return weight if weight <= 1 else None


def _split(text: str, separator: str) -> Iterator[str]:
    """The elements between separators, of which those in quoted strings are none."""
    if '"' not in text:
        yield from text.split(separator)
        return
    start, quoted, escaped = 0, False, False
    for at, character in enumerate(text):
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = quoted
        elif character == '"':
            quoted = not quoted
        elif character == separator and not quoted:
            yield text[start:at]
            start = at + 1
    yield text[start:]
