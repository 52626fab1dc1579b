"""Find the resources of an application: declarations, repositories and routes by hand.

Only modules directly in the application's package are read, and of these only those that import
`sluice.resource` or `sluice.sql.resource_repository`. The registry is never read: it may be missing
or out of date.
"""

import ast
import re
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from sluice import application
from sluice.application import Application
from sluice.kinds.field import DeclarationError
from sluice.resource import Resource

ROOT = Path(__file__).parents[2]
LAYER = ROOT / "layers" / "shared"
DECLARES = re.compile(r"\bsluice\.(resource|sql\.resource_repository)\b")


@dataclass(frozen=True)
class FoundResource:
    """A resource of the application, with the names of its parts as `module:name`.

    repository: the class. None: only the ORM, analysts and tools know the resource.
    routes: the Api by hand, in `<application>/routes/<resource>.py`. Empty: derived.
    """

    resource: Resource
    path: Path
    declaration: str
    line: int
    repository: Any = None
    routes: str = ""

    @property
    def repository_name(self) -> str:
        """Return the repository as `module:name`."""
        return f"{self.repository.__module__}:{self.repository.__name__}"

    @property
    def is_served(self) -> bool:
        """Return whether a function has routes of the resource."""
        return bool(self.resource.group)

    def place(self, name: str = "") -> str:
        """Return the file and line of the declaration, or of the field or name in it."""
        tree = ast.parse(self.path.read_text())
        lines = (
            node.lineno
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and node.value == name and node.lineno >= self.line
        )
        return f"{self.path.name}:{min(lines, default=self.line) if name else self.line}"


@dataclass(frozen=True)
class Found:
    """The resources of an application, in its order. `app` has what is declared by hand."""

    app: Application
    folder: Path
    resources: tuple[FoundResource, ...]

    @property
    def is_default(self) -> bool:
        """Return whether the files at the top of the repository belong to the application."""
        return self.app.name == application.default_of_checkout()

    @property
    def artefacts(self) -> Path | None:
        """Return the folder of template.yaml, openapi.json and events.

        None for an application that only tests have, which is not deployed.
        """
        if self.is_default:
            return ROOT
        return ROOT / "deploy" / self.app.name if self.folder.parent == LAYER else None

    def named(self, name: str) -> FoundResource | None:
        """Return the resource of this name."""
        return next((found for found in self.resources if found.resource.name == name), None)


def scan(name: str) -> Found:
    """Return the resources of the application. Raise DeclarationError, or an error of a module."""
    app = application.declared(name)
    folder = app.folder
    found = [each for path in sorted(folder.glob("*.py")) for each in _in_file(name, path)]
    return Found(
        app, folder, tuple(sorted(found, key=lambda each: app.position(each.resource.name)))
    )


def _in_file(app: str, path: Path) -> Iterator[FoundResource]:
    text = path.read_text()
    if path.stem == "registry" or not DECLARES.search(text):
        return
    module = _import(app, path)
    statements = ast.parse(text).body
    repositories = dict(_repositories(module, statements))
    for statement in statements:
        for name in _assigned(statement):
            resource = getattr(module, name, None)
            if isinstance(resource, Resource):
                yield FoundResource(
                    resource=resource,
                    path=path,
                    declaration=f"{module.__name__}:{name}",
                    line=statement.lineno,
                    repository=repositories.get(resource),
                    routes=_routes(app, path.parent, resource.name),
                )


def _import(app: str, path: Path) -> ModuleType:
    """Import a module. Add the line to the DeclarationError of a declaration in it."""
    try:
        return import_module(f"{app}.{path.stem}")
    except DeclarationError as error:
        frames = reversed(traceback.extract_tb(error.__traceback__))
        line = next(frame.lineno for frame in frames if frame.filename == str(path))
        raise DeclarationError(f"{path.name}:{line}: {error}") from None


def _assigned(statement: ast.stmt) -> list[str]:
    """Return the names to which a statement assigns the result of a call."""
    match statement:
        case ast.Assign(targets=targets, value=ast.Call()):
            return [target.id for target in targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.Call()):
            return [name]
    return []


def _repositories(
    module: ModuleType, statements: list[ast.stmt]
) -> Iterator[tuple[Resource, type]]:
    """Yield the classes of a module that say which resource is theirs."""
    for statement in statements:
        if isinstance(statement, ast.ClassDef):
            found = getattr(module, statement.name)
            resource = vars(found).get("resource")
            if isinstance(resource, Resource):
                yield resource, found


def _routes(app: str, folder: Path, resource: str) -> str:
    has_routes = (folder / "routes" / f"{resource}.py").is_file()
    return f"{app}.routes.{resource}:api" if has_routes else ""


def is_importable(found: FoundResource) -> bool:
    """Return whether files can be imported: there is a statement by hand, or one can be derived.

    A statement is derived for a resource that a POST creates from columns of its own table.
    """
    if found.repository is None:
        return False
    if "import_write" in vars(found.repository):
        return True
    resource = found.resource
    is_one_table = not any(field.needs_column_sql for field in resource.writable)
    return "create" in resource.writes and is_one_table
