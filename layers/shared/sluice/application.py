"""Applications: what each has, registered as names, so that a function imports only what it serves.

An application is a package with a module `application` that defines APPLICATION. SLUICE_APP names
the package; without it `[tool.sluice] app` in pyproject.toml does.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from sluice.settings import SettingsError, application_name

FORMAT = 1
ENGINE_SCOPES = ("analytics:query", "imports:read", "imports:write")
ENGINE_REPLICA_SCOPES = ("analytics:query",)
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
    error_classes: SluiceErrors of its own, in the order of openapi.json.
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

    def __post_init__(self) -> None:
        if self.format != FORMAT:
            raise ApplicationError(
                f"the application {self.name} has format {self.format}, and this release of Sluice "
                f"reads format {FORMAT}: see docs/upgrade.md"
            )
        wrong = [name for name in self._names() if not _NAME.fullmatch(name)]
        if wrong:
            raise ApplicationError(f"not a name such as shop.users:UserRepository: {wrong}")

    @property
    def all_scopes(self) -> tuple[str, ...]:
        return (*self.scopes, *ENGINE_SCOPES)

    @property
    def all_replica_scopes(self) -> tuple[str, ...]:
        return (*self.replica_scopes, *ENGINE_REPLICA_SCOPES)

    def load(self, kind: str, name: str = "") -> Any:
        """Import and return what is registered as `kind`, such as `imports`, under `name`.

        Raise KeyError for an unknown name, and ApplicationError if `kind` is not registered.
        """
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
    try:
        found = import_module(f"{app}.application").APPLICATION
    except ModuleNotFoundError as error:
        if error.name not in (app, f"{app}.application"):
            raise  # an import inside the application failed
        raise ApplicationError(f"there is no application {app!r} on the path") from None
    if not isinstance(found, Application) or found.name != app:
        raise ApplicationError(f"{app}.application does not define APPLICATION of that name")
    return found


def current() -> Application:
    """Return the application of this process. Raise SettingsError if none is named."""
    app = application_name() or _default_of_checkout()
    if not app:
        raise SettingsError(["SLUICE_APP is not set, and no pyproject.toml names an application"])
    return named(app)


@cache
def _default_of_checkout() -> str:
    """Return `[tool.sluice] app` of the repository that this file is in; empty in Lambda."""
    path = Path(__file__).parents[3] / "pyproject.toml"
    if not path.is_file():
        return ""
    import tomllib  # no function in Lambda needs it

    return str(tomllib.loads(path.read_text()).get("tool", {}).get("sluice", {}).get("app", ""))
