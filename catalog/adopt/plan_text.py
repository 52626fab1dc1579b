"""The plan as a text for a terminal, with colours if they are wanted."""

import textwrap
from collections.abc import Callable, Iterable, Iterator, Sized
from functools import partial

from catalog.adopt.output import Written
from catalog.adopt.plan import Plan, PlannedResource
from catalog.draft import DraftDecision, Refusal

BOLD = "1"
DIM = "2"
GREEN = "32"
YELLOW = "33"
RED = "31"
WIDTH = 100
INDENT = "  "
LABEL = 11
Paint = Callable[[str, str], str]
DECISIONS = "{}, which the plan shows: make adopt without WRITE=1"
NEXT = (
    "make run APP={app} DATABASE_URL=…       serves it on this machine",
    "make migrate APP={app} DATABASE_URL=…   creates Sluice's roles and grants them these tables",
)


def plan_text(plan: Plan, *, colour: bool = False) -> str:
    """Return the text of a plan."""
    paint = partial(painted, colour)
    sections = (
        _head(plan, paint),
        _resources(plan, paint),
        _decisions(plan.decisions, paint),
        _refusals("Not served", plan.refusals, paint),
        _refusals("Functions of the database that are not served", plan.functions, paint),
        _additions(plan, paint),
        _budgets(plan, paint),
    )
    return "\n".join(line for section in sections for line in section) + "\n"


def written_text(plan: Plan, written: Written, *, colour: bool = False) -> str:
    """Return what WRITE=1 has done with a plan, what is not served, and what to do next."""
    paint = partial(painted, colour)
    decisions = _count(plan.decisions, "decision")
    next_steps = [command.format(app=plan.application) for command in NEXT]
    sections = (
        _head(plan, paint),
        _refusals("Not served", plan.refusals, paint),
        _additions(plan, paint),
        _listed("Decisions", [DECISIONS.format(decisions)] if plan.decisions else [], paint),
        _listed("Written: yours to change", written.written, paint),
        _listed("Derived", written.derived, paint),
        _listed("Notes", written.notes, paint),
        _listed("Next", next_steps, paint),
    )
    return "\n".join(line for section in sections for line in section) + "\n"


def _listed(title: str, items: Iterable[str], paint: Paint) -> Iterator[str]:
    for number, item in enumerate(items):
        if number == 0:
            yield from ("", paint(BOLD, title))
        yield f"{INDENT}{item}"


def _head(plan: Plan, paint: Paint) -> Iterator[str]:
    yield paint(BOLD, f"{plan.application}: {plan.database}, PostgreSQL {plan.server}")
    existing = len(plan.resources) - len(plan.new)
    refused = f"{_count(plan.tables_refused, 'table')} refused"
    counts = [
        f"{_count(plan.new, 'new resource')} in {plan.folder}",
        f"{existing} declared already" if existing else "",
        f"{_count(plan.junctions, 'table')} of links" if plan.junctions else "",
        paint(RED, refused) if plan.tables_refused else "",
    ]
    yield ", ".join(filter(None, counts))
    if plan.search_path:
        yield f"search_path: {', '.join(plan.search_path)}"


def _resources(plan: Plan, paint: Paint) -> Iterator[str]:
    for each in plan.resources:
        state = paint(DIM, f"exists in {each.file}") if each.exists else paint(GREEN, each.file)
        yield ""
        yield f"{paint(BOLD, each.name)}  {each.table} → {state}"
        yield from _members(each, paint)


def _members(each: PlannedResource, paint: Paint) -> Iterator[str]:
    routes = [f"{' '.join(route.methods)} {route.path}" for route in each.routes]
    yield from _labelled("routes", routes, paint, separator="\n")
    yield from _labelled("function", [each.group], paint)
    yield from _labelled("key", each.key, paint)
    yield from _labelled("tenant", [each.tenant] if each.tenant else [], paint)
    yield from _labelled("fields", each.fields, paint)
    yield from _labelled("filters", each.filters, paint)
    yield from _labelled("sorts", each.sorts, paint)
    yield from _labelled("references", each.references, paint)
    yield from _labelled("lists", each.lists, paint)
    yield from _labelled("left out", each.left_out.values(), paint, separator="\n")
    yield from _labelled("note", each.notes, paint, separator="\n")


def _labelled(
    label: str, items: Iterable[str], paint: Paint, *, separator: str = ", "
) -> Iterator[str]:
    """Yield the items after a label, in lines that fit the terminal."""
    width = WIDTH - len(INDENT) - LABEL
    lines = [line for text in separator.join(items).split("\n") for line in _wrapped(text, width)]
    for number, line in enumerate(lines):
        shown = "" if number else label
        yield f"{INDENT}{paint(DIM, f'{shown:<{LABEL}}')}{line}"


def _decisions(decisions: Iterable[DraftDecision], paint: Paint) -> Iterator[str]:
    """Yield what was decided, once for all tables and columns with the same decision."""
    subjects: dict[tuple[str, str], list[str]] = {}
    for each in decisions:
        subjects.setdefault((each.chosen, each.otherwise), []).append(each.subject)
    if subjects:
        yield from ("", paint(BOLD, "Decisions"))
    for (chosen, otherwise), names in subjects.items():
        yield f"{INDENT}{chosen}"
        for line in _wrapped(", ".join(names), WIDTH - 2 * len(INDENT)):
            yield f"{INDENT * 2}{paint(YELLOW, line)}"
        yield from _remedy(f"otherwise: {otherwise}")


def _refusals(title: str, refusals: Iterable[Refusal], paint: Paint) -> Iterator[str]:
    for number, each in enumerate(refusals):
        if number == 0:
            yield from ("", paint(BOLD, title))
        yield f"{INDENT}{paint(YELLOW, each.subject)}: {each.reason}"
        yield from _remedy(f"{each.remedy};" if each.is_ddl else each.remedy)


def _remedy(text: str) -> Iterator[str]:
    """Yield the lines of a remedy as they are: a person copies them."""
    yield from textwrap.indent(text, INDENT * 2).split("\n") if text else ()


def _additions(plan: Plan, paint: Paint) -> Iterator[str]:
    for number, each in enumerate(plan.additions):
        if number == 0:
            yield from ("", paint(BOLD, "To add to existing declarations"))
        yield f"{INDENT}{paint(YELLOW, each.file)}, in `{each.attribute}`:"
        yield from _remedy(each.line)


def _budgets(plan: Plan, paint: Paint) -> Iterator[str]:
    yield from ("", paint(BOLD, "Lambda functions and connections"))
    for argument, budget in plan.budgets.items():
        required = "no limit of" if budget.required is None else f"at most {budget.required}"
        functions = _count(range(budget.functions), "function")
        text = f"{functions}, {required} connections of {budget.allowed}"
        text = text if budget.fits else paint(RED, f"{text}, which does not fit")
        chosen = " (the plan)" if argument == plan.group else ""
        yield f"{INDENT}GROUP={argument}{chosen}: {text}"


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def _count(things: Sized, noun: str) -> str:
    return f"{len(things)} {noun}" + ("" if len(things) == 1 else "s")


def painted(colour: bool, code: str, text: str) -> str:
    """Return a text in a colour of the terminal, if colours are wanted."""
    return f"\x1b[{code}m{text}\x1b[0m" if colour else text
