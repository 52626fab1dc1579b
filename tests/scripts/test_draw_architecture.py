"""The picture of the architecture is that of its text."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from scripts.draw_architecture import draw, read

DOCS = Path(__file__).parents[2] / "docs"


def test_picture_is_up_to_date() -> None:
    picture = draw((DOCS / "architecture.txt").read_text())

    ElementTree.fromstring(picture)  # noqa: S314
    remedy = "run: python scripts/draw_architecture.py"
    assert (DOCS / "architecture.svg").read_text() == picture, remedy


def test_arrow_to_unknown_box_is_an_error() -> None:
    with pytest.raises(ValueError, match="arrow a b"):
        read("box a 0 0 A | first\narrow a b away\n")
