"""Links between documents lead somewhere, on GitHub and in the site of `make docs`."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from scripts.build_docs import OUTSIDE, links, place, rewrite

ROOT = Path(__file__).parents[2]
HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)
FENCED = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)


def documents() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    return sorted(path for path in listed if (ROOT / path).exists())


def anchors(text: str) -> set[str]:
    """Return the anchors that GitHub and the site make of a page's headings."""
    found: set[str] = set(re.findall(r'<a (?:id|name)="([^"]+)"', text))
    for heading in HEADING.findall(FENCED.sub("", text)):
        plain = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        found.add(re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-"))
    return found


def broken_links(path: str) -> list[str]:
    """Return the links of a document to a file or an anchor that does not exist."""
    broken = []
    for match in links((ROOT / path).read_text()):
        target, _, anchor = match["target"].partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        file = (ROOT / path).parent / target if target else ROOT / path
        if not file.exists() or (anchor and anchor not in anchors(file.read_text())):
            broken.append(match["target"])
    return broken


@pytest.mark.parametrize("path", documents())
def test_links_lead_to_files_and_headings(path: str) -> None:
    assert broken_links(path) == []


def test_each_page_is_in_the_navigation() -> None:
    """MkDocs' tags are data here: what they name is imported by MkDocs only."""

    class NavigationLoader(yaml.SafeLoader):
        pass

    NavigationLoader.add_multi_constructor("tag:yaml.org,2002:python/", lambda *_: None)
    config = yaml.load((ROOT / "mkdocs.yml").read_text(), NavigationLoader)  # noqa: S506  a SafeLoader

    def pages(entries: object) -> list[str]:
        if isinstance(entries, str):
            return [entries]
        values = entries.values() if isinstance(entries, dict) else entries
        assert isinstance(values, list) or isinstance(entries, dict)
        return [page for value in values for page in pages(value)]

    listed = pages(config["nav"])
    expected = {place(path) for path in documents() if place(path)}

    assert len(listed) == len(set(listed))
    assert set(listed) == expected


def test_site_links_only_to_its_own_pages() -> None:
    text = "[`a`](docs/api.md#pages) [code](template.yaml) [b](https://b.io/) `[c](d.md)` [up](#up)"

    assert rewrite(text, "README.md") == (
        "[`a`](api.md#pages) code [b](https://b.io/) `[c](d.md)` [up](#up)"
    )
    assert rewrite("[r](../benchmarks/results.md) [h](../README.md)", "docs/scale.md") == (
        "[r](repository/benchmarks/results.md) [h](index.md)"
    )
    assert rewrite("[s](../template.yaml)", "docs/api.md", "https://git.example/x") == (
        "[s](https://git.example/x/blob/main/template.yaml)"
    )
    with pytest.raises(ValueError, match=r"docs/api\.md: gone\.md does not exist"):
        rewrite("[s](gone.md)", "docs/api.md")


def test_pages_of_the_site_are_documents() -> None:
    assert set(OUTSIDE) <= set(documents())
