"""Names for clients, made from names in a database. They have a to z, 0 to 9 and `_`."""

import keyword
import re
from collections.abc import Callable, Collection, Iterator
from functools import cache
from itertools import chain, count, islice

from sluice.resource import MAX_NAME_BYTES

RESERVED = ("analytics", "graphql", "imports")  # collections of the engine
MODULES = ("application", "errors", "graphql", "migrations", "registry", "routes")  # of any app
IRREGULAR = {
    "children": "child",
    "media": "media",
    "men": "man",
    "movies": "movie",
    "news": "news",
    "people": "person",
    "series": "series",
    "shoes": "shoe",
    "species": "species",
    "women": "woman",
}


@cache
def snake_case(name: str) -> str:
    """Return the name in snake_case: `InvoiceLine` and `Invoice Line` → `invoice_line`."""
    plain = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", _ascii(name))
    plain = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", plain)
    words = re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")
    if not words[:1].isalpha():
        words = f"n_{words}".rstrip("_")
    return words[:MAX_NAME_BYTES].rstrip("_")


def _ascii(name: str) -> str:
    if name.isascii():
        return name
    from anyascii import anyascii  # imported here, because few names need it

    return anyascii(name)


def singular(name: str) -> str:
    """Return the singular of a regular English plural, or the name itself.

    Only the last word of a name changes: `order_lines` → `order_line`.
    """
    start, _, word = name.rpartition("_")
    found = IRREGULAR.get(word) or _regular_singular(word)
    return f"{start}_{found}" if start else found


def _regular_singular(word: str) -> str:
    if len(word) < 3 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies"):
        return word[:-1] if len(word) <= 4 else f"{word[:-3]}y"
    if word.endswith("yses"):
        return f"{word[:-2]}is"
    if word.endswith("uses") and not word.endswith(("auses", "ouses")) and len(word) > 4:
        return word[:-2]
    if word.endswith(("sses", "shes", "ches", "xes", "zzes", "oes")):
        return word[:-2]
    return word[:-1]


def numbered(name: str) -> Iterator[str]:
    """Yield the name, then the name with a number from 2 on, each as short as PostgreSQL's."""
    yield name[:MAX_NAME_BYTES]
    for number in count(2):
        end = f"_{number}"
        yield f"{name[: MAX_NAME_BYTES - len(end)]}{end}"


def unique(
    name: str, taken: Collection[str], *alternatives: str, form: Callable[[str], str] = str
) -> str:
    """Return the first of the names that is not taken, or one with a number.

    form: what is in `taken` of a name.
    """
    candidates = chain((name, *alternatives), islice(numbered(name), 1, None))
    return next(candidate for candidate in candidates if form(candidate) not in taken)


def module_name(resource: str) -> str:
    """Return the name of the file of a resource, without `.py`."""
    is_taken = resource in MODULES or keyword.iskeyword(resource) or keyword.issoftkeyword(resource)
    return f"{resource}_table" if is_taken else resource
