"""Applications: what each has, registered as names, so that a function imports only what it serves.

An application is a package with a module `application` that defines APPLICATION, and a module
`registry` that names its resources: `make derive` writes that one. SLUICE_APP names the package;
without it `[tool.sluice] app` in pyproject.toml does.
"""

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, cast, get_args, overload

from sluice.settings import SettingsError, application_name

FORMAT = 1
ENGINE_SCOPES = ("analytics:query", "imports:read", "imports:write")
WILDCARD_SCOPES = ("*:read", "*:write")  # of an API key
ENGINE_REPLICA_SCOPES = ("analytics:query",)
ENGINE_FUNCTIONS = ("cleanup", "docs", "graphql", "health", "import_worker", "imports", "migrate")
Single = Literal["analytics", "openapi", "demo"]
Several = Literal["repositories", "imports", "constraint_errors"]
_NAME = re.compile(r"[a-z]\w*(\.\w+)*:[A-Za-z_]\w*", re.ASCII)


class ApplicationError(Exception):
    """The declaration of an application is wrong, or it cannot be found."""


class ApplicationFunction(NamedTuple):
    """A function of the application, for template.yaml.

    code: its folder.
    paths: name of the event → path, in the order of the template.
    analyst: whether it runs ad-hoc SQL, so it gets the credentials of the analyst's role.
    more_resources: of a group, the resources after the first one, with their paths.
    """

    code: str
    paths: Mapping[str, str]
    analyst: bool = False
    more_resources: Mapping[str, tuple[str, ...]] = MappingProxyType({})

    @property
    def module(self) -> str:
        """Return the handler's module in the repository, such as `functions.users.handler`."""
        return f"{self.code.replace('/', '.')}.handler"

    @property
    def all_paths(self) -> tuple[str, ...]:
        """Return the paths of all resources of the function."""
        more = (path for paths in self.more_resources.values() for path in paths)
        return (*self.paths.values(), *more)


