"""Applications: what each has, registered as names, so that a function imports only what it serves.

An application is a package with a module `application` that defines APPLICATION. SLUICE_APP names
the package; without it `[tool.sluice] app` in pyproject.toml does.
"""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, get_args, overload

from sluice.settings import SettingsError, application_name

FORMAT = 1
ENGINE_SCOPES = ("analytics:query", "imports:read", "imports:write")
ENGINE_REPLICA_SCOPES = ("analytics:query",)
ENGINE_FUNCTIONS = ("cleanup", "docs", "graphql", "health", "import_worker", "imports", "migrate")
Single = Literal["graphql", "analytics", "openapi", "models", "demo"]
Several = Literal["repositories", "imports", "constraint_errors"]
_NAME = re.compile(r"[a-z]\w*(\.\w+)*:[A-Za-z_]\w*", re.ASCII)


class ApplicationError(Exception):
    """The declaration of an application is wrong, or it cannot be found."""


@dataclass(frozen=True, slots=True)
class ApplicationFunction:
    """A function of the application, for template.yaml. `code` is its folder."""

    code: str
    paths: Mapping[str, str]  # name of the event → path, in the order of the template
    analyst: bool = False  # runs ad-hoc SQL, so it gets the credentials of the analyst's role

    @property
    def module(self) -> str:
        """Return the handler's module in the repository, such as `functions.users.handler`."""
        return f"{self.code.replace('/', '.')}.handler"


@dataclass(frozen=True, kw_only=True, eq=False)
class Application:
    """What an application has. A str `module:name` is imported when it is first needed.

    repositories: name → repository class.
    imports: name → ImportResource, in the order of openapi.json.
    graphql: a GraphqlPart. Empty: no GraphQL types.
    analytics: a Catalogue. Empty: no ad-hoc SQL.
    openapi: an OpenApiTexts: descriptions and examples.
    models: the declarative base of its SQLAlchemy models.
    error_classes: the application's SluiceErrors, in the order of openapi.json.
    constraint_errors: constraint → SluiceError that its violation raises.
    fields: column → field as clients see it. Other columns are never named to a client.
    replica_scopes: scopes whose routes a replica may serve.
    demo: a function `(owner_url) -> int` that fills an empty database (`make run`).
    """

    format: int
    name: str
    functions: tuple[ApplicationFunction, ...]
    scopes: tuple[str, ...]
    replica_scopes: tuple[str, ...] = ()
    repositories: Mapping[str, str] = field(default_factory=dict)
    imports: Mapping[str, str] = field(default_factory=dict)
    graphql: str = ""
    analytics: str = ""
    openapi: str = ""
    models: str = ""
    error_classes: tuple[str, ...] = ()
    constraint_errors: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)
    demo: str = ""

    def __new__(cls, *, format: int = FORMAT, name: str = "", **_: object) -> "Application":
        """Check the format before `__init__` rejects the arguments that another format has."""
        if format != FORMAT:
            raise ApplicationError(
                f"the application {name} has format {format}, and this release of Sluice "
                f"reads format {FORMAT}: see docs/upgrade.md"
            )
        return object.__new__(cls)

    def __post_init__(self) -> None:
        wrong = [name for name in self._names() if not _NAME.fullmatch(name)]
        if wrong:
            raise ApplicationError(
                f"the application {self.name} registers {wrong}, "
                "which is not a name such as package.module:Name"
            )
        folders = [Path(function.code).name for function in self.functions]
        if not folders:
            raise ApplicationError(f"the application {self.name} has no function")
        taken = {name for name in folders if folders.count(name) > 1 or name in ENGINE_FUNCTIONS}
        if taken:
            raise ApplicationError(
                f"two functions have a folder named {', '.join(sorted(taken))}: rename that of the "
                f"application {self.name}; the engine's are {', '.join(ENGINE_FUNCTIONS)}"
            )

    @property
    def all_scopes(self) -> tuple[str, ...]:
        return (*self.scopes, *ENGINE_SCOPES)

    @property
    def all_replica_scopes(self) -> tuple[str, ...]:
        return (*self.replica_scopes, *ENGINE_REPLICA_SCOPES)

    @overload
    def load(self, kind: Single) -> Any: ...
    @overload
    def load(self, kind: Several, name: str) -> Any: ...
    def load(self, kind: Single | Several, name: str = "") -> Any:
        """Import and return what is registered as `kind`, and under `name` if there are several.

        Raise KeyError for an unknown name, and ApplicationError if nothing is registered.
        """
        kinds = get_args(Several if name else Single)
        if kind not in kinds:
            how = "by name" if name else "without a name"
            raise ApplicationError(f"{kind!r} is not loaded {how}; that is {', '.join(kinds)}")
        registered = getattr(self, kind)
        target = registered[name] if name else registered
        if not target:
            raise ApplicationError(f"the application {self.name} has no {kind}")
        return load(target)

    def _names(self) -> tuple[str, ...]:
        mappings = (self.repositories, self.imports, self.constraint_errors)
        single = (self.graphql, self.analytics, self.openapi, self.models, self.demo)
        return (
            *(target for mapping in mappings for target in mapping.values()),
            *filter(None, single),
            *self.error_classes,
        )


@cache
def load(target: str) -> Any:
    """Import `module:name` and return the object."""
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)


@cache
def named(app: str) -> Application:
    """Return the application of a package. Raise ApplicationError if there is none."""
    module = f"{app}.application"
    if not app.isidentifier():
        raise ApplicationError(_unknown(app))
    try:
        found = getattr(import_module(module), "APPLICATION", None)
    except ModuleNotFoundError as error:
        if error.name not in (app, module):
            raise  # an import inside the application failed
        raise ApplicationError(_unknown(app)) from None
    if not isinstance(found, Application) or found.name != app:
        raise ApplicationError(f"{module} does not define APPLICATION with the name {app}")
    return found


def installed() -> list[str]:
    """Return the names of the applications on the path."""
    modules = (module for entry in sys.path for module in Path(entry).glob("*/application.py"))
    return sorted(
        {
            module.parent.name
            for module in modules
            if re.search(r"^APPLICATION\b", module.read_text("utf-8", "replace"), re.MULTILINE)
        }
    )


def _unknown(app: str) -> str:
    return (
        f"there is no application {app!r}. SLUICE_APP, or [tool.sluice] app in pyproject.toml, "
        f"must name one of these: {', '.join(installed())}"
    )


def current() -> Application:
    """Return the application of this process. Raise SettingsError if none is named."""
    app = application_name() or _default_of_checkout()
    if not app:
        raise SettingsError(
            [f"SLUICE_APP is not set; it must name one of these: {', '.join(installed())}"]
        )
    return named(app)


def problems() -> list[str]:
    """Return what is wrong with SLUICE_APP or the application that it names."""
    try:
        current()
    except SettingsError as error:
        return error.problems
    except ApplicationError as error:
        return [f"SLUICE_APP: {error}"]
    return []


@cache
def _default_of_checkout() -> str:
    """Return `[tool.sluice] app` of the repository that this file is in; empty in Lambda."""
    path = Path(__file__).parents[3] / "pyproject.toml"
    if not path.is_file():
        return ""
    import tomllib  # no function in Lambda needs it

    return str(tomllib.loads(path.read_text()).get("tool", {}).get("sluice", {}).get("app", ""))
