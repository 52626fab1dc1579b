"""Draw docs/architecture.svg from docs/architecture.txt, which explains its format.

    python scripts/draw_architecture.py

A test fails if the picture is out of date.
"""

import sys
from dataclasses import dataclass
from html import escape
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
# in pixels
BOX_WIDTH = 190
BOX_HEIGHT = 56
COLUMN_GAP = 90
ROW_GAP = 54
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
    """A box of the picture, at a column and a row."""

    column: int
    row: int
    title: str
    text: str

    @property
    def centre(self) -> tuple[float, float]:
        x = MARGIN + self.column * (BOX_WIDTH + COLUMN_GAP) + BOX_WIDTH / 2
        y = MARGIN + self.row * (BOX_HEIGHT + ROW_GAP) + BOX_HEIGHT / 2
        return x, y

    def edge(self, other: "Box") -> tuple[float, float]:
        """Return the point at which the line to `other` leaves this box."""
        (x, y), (x2, y2) = self.centre, other.centre
        dx, dy = x2 - x, y2 - y
        part_x = BOX_WIDTH / 2 / abs(dx) if dx else 1.0
        part_y = BOX_HEIGHT / 2 / abs(dy) if dy else 1.0
        part = min(part_x, part_y)
        return x + dx * part, y + dy * part


def read(text: str) -> tuple[dict[str, Box], list[tuple[str, str, str]]]:
    """Return the boxes by name, and the arrows. Raise ValueError for a line that is neither."""
    boxes: dict[str, Box] = {}
    arrows = []
    for line in text.splitlines():
        kind, *rest = line.split(maxsplit=4 if line.startswith("box") else 3) or ["#"]
        if kind == "box" and "|" in rest[-1]:
            title, description = rest[3].split("|")
            boxes[rest[0]] = Box(int(rest[1]), int(rest[2]), title.strip(), description.strip())
        elif kind == "arrow" and {rest[0], rest[1]} <= boxes.keys():
            arrows.append((rest[0], rest[1], rest[2]))
        elif not kind.startswith("#"):
            raise ValueError(f"docs/architecture.txt: {line}")
    return boxes, arrows


def draw(text: str) -> str:
    """Return the picture as SVG."""
    boxes, arrows = read(text)
    last_column = max(box.column for box in boxes.values())
    last_row = max(box.row for box in boxes.values())
    width = 2 * MARGIN + last_column * (BOX_WIDTH + COLUMN_GAP) + BOX_WIDTH
    height = 2 * MARGIN + last_row * (BOX_HEIGHT + ROW_GAP) + BOX_HEIGHT
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'role="img" aria-label="Architecture">',
        f"<style>{STYLE}</style>",
        '<marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path d="M0 0L8 4L0 8z" fill="#7d93a8"/></marker>',
        f'<rect class="page" width="{width}" height="{height}"/>',
    ]
    for start, end, label in arrows:
        (x, y), (x2, y2) = boxes[start].edge(boxes[end]), boxes[end].edge(boxes[start])
        lines.append(f'<line x1="{x:.0f}" y1="{y:.0f}" x2="{x2:.0f}" y2="{y2:.0f}"/>')
        label_x, label_y = (x + x2) / 2, (y + y2) / 2 - 5
        lines.append(
            f'<text class="said" x="{label_x:.0f}" y="{label_y:.0f}">{escape(label)}</text>'
        )
    for box in boxes.values():
        x, y = box.centre
        left, top = x - BOX_WIDTH / 2, y - BOX_HEIGHT / 2
        lines.append(
            f'<rect x="{left:.0f}" y="{top:.0f}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="6"/>'
        )
        lines.append(f'<text class="title" x="{x:.0f}" y="{y - 5:.0f}">{escape(box.title)}</text>')
        lines.append(f'<text x="{x:.0f}" y="{y + 14:.0f}">{escape(box.text)}</text>')
    return "\n".join([*lines, "</svg>", ""])


def main() -> int:
    """Draw the picture."""
    (DOCS / "architecture.svg").write_text(draw((DOCS / "architecture.txt").read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
