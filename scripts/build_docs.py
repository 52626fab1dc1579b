"""Build the documentation as a site: .site/html. `make docs` runs it.

The pages are copied first, because MkDocs reads one folder: docs/ as it is, README.md as the first
page, and the documents beside it in repository/. A link to another file of the repository becomes
plain text, unless mkdocs.yml has a `repo_url`.
"""

import gzip
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
SUFFIX = ".md"
PAGES = ROOT / ".site/pages"
SITE = ROOT / ".site/html"
# Material loads this from a CDN in pages that are opened as files: without it they have no search.
SHIM = "https://unpkg.com/iframe-worker/shim"
SHIM_HERE = "assets/iframe-worker.js"
FIRST_PAGE = "README.md"
IN_REPOSITORY = ("CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "benchmarks/results.md")
OUTSIDE = {FIRST_PAGE: f"index{SUFFIX}", **{path: f"repository/{path}" for path in IN_REPOSITORY}}
LINK = re.compile(r"(?P<start>!?\[(?P<text>(?:[^\[\]]|\[[^\]]*\])*)\])\((?P<target>[^()\s]+)\)")
CODE = re.compile(r"^ *```.*?^ *```|`[^`\n]+`", re.MULTILINE | re.DOTALL)
# The text of a link may have code, and code may look like a link: what begins first counts.
LINK_OR_CODE = re.compile(f"{LINK.pattern}|{CODE.pattern}", re.MULTILINE | re.DOTALL)


def place(path: str) -> str | None:
    """Return the place in the site of a file of the repository, or None if it is not there."""
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    return OUTSIDE.get(path)


def links(text: str) -> Iterator[re.Match[str]]:
    """Yield the links of a page that are not in code."""
    yield from (match for match in LINK_OR_CODE.finditer(text) if match["target"])


def rewrite(text: str, path: str, repository: str | None = None) -> str:
    """Return a page's text with its relative links changed to those of the site.

    Raise ValueError for a link to a file that does not exist.
    """
    here = (place(path) or path).rpartition("/")[0]

    def link(match: re.Match[str]) -> str:
        target, _, anchor = match["target"].partition("#")
        if not target or re.match(r"[a-z]+:", target):
            return match[0]
        file = os.path.normpath(f"{path.rpartition('/')[0] or '.'}/{target}")
        if not (ROOT / file).exists():
            raise ValueError(f"{path}: {target} does not exist")
        found = place(file) if (ROOT / file).is_file() else None
        if found:
            relative = os.path.relpath(found, here or ".")
            return f"{match['start']}({relative}{'#' if anchor else ''}{anchor})"
        return f"{match['start']}({repository}/blob/main/{file})" if repository else match["text"]

    return LINK_OR_CODE.sub(lambda match: link(match) if match["target"] else match[0], text)


def copy_pages(repository: str | None = None) -> None:
    """Write .site/pages again."""
    shutil.rmtree(PAGES, ignore_errors=True)
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "docs", *OUTSIDE],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    for path in listed:
        target = PAGES / (place(path) or path)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.endswith(SUFFIX):
            target.write_text(rewrite((ROOT / path).read_text(), path, repository))
        elif path.endswith(".gz"):
            target.with_suffix("").write_bytes(gzip.decompress((ROOT / path).read_bytes()))
        else:
            shutil.copy(ROOT / path, target)


def localise_scripts() -> None:
    """Let the pages load everything from the site itself."""
    for page in SITE.rglob("*.html"):
        above = "../" * (len(page.relative_to(SITE).parts) - 1)
        page.write_text(page.read_text().replace(SHIM, f"{above}{SHIM_HERE}"))


def main() -> int:
    """Copy the pages and run MkDocs on them."""
    url = re.search(r"^repo_url: *(\S+)", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    try:
        copy_pages(url and url[1].rstrip("/"))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    command = [sys.executable, "-m", "mkdocs", "--quiet", "build", "--strict"]
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    if code == 0:
        localise_scripts()
        print("the documentation is in .site/html: open .site/html/index.html in a browser")
    return code


if __name__ == "__main__":
    sys.exit(main())
