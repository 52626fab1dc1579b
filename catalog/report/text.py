"""The report of drift as a text for a terminal, with colours if they are wanted."""

from collections.abc import Iterator, Sequence
from functools import partial

from catalog.adopt.plan_text import BOLD, GREEN, INDENT, RED, YELLOW, Paint, painted
from catalog.findings import Finding
from catalog.report.lines import Place

ACTIONS = {"add": "add to `{}`", "change": "write in `{}`", "remove": "remove from `{}`"}


def report_text(
    title: str, findings: Sequence[Finding], places: Sequence[Place | None], *, colour: bool
) -> str:
    """Return the text: the differences, then the notes, each with the line to write."""
    paint = partial(painted, colour)
    lines = [paint(BOLD, title)]
    pairs = [*zip(findings, places, strict=True)]
    for name, code, wanted in (("Differences", RED, True), ("Notes", YELLOW, False)):
        of_kind = [(each, at) for each, at in pairs if each.is_difference is wanted]
        if of_kind:
            lines += ["", f"{paint(BOLD, name)} ({len(of_kind)})"]
        for each, at in of_kind:
            lines += _finding(each, at, paint, code)
    return "\n".join(lines) + "\n"


def _finding(each: Finding, at: Place | None, paint: Paint, code: str) -> Iterator[str]:
    yield f"{INDENT}{paint(code, each.subject)}: {each.message}"
    if at is None:
        return
    where = f"{at.file}:{at.line}"
    if not at.action:
        yield f"{INDENT * 2}{where}"
        return
    action = ACTIONS[at.action].format(at.attribute) if at.attribute else "remove the resource"
    yield f"{INDENT * 2}{where}: {action}"
    text = at.present if at.action == "remove" else at.wanted
    if text:
        yield f"{INDENT * 2}{paint(GREEN, text) if at.action != 'remove' else paint(RED, text)}"
