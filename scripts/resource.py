"""Make a resource with a new table: write its declaration and its migration, and derive the rest.

    python -m scripts.resource suppliers --fields 'name:text!:unique rating:numeric(3,2)'
    make resource NAME=suppliers FIELDS='name:text!:unique rating:numeric(3,2)'

Both files are yours to change. No file is overwritten. If the declaration contradicts others, both
files are removed again.
"""

import argparse
import importlib
import keyword
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from alembic.script import ScriptDirectory

from catalog import source
from catalog.draft import DraftMember, DraftResource, Table
from catalog.expression import Expression, Name
from catalog.names import RESERVED
from scripts import broken_pipe
from scripts.derive.checks import require_valid
from scripts.derive.graphql_text import a, words
from scripts.derive.scan import Found, scan
from scripts.resource_fields import KINDS, NewField, ResourceError, parse_fields, require_name
from scripts.resource_migration import migration
from scripts.resource_tenant import NewTenant, new_tenant
from sluice import application
from sluice.kinds.field import DeclarationError
from sluice.migrations import applications
from sluice.resource import Resource

ROOT = Path(__file__).parents[1]
# Modules and folders that each application may have.
TAKEN_MODULES = ("application", "migrations", "registry", "routes")
SCHEMA = "public"
KEY = Expression(
    Name("sluice.kinds.integer", "BigInt"), ("id",), {"minimum": 1, "read_only": True, "sort": True}
)
ADDED_FIELDS = (
    Expression(
        Name("sluice.kinds.timestamp", "Timestamp"),
        ("created_at",),
        {"read_only": True, "filter": "range", "filter_name": "created", "sort": True},
    ),
    Expression(Name("sluice.kinds.timestamp", "Timestamp"), ("updated_at",), {"read_only": True}),
    Expression(Name("sluice.kinds.integer", "Integer"), ("version",), {"read_only": True}),
)


@dataclass(frozen=True)
class NewResource:
    """What `make resource` was asked for."""

    name: str
    singular: str
    group: str
    scope: str
    fields: list[NewField]
    tenant: NewTenant | None = None

    @property
    def draft(self) -> DraftResource:
        """The declaration, before it is written."""
        tenant, fields = self.tenant, self.fields
        has_column = bool(tenant and tenant.column)
        keys = [field.name for field in fields if field.unique and field.not_null][:1]
        options: dict[str, object] = {
            "scope": self.scope,
            "etag": "version",
            "import_key": [tenant.column, *keys] if tenant and has_column and keys else keys,
            "analytics": all(field.kind.analysts for field in fields),
            "tenant": tenant.value if tenant else "",
        }
        if has_column:  # each unique key begins with the column
            fields = [replace(field, unique=False) for field in fields]
        members = [
            *(tenant.members if tenant else []),
            *(field.expression for field in fields),
            *ADDED_FIELDS,
        ]
        return DraftResource(
            table=Table(SCHEMA, self.name),
            name=self.name,
            singular=self.singular,
            description=f"{a(words(self.singular)).capitalize()}.",
            group=self.group,
            module=self.name,
            key=[DraftMember("id", KEY)],
            fields=[DraftMember(str(each.args[0]), each) for each in members],
            constraints=tenant.constraints(self.name, self.fields) if tenant else [],
            options={name: value for name, value in options.items() if value},
        )


def singular_of(name: str) -> str:
    """Return the singular of a plural in English. Raise ResourceError if it is not regular."""
    if name.endswith("ies"):
        return f"{name.removesuffix('ies')}y"
    if name.endswith(("sses", "shes", "ches", "xes")):
        return name.removesuffix("es")
    if name.endswith("s") and not name.endswith("ss"):
        return name.removesuffix("s")
    message = f"set SINGULAR: the singular of {name} is not known"
    raise ResourceError(f"{message}. NAME is a plural, such as suppliers")


