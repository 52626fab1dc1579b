"""Slugs: names for use in URLs, of ASCII letters, digits and hyphens."""

import re
import unicodedata

from sluice.errors import FieldError, ValidationFailed
from sluice.kinds.text import MAX_SLUG


def slugify(name: str, *, pointer: str) -> str:
    """Return the slug of a name: `ol-aebler` for `Øl & Æbler`.

    Letters and digits of any script are transliterated. All other characters separate words.
    Raises ValidationFailed, with the pointer of the slug, if the name has no letter or digit.
    """
    from anyascii import anyascii  # imported here, because few requests need it

    plain = unicodedata.normalize("NFKC", name)
    words = "".join(
        character if unicodedata.category(character)[0] in "LMN" else " " for character in plain
    )
    hyphenated = re.sub(r"[^a-z0-9]+", "-", anyascii(words).lower()).strip("-")
    slug = hyphenated[:MAX_SLUG].strip("-")
    if not slug:
        message = "cannot be made from this name, which has no letter or digit; send one"
        raise ValidationFailed(errors=[FieldError("required", message, pointer=pointer)])
    return slug
