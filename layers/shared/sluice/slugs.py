"""Slugs: names as addresses can hold them, of ASCII letters, digits and hyphens."""

import re
import unicodedata

from sluice.errors import FieldError, ValidationFailed

MAX_SLUG_LENGTH = 200


def slugify(name: str) -> str:
    """Return the slug of a name: `Øl & Æbler` gives `ol-aebler`.

    Letters and digits of any script are transliterated; everything else separates words. ValidationFailed where the
    name has no letter or digit.
    """
    from anyascii import anyascii  # here, as few requests need it

    plain = unicodedata.normalize("NFKC", name)
    words = "".join(
        character if unicodedata.category(character)[0] in "LMN" else " " for character in plain
    )
    slug = (
        re.sub(r"[^a-z0-9]+", "-", anyascii(words).lower()).strip("-")[:MAX_SLUG_LENGTH].strip("-")
    )
    if not slug:
        message = "cannot be made from this name, which has no letter or digit; send one"
        raise ValidationFailed(errors=[FieldError("required", message, pointer="/slug")])
    return slug