def require_free(new: NewResource, found: Found) -> None:
    """Raise ResourceError if a name has another meaning, or is taken."""
    require_name(new.name, "the name")
    require_name(new.singular, "SINGULAR")
    require_name(new.group, "GROUP")
    if new.scope:
        require_name(new.scope, "SCOPE")
    for what, name in (("the name", new.name), ("SCOPE", new.scope)):
        if name in RESERVED:
            raise ResourceError(f"{what} {name} is reserved: the engine has it")
    if new.name in TAKEN_MODULES or keyword.iskeyword(new.name):
        raise ResourceError(f"the name {new.name} is reserved: no such module can be written")
    path = found.folder / f"{new.name}.py"
    if path.exists():
        raise ResourceError(f"{_shown(path)} exists, and is not overwritten")
    for other in found.resources:
        if f"{SCHEMA}.{new.name}" == other.resource.table:
            raise ResourceError(f"{other.place()} has the table {other.resource.table}")


def next_revision(app: str, folder: Path) -> tuple[str, str | None]:
    """Return the number of the next migration of the application, and the revision before it."""
    if not folder.is_dir():
        return "0001", None
    head = ScriptDirectory.from_config(applications.config(app)).get_current_head()
    numbers = [int(path.name[:4]) for path in folder.glob("[0-9][0-9][0-9][0-9]_*.py")]
    return f"{max(numbers, default=0) + 1:04}", head


def make(new: NewResource, found: Found) -> tuple[list[Path], list[str]]:
    """Write both files and what is derived. Return the paths of both, and of what was derived.

    Raise ResourceError or DeclarationError, and leave nothing that is new.
    """
    require_free(new, found)
    versions = found.folder / "migrations" / "versions"
    revision, previous = next_revision(found.app.name, versions)
    declaration = found.folder / f"{new.name}.py"
    paths = [declaration, versions / f"{revision}_{new.name}.py"]
    try:
        declaration.write_text(source.text(new.draft))
        resource = _declared(new.name, found.app.name)
        versions.mkdir(parents=True, exist_ok=True)
        others = [each.resource for each in found.resources]
        paths[1].write_text(migration(resource, found.app.name, revision, previous, others))
        _require_success(_run("ruff", "format", "--quiet", *map(str, paths)))
        derived = _require_success(_run("scripts.derive"))
    except (ResourceError, DeclarationError):
        for path in paths:
            path.unlink(missing_ok=True)
        _run("scripts.derive")  # what was derived before the fault was found
        raise
    return paths, derived.split()


def _declared(name: str, app: str) -> Resource:
    """Return the resource that was just written, after all checks. Raise DeclarationError."""
    importlib.invalidate_caches()
    found = scan(app)
    require_valid(found)
    return next(each.resource for each in found.resources if each.resource.name == name)


def _require_success(done: subprocess.CompletedProcess[str]) -> str:
    """Return what a program printed. Raise ResourceError with its message if it failed."""
    if done.returncode != 0:
        raise ResourceError(done.stderr.strip())
    return done.stdout


def _run(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def main(arguments: list[str] | None = None) -> int:
    """Make the resource; return the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n")[0])
    parser.add_argument("name", help="the collection, such as suppliers")
    parser.add_argument("--fields", default="", help=f"kinds: {', '.join(KINDS)}")
    parser.add_argument("--singular", default="", help="one row, such as supplier")
    parser.add_argument("--group", default="", help="the function that serves it")
    parser.add_argument("--scope", default="", help="the prefix of its scopes")
    parser.add_argument("--tenant", default="", help="the column of the tenant, or shared")
    options = parser.parse_args(arguments)
    try:
        found = scan(application.current_name())
        require_name(options.name, "the name")
        new = NewResource(
            name=options.name,
            singular=options.singular or singular_of(options.name),
            group=options.group or found.app.default_group or SCHEMA,
            scope=options.scope,
            fields=parse_fields(options.fields),
            tenant=new_tenant(options.tenant, [each.resource for each in found.resources]),
        )
        paths, derived = make(new, found)
    except (ResourceError, DeclarationError) as error:
        print(error, file=sys.stderr)
        return 1
    for path in paths:
        print(f"{_shown(path)}: {len(path.read_text().splitlines())} lines, yours to change")
    print("derived:", *derived, sep="\n  ")
    print(f"routes: /api/{new.name} and /api/{new.name}/{{id}}, in the function {new.group}")
    if found.is_default:
        print("connections:", _run("scripts.connection_budget").stdout.strip(), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(broken_pipe.run(main))
