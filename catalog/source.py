"""Source: a draft as the text of the file that a person then owns.

`adopt` and `make resource` write it. The text is not formatted yet: `ruff format` breaks its lines.
"""

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from catalog.draft import DraftMember, DraftResource
from catalog.expression import Name, imports, source
from sluice.http.route_texts import words

MAX_LINE = 100
INDENT = "    "
REPOSITORY = "ResourceRepository"
USED = (Name("sluice.resource", "Resource"), Name("sluice.sql.resource_repository", REPOSITORY))
FILE = '''\
"""{title}, at /api/{name}.

{paragraphs}
"""

{imports}

{constant} = Resource(
{attributes}
)


class {class_name}({base}):
    """{does} {rows}."""

    resource = {constant}
'''


def text(draft: DraftResource, origin: str = "") -> str:
    """Return the source of the module that declares a resource.

    origin: a sentence that says where the declaration is from.
    """
    class_name = repository_name(draft)
    is_writable = draft.options.get("writes") != ()
    rule = f"A rule is a method of {class_name}, such as `before_create` or `before_write`."
    sentences = " ".join(filter(None, (origin, rule if is_writable else "")))
    return FILE.format(
        title=_in_docstring(words(draft.name).capitalize()),
        name=draft.name,
        paragraphs=_paragraphs([sentences, *draft.notes]),
        imports="\n".join(_import_lines(draft)),
        constant=draft.name.upper(),
        attributes=textwrap.indent("\n".join(_attributes(draft)), INDENT),
        class_name=class_name,
        base=REPOSITORY,
        does="Reads and writes" if is_writable else "Reads",
        rows=_rows(draft),
    )


def repository_name(draft: DraftResource) -> str:
    """Return the name of the repository's class."""
    words = "".join(word.capitalize() for word in draft.singular.split("_"))
    name = f"{words}Repository"
    return name if name != REPOSITORY else f"{words}RowRepository"


def lines_of(members: Iterable[DraftMember]) -> Iterator[str]:
    """Yield the lines of members in a list: the comment, then the declaration."""
    for member in members:
        yield from _comment(member.comment)
        if member.expression is not None:
            yield f"{source(member.expression)},"


def _attributes(draft: DraftResource) -> Iterator[str]:
    """Yield the arguments of Resource, in the order in which a person reads them."""
    first = {
        "name": draft.name,
        "singular": draft.singular,
        "description": draft.description,
        "table": str(draft.table),
        "group": draft.group,
        "scope": draft.options.get("scope", ""),
    }
    for name, value in first.items():
        if value:
            yield f"{name}={source(value)},"
    if len(draft.key) == 1:
        (key,) = draft.key
        yield from _comment(key.comment)
        yield f"key={source(key.expression)},"
    else:
        yield from _list("key", draft.key)
    yield from _list("fields", draft.fields)
    constraints = [DraftMember("", constraint) for constraint in draft.constraints]
    for attribute, members in (("constraints", constraints), ("relations", draft.relations)):
        if members:
            yield from _list(attribute, members)
    for name, value in draft.options.items():
        if name not in first:
            yield from _comment(draft.comments.get(name, ""))
            yield f"{name}={source(value)},"


def _list(name: str, members: Sequence[DraftMember]) -> Iterator[str]:
    """Yield the lines of a list. `ruff format` joins one without a comma at the end, if it can."""
    if len(members) <= 2 and not any(member.comment for member in members):
        yield f"{name}=[{', '.join(source(member.expression) for member in members)}],"
        return
    yield f"{name}=["
    yield from (f"{INDENT}{line}" for line in lines_of(members))
    yield "],"


def _comment(text: str) -> list[str]:
    width = MAX_LINE - 2 * len(INDENT) - len("# ")
    lines = (_wrapped(_printable(line), width) for line in text.splitlines())
    return [f"# {part}" for line in lines for part in line]


def _import_lines(draft: DraftResource) -> Iterator[str]:
    """Yield the imports: the standard library first, then the engine."""
    modules: dict[str, set[str]] = {}
    for name in (*USED, *imports(draft.expression)):
        modules.setdefault(name.module, set()).add(name.name)
    is_engine = sorted((module.startswith("sluice."), module) for module in modules)
    for index, (engine, module) in enumerate(is_engine):
        if engine and index and not is_engine[index - 1][0]:
            yield ""
        names = sorted(modules[module], key=lambda name: (not name.isupper(), name))
        yield f"from {module} import {', '.join(names)}"


def _paragraphs(paragraphs: Iterable[str]) -> str:
    return "\n\n".join(
        "\n".join(_wrapped(_in_docstring(paragraph), MAX_LINE))
        for paragraph in paragraphs
        if paragraph
    )


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def _in_docstring(text: str) -> str:
    """Return a text that a docstring can have: a name in the database can have any character."""
    return _printable(text).replace("\\", "\\\\").replace('"""', '\\"\\"\\"')


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else " " for each in text)


def _rows(draft: DraftResource) -> str:
    rows = words(draft.name)
    return rows if draft.singular != draft.name else f"rows of {rows}"
