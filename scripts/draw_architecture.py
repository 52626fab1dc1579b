"""Draws docs/architecture.svg from docs/architecture.txt, which says how.

python scripts/draw_architecture.py           a test fails where the picture is older than the text
"""

import sys
from dataclasses import dataclass
from html import escape
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
WIDTH, HEIGHT = 190, 56  # of a box, in pixels; and of the space between two
ACROSS, DOWN = 90, 54
MARGIN = 16
STYLE = """
  rect { fill: #f5f8fb; stroke: #34597d; stroke-width: 1.5 }
  .page { fill: #ffffff; stroke: none }
  text { font: 12px system-ui, sans-serif; fill: #44505c; text-anchor: middle }
  .title { font-weight: 600; font-size: 14px; fill: #14232f }
  .said { paint-order: stroke; stroke: #ffffff; stroke-width: 4px }
  line { stroke: #7d93a8; stroke-width: 1.5; marker-end: url(#head) }
"""


@dataclass(frozen=True)
class Box:
    column: int
    row: int
    title: str
    text: str

    @property
    def centre(self) -> tuple[float, float]:
        return MARGIN + self.column * (WIDTH + ACROSS) + WIDTH / 2, MARGIN + self.row * (
            HEIGHT + DOWN
        ) + HEIGHT / 2

    def edge(self, other: "Box") -> tuple[float, float]:
        """Where the line to `other` leaves this box."""
        (x, y), (x2, y2) = self.centre, other.centre
        across, down = x2 - x, y2 - y
        part = min(
            WIDTH / 2 / abs(across) if across else 1.0, HEIGHT / 2 / abs(down) if down else 1.0
        )
        return x + across * part, y + down * part


def read(text: str) -> tuple[dict[str, Box], list[tuple[str, str, str]]]:
    """The boxes by name, and the arrows; ValueError with the line that is neither."""
    boxes: dict[str, Box] = {}
    arrows = []
    for line in text.splitlines():
        kind, *rest = line.split(maxsplit=4 if line.startswith("box") else 3) or ["#"]
        if kind == "box" and "|" in rest[-1]:
            title, told = rest[3].split("|")
            boxes[rest[0]] = Box(int(rest[1]), int(rest[2]), title.strip(), told.strip())
        elif kind == "arrow" and {rest[0], rest[1]} <= boxes.keys():
            arrows.append((rest[0], rest[1], rest[2]))
        elif not kind.startswith("#"):
            raise ValueError(f"docs/architecture.txt: {line}")
    return boxes, arrows


def draw(text: str) -> str:
    """The picture, in SVG."""
    boxes, arrows = read(text)
    wide = 2 * MARGIN + max(box.column for box in boxes.values()) * (WIDTH + ACROSS) + WIDTH
    high = 2 * MARGIN + max(box.row for box in boxes.values()) * (HEIGHT + DOWN) + HEIGHT
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" role="img" aria-label="Architecture">',
        f"<style>{STYLE}</style>",
        '<marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#7d93a8"/></marker>',
        f'<rect class="page" width="{wide}" height="{high}"/>',
    ]
    for start, end, said in arrows:
        (x, y), (x2, y2) = boxes[start].edge(boxes[end]), boxes[end].edge(boxes[start])
        lines.append(f'<line x1="{x:.0f}" y1="{y:.0f}" x2="{x2:.0f}" y2="{y2:.0f}"/>')
        lines.append(
            f'<text class="said" x="{(x + x2) / 2:.0f}" y="{(y + y2) / 2 - 5:.0f}">{escape(said)}</text>'
        )
    for box in boxes.values():
        x, y = box.centre
        lines.append(
            f'<rect x="{x - WIDTH / 2:.0f}" y="{y - HEIGHT / 2:.0f}" width="{WIDTH}" height="{HEIGHT}" rx="6"/>'
        )
        lines.append(f'<text class="title" x="{x:.0f}" y="{y - 5:.0f}">{escape(box.title)}</text>')
        lines.append(f'<text x="{x:.0f}" y="{y + 14:.0f}">{escape(box.text)}</text>')
    return "\n".join([*lines, "</svg>", ""])


def main() -> int:
    (DOCS / "architecture.svg").write_text(draw((DOCS / "architecture.txt").read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
