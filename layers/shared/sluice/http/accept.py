"""Content negotiation by `Accept` and `Accept-Encoding` (RFC 9110, sections 12.5.1 and 12.5.3)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

# How specific a media range is.
EXACT = 3
SUBTYPES = 2
ANYTHING = 1


class _MediaRange(NamedTuple):
    """One media range of the header, with its parameters (those before `q`) and its weight."""

    kind: str
    subtype: str
    parameters: Mapping[str, str]
    weight: float


@lru_cache(maxsize=256)
def choose(accept: str, offers: tuple[str, ...], default: str) -> str | None:
    """Return the media type of `offers` that the header prefers, or None if it accepts none of
    them.

    The most specific range that matches an offer decides its weight. Of offers with equal weight,
    the one that is named more specifically wins. If none is named, `default` wins, then the earlier
    one. An empty or missing header accepts anything.
    """
    ranges = [parsed for element in _split(accept, ",") if (parsed := _parse_range(element))]
    if not accept.strip(" \t,"):
        return default
    ranked = []
    for index, offer in enumerate(offers):
        weight, specificity = _weight(offer, ranges)
        preference = len(offers) if offer == default and specificity < EXACT else -index
        ranked.append((weight, specificity, preference, offer))
    weight, _, _, best = max(ranked)
    return best if weight > 0 else None


def accepts_gzip(accept_encoding: str) -> bool:
    """Return whether the value of `Accept-Encoding` accepts gzip, by its name or by `*`."""
    weights: dict[str, float] = {}
    for element in accept_encoding.lower().split(","):
        coding, _, parameter = element.partition(";")
        name, _, value = parameter.partition("=")
        weight = _parse_weight(value.strip()) if name.strip() == "q" else 1.0
        weights[coding.strip()] = weight or 0.0
    return weights.get("gzip", weights.get("*", 0.0)) > 0


def _weight(offer: str, ranges: Sequence[_MediaRange]) -> tuple[float, int]:
    """Return the weight of an offer and the specificity of the range that decides it.

    Return (0, 0) if no range matches.
    """
    matches = [
        (_specificity(offer, candidate), len(candidate.parameters), candidate.weight)
        for candidate in ranges
        if _has_known_parameters(candidate)
    ]
    specificity, _, weight = max(matches, default=(0, 0, 0.0))
    if specificity:
        return weight, specificity
    # No offer has parameters such as `version`. A client that asks for `application/json;version=1`
    # is served plain JSON. With q=0 it does not exclude plain JSON that another range accepts.
    others = [
        (_specificity(offer, candidate), candidate.weight)
        for candidate in ranges
        if not _has_known_parameters(candidate) and _accepts_utf8(candidate)
    ]
    specificity, weight = max(others, default=(0, 0.0))
    return (weight, specificity) if specificity else (0.0, 0)


def _specificity(offer: str, media_range: _MediaRange) -> int:
    kind, _, subtype = offer.partition("/")
    if (media_range.kind, media_range.subtype) == (kind, subtype):
        return EXACT
    if media_range.subtype == "*" and media_range.kind == kind:
        return SUBTYPES
    return ANYTHING if (media_range.kind, media_range.subtype) == ("*", "*") else 0


def _has_known_parameters(media_range: _MediaRange) -> bool:
    """Return whether the range has no parameter but a charset that includes UTF-8.

    Every offer is JSON in UTF-8 and has no other parameter.
    """
    only_charset = all(name == "charset" for name in media_range.parameters)
    return only_charset and _accepts_utf8(media_range)


def _accepts_utf8(media_range: _MediaRange) -> bool:
    return media_range.parameters.get("charset", "utf-8") in ("utf-8", "utf8", "*")


def _parse_range(element: str) -> _MediaRange | None:
    """Parse one element. Return None for an invalid media range or weight, which is ignored."""
    name, *rest = _split(element, ";")
    kind, slash, subtype = name.strip().lower().partition("/")
    if not (kind and slash and subtype) or (kind == "*" and subtype != "*"):
        return None
    parameters: dict[str, str] = {}
    for text in rest:
        parameter, _, value = text.partition("=")
        parameter, value = parameter.strip().lower(), value.strip().strip('"').lower()
        if parameter == "q":  # what follows does not belong to the range
            weight = _parse_weight(value)
            return None if weight is None else _MediaRange(kind, subtype, parameters, weight)
        if parameter:
            parameters[parameter] = value
    return _MediaRange(kind, subtype, parameters, 1.0)


def _parse_weight(text: str) -> float | None:
    """Return the weight, from 0 to 1, or None if it is invalid."""
    if not re.fullmatch(r"\d*\.?\d*", text, re.ASCII) or text in ("", "."):
        return None
    weight = float(text)
    return weight if weight <= 1 else None


def _split(text: str, separator: str) -> Iterator[str]:
    """Split at `separator`, but not inside quoted strings."""
    if '"' not in text:
        yield from text.split(separator)
        return
    start = 0
    quoted = escaped = False
    for index, character in enumerate(text):
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = quoted
        elif character == '"':
            quoted = not quoted
        elif character == separator and not quoted:
            yield text[start:index]
            start = index + 1
    yield text[start:]
