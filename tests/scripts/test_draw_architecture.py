"""The picture of the architecture is what its text says."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from scripts.draw_architecture import draw, read

DOCS = Path(__file__).parents[2] / "docs"


def test_the_picture_is_drawn_from_the_text_that_is_there() -> None:
    drawn = draw((DOCS / "architecture.txt").read_text())

    ElementTree.fromstring(drawn)  # noqa: S314 - our own
    assert (DOCS / "architecture.svg").read_text() == drawn, "python scripts/draw_architecture.py"


def test_an_arrow_to_nowhere_is_an_error() -> None:
    with pytest.raises(ValueError, match="arrow a b"):
        read("box a 0 0 A | first\narrow a b away\n")
