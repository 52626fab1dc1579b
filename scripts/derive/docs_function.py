"""Write openapi.json into the function that serves it, and copies of that function.

A deployment has one docs function. That of the default application is functions/docs; another
application has a copy in deploy/<application>/docs, because the function has no environment that
could name the application.
"""

from pathlib import Path

from scripts import openapi
from scripts.derive.scan import Found

COPIED = (
    *("handler.py", "start.js", "reference.js", "page.css"),
    *("rapidoc-min.js.gz.base64", "LICENSES.md"),
)


def files(found: Found) -> dict[Path, str]:
    """Return openapi.json of the current application, and the files of the copied function."""
    if found.artefacts is None:
        return {}
    if found.is_default:
        return {openapi.TARGET: openapi.render()}
    folder = found.artefacts / "docs"
    copied = {folder / name: (openapi.TARGET.parent / name).read_text() for name in COPIED}
    return copied | {folder / openapi.TARGET.name: openapi.render()}
