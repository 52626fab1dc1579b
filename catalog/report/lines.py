"""Where a declaration stands, and the line that a person pastes there."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from catalog.expression import source
from catalog.findings import REMOVED, Edit, Finding
from scripts.derive.scan import Found
from sluice.kinds.field import FieldOptions

OF_EVERY_KIND = frozenset(FieldOptions.__annotations__)


class Place(NamedTuple):
    """A line of a file, the declaration that is there, and the one to write. Either may be empty.

    action: what to do: add, change or remove. Empty: only a person knows.
    """

    file: str
    line: int
    action: str
    attribute: str
    present: str
    wanted: str


@dataclass(frozen=True)
class DeclarationFile:
    """The file of a resource, and the call of Resource in it."""

    path: Path
    line: int

    @cached_property
    def _text(self) -> str:
        return self.path.read_text()

    @cached_property
    def _tree(self) -> ast.Module:
        return ast.parse(self._text)

    @cached_property
    def _call(self) -> ast.Call | None:
        statement = next((each for each in self._tree.body if each.lineno == self.line), None)
        value = getattr(statement, "value", None)
        return value if isinstance(value, ast.Call) else None

    def attribute(self, name: str) -> ast.keyword | None:
        """Return an argument of Resource."""
        keywords = self._call.keywords if self._call else []
        return next((each for each in keywords if each.arg == name), None)

    def member(self, attribute: str, names: set[str]) -> ast.Call | None:
        """Return the call of a field, a relation or a constraint that has one of the names."""
        for call in self._calls(attribute):
            arguments = [*call.args, *(each.value for each in call.keywords)]
            if names & {*map(_constants, arguments[:2])}:
                return call
        return None

    def text(self, node: ast.AST) -> str:
        """Return the source of a node on one line."""
        text = ast.get_source_segment(self._text, node) or ""
        return text if "\n" not in text else ast.unparse(node).replace("'", '"')

    def _calls(self, attribute: str) -> Iterator[ast.Call]:
        keyword = self.attribute(attribute)
        if keyword is None:
            return
        value = keyword.value
        items = value.elts if isinstance(value, ast.List | ast.Tuple) else [value]
        for item in items:
            call = self._assigned(item.id) if isinstance(item, ast.Name) else item
            if isinstance(call, ast.Call):
                yield call

    def _assigned(self, name: str) -> ast.AST | None:
        for statement in self._tree.body:
            if isinstance(statement, ast.Assign):
                targets = [each.id for each in statement.targets if isinstance(each, ast.Name)]
                if name in targets:
                    return statement.value
        return None


def place(finding: Finding, found: Found, shown: Path) -> Place | None:
    """Return where the declaration is and the line to write. `shown` is the root of the paths."""
    resource = found.named(finding.resource)
    if resource is None:
        return None
    edit = finding.edit
    file = DeclarationFile(resource.path, resource.line)
    path = str(resource.path.relative_to(shown))
    if edit is None:
        return Place(path, resource.line, "", "", "", "")
    if edit.action == "add":
        keyword = file.attribute(edit.attribute)
        line = keyword.value.lineno if keyword else resource.line
        return Place(path, line, "add", edit.attribute, "", _wanted(edit))
    if not edit.attribute:
        return Place(path, resource.line, "remove", "", "", "")
    if not edit.name:
        keyword = file.attribute(edit.attribute)
        line = keyword.lineno if keyword else resource.line
        present = f"{file.text(keyword)}," if keyword else ""
        return Place(path, line, "change", edit.attribute, present, _wanted(edit))
    fields = resource.resource.by_name
    names = {edit.name, fields[edit.name].column if edit.name in fields else edit.name}
    call = file.member(edit.attribute, names)
    if call is None:
        return Place(path, resource.line, edit.action, edit.attribute, "", _wanted(edit))
    wanted = "" if edit.action == "remove" else f"{_changed(call, edit, file)},"
    return Place(path, call.lineno, edit.action, edit.attribute, f"{file.text(call)},", wanted)


def _wanted(edit: Edit) -> str:
    """Return the line to write where none could be changed: that of `adopt`, or the options."""
    if edit.expression is not None:
        return f"{source(edit.expression)},"
    options = ((name, value) for name, value in edit.options.items() if value is not REMOVED)
    return ", ".join(f"{name}={source(value)}" for name, value in options)


def _changed(call: ast.Call, edit: Edit, file: DeclarationFile) -> str:
    """Return the source of a call with other options, or of another kind with its options."""
    kind = edit.expression
    if kind is not None and kind.args:
        return source(kind)
    function, options = file.text(call.func), dict(edit.options)
    arguments = [file.text(each) for each in call.args]
    keywords = {each.arg: file.text(each.value) for each in call.keywords if each.arg}
    if kind is not None:
        function, arguments = kind.target.name, arguments[:1]
        keywords = {name: text for name, text in keywords.items() if name in OF_EVERY_KIND}
        options = dict(kind.options)
    if "choices" in options and len(arguments) > 1:
        arguments[1] = source(options.pop("choices"))
    texts = {name: None if value is REMOVED else source(value) for name, value in options.items()}
    merged = {**keywords, **texts}
    named = [f"{name}={text}" for name, text in merged.items() if text is not None]
    return f"{function}({', '.join([*arguments, *named])})"


def _constants(node: ast.AST) -> str:
    """Return a text, or the texts of a list: the columns of a constraint."""
    items = node.elts if isinstance(node, ast.List | ast.Tuple) else [node]
    return ", ".join(str(each.value) for each in items if isinstance(each, ast.Constant))