@dataclass(frozen=True, kw_only=True, eq=False)
class Application:
    """What an application has. A str `module:name` is imported when it is first needed.

    An application does not list its resources here. `named` adds what its registry says.

    functions: those that serve no resource, such as reports.
    functions_folder: the folder of all functions.
    order: names of resources and functions, in the order of openapi.json and template.yaml. Those
        that are not named follow, by name.
    import_order: the same of importable resources in openapi.json, if it differs.
    default_group: the group of a new resource, if it is not the schema of its table.
    scopes: those of routes that belong to no resource.
    imports: name → ImportResource, where it is not derived from the resource's repository.
    analytics: a Catalogue. Empty: no ad-hoc SQL.
    openapi: an OpenApiTexts: descriptions and examples.
    error_classes: the application's SluiceErrors, in the order of openapi.json.
    constraint_errors: constraint → SluiceError that its violation raises.
    replica_scopes: scopes whose routes a replica may serve.
    demo: a function `(owner_url) -> int` that fills an empty database (`make run`).
    search_path: the schemas in which PostgreSQL finds what triggers and functions of the tables
        name without a schema. Empty: public.
    """

    format: int
    name: str
    functions: tuple[ApplicationFunction, ...] = ()
    functions_folder: str = "functions"
    order: tuple[str, ...] = ()
    import_order: tuple[str, ...] = ()
    default_group: str = ""
    scopes: tuple[str, ...] = ()
    replica_scopes: tuple[str, ...] = ()
    imports: Mapping[str, str] = field(default_factory=dict)
    analytics: str = ""
    openapi: str = ""
    error_classes: tuple[str, ...] = ()
    constraint_errors: Mapping[str, str] = field(default_factory=dict)
    demo: str = ""
    search_path: tuple[str, ...] = ()

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

    @property
    def registry(self) -> Any:
        """The module that `make derive` writes. Raise ApplicationError if it was not run."""
        return _registry(self.name)

    @property
    def folder(self) -> Path:
        """The folder of its package."""
        return Path(str(import_module(f"{self.name}.application").__file__)).parent

    def position(self, name: str) -> tuple[int, str]:
        """Return the sort key of a resource or a function."""
        return (self.order.index(name) if name in self.order else len(self.order), name)

    @property
    def repositories(self) -> Mapping[str, str]:
        """The repository class of each resource, as a name."""
        return cast("Mapping[str, str]", self.registry.REPOSITORIES)

    @property
    def errors(self) -> Mapping[str, Mapping[str, str]]:
        """Each table's columns that errors may name to a client, with the field of each."""
        return cast("Mapping[str, Mapping[str, str]]", self.registry.ERRORS)

    @property
    def constraints(self) -> Mapping[str, tuple[str, tuple[str, ...]]]:
        """The declared constraints, each with its table and its columns."""
        return cast("Mapping[str, tuple[str, tuple[str, ...]]]", self.registry.CONSTRAINTS)

    @property
    def self_references(self) -> Mapping[str, tuple[str, ...]]:
        """Each table that references itself, with the columns of these foreign keys."""
        return cast("Mapping[str, tuple[str, ...]]", self.registry.SELF_REFERENCES)

    @property
    def keys(self) -> Mapping[str, tuple[str, ...]]:
        """Each table whose key clients choose, with the columns of the key."""
        return cast("Mapping[str, tuple[str, ...]]", self.registry.KEYS)

    @property
    def tenant(self) -> str:
        """The SQL type of a tenant; empty without tenants, as in a registry of an older release."""
        return str(getattr(self.registry, "TENANT", ""))

    @property
    def has_graphql(self) -> bool:
        """Whether it has GraphQL types."""
        return bool(self.registry.GRAPHQL)

    @property
    def all_scopes(self) -> tuple[str, ...]:
        return (*self.scopes, *ENGINE_SCOPES)

    def scopes_of(self, granted: Iterable[str]) -> frozenset[str]:
        """Return the scopes of an API key.

        `*:read` grants all scopes that read, `*:write` all that write.
        """
        names = frozenset(granted)
        accesses = {name.removeprefix("*") for name in names.intersection(WILDCARD_SCOPES)}
        matching = (name for name in self.all_scopes if name[name.index(":") :] in accesses)
        return names.union(matching) if accesses else names

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

    def declaration(self, name: str) -> Any:
        """Import and return the Resource of this name. Raise KeyError for an unknown name."""
        return load(self.registry.DECLARATIONS[name])

    def declarations(self) -> list[Any]:
        """Import and return all Resources, in the application's order."""
        return [load(target) for target in self.registry.DECLARATIONS.values()]

    def _names(self) -> tuple[str, ...]:
        single = (self.analytics, self.openapi, self.demo)
        return (
            *self.imports.values(),
            *self.constraint_errors.values(),
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
    """Return the application of a package, with its resources.

    Raise ApplicationError if there is none.
    """
    return with_resources(declared(app), _registry(app))


def with_resources(app: Application, registry: Any) -> Application:
    """Return the application with what its registry adds, in the application's order.

    Raise ApplicationError unless each function has a folder name of its own.
    """
    functions = {function.code: function for function in app.functions}
    for group, resources in registry.GROUPS.items():
        code = f"{app.functions_folder}/{group}"
        (_, first), *others = resources.items()
        paths = {_event(path): path for path in first}
        functions[code] = ApplicationFunction(code, paths, more_resources=dict(others))
    imports = {name: registry.REPOSITORIES[name] for name in registry.IMPORTS} | {**app.imports}
    order = [name for name in app.import_order if name in imports]
    by_hand = [Path(function.code).name for function in app.functions]
    _check_folders(app.name, [*by_hand, *registry.GROUPS])
    return replace(
        app,
        functions=tuple(
            sorted(functions.values(), key=lambda each: app.position(Path(each.code).name))
        ),
        scopes=tuple(dict.fromkeys((*registry.SCOPES, *app.scopes))),
        replica_scopes=tuple(dict.fromkeys((*registry.REPLICA_SCOPES, *app.replica_scopes))),
        imports={name: imports[name] for name in dict.fromkeys((*order, *imports))},
    )


def _check_folders(app: str, folders: Sequence[str]) -> None:
    """Raise ApplicationError without folders of functions, or if two have the same name."""
    if not folders:
        raise ApplicationError(f"the application {app} has no function")
    taken = {name for name in folders if folders.count(name) > 1 or name in ENGINE_FUNCTIONS}
    if taken:
        raise ApplicationError(
            f"two functions have a folder named {', '.join(sorted(taken))}: rename that of the "
            f"application {app}; the engine's are {', '.join(ENGINE_FUNCTIONS)}"
        )


def _event(path: str) -> str:
    """Return the event's name of a path: Collection, Item, or that of what is below an item."""
    below = path.split("/")[3:]
    words = [word.title().replace("_", "") for word in below if "{" not in word]
    return "".join(words) or ("Item" if below else "Collection")


def declared(app: str) -> Application:
    """Return APPLICATION of a package, without its registry. Raise ApplicationError."""
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


def _registry(app: str) -> Any:
    try:
        return import_module(f"{app}.registry")
    except ModuleNotFoundError as error:
        if error.name != f"{app}.registry":
            raise
        raise ApplicationError(f"{app}/registry.py is missing: run make derive") from None


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
    return named(current_name())


def current_name() -> str:
    """Return the name of the application of this process. Raise SettingsError."""
    app = application_name() or default_of_checkout()
    if not app:
        raise SettingsError(
            [f"SLUICE_APP is not set; it must name one of these: {', '.join(installed())}"]
        )
    return app


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
def default_of_checkout() -> str:
    """Return `[tool.sluice] app` of the repository that this file is in; empty in Lambda."""
    path = Path(__file__).parents[3] / "pyproject.toml"
    if not path.is_file():
        return ""
    import tomllib  # no function in Lambda needs it

    return str(tomllib.loads(path.read_text()).get("tool", {}).get("sluice", {}).get("app", ""))
