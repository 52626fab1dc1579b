"""Write sections of a Markdown page: each is between its own markers, and the others are kept.

<!-- warm -->
## Warm (40 rounds)
…
<!-- /warm -->
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

RESULTS = Path(__file__).with_name("results.md")


def write(page: Path, sections: Mapping[str, Sequence[str]]) -> None:
    """Replace the sections of these names. A page without a section gets it at its end."""
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    for name, lines in sections.items():
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        section = "\n".join((begin, *lines, end))
        pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        if pattern.search(text):
            before, after = pattern.split(text, maxsplit=1)
            text = before + section + after
        else:
            text = f"{text.rstrip()}\n\n{section}\n".lstrip()
    page.write_text(text, encoding="utf-8")
