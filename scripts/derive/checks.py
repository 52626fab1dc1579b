"""What is wrong with the declarations of an application, with the file and the line of each.

A declaration checks itself when it is made. Here are the faults that only all of them show.
"""

from collections.abc import Callable, Iterator

from catalog.graphql_names import ENGINE_NAMES, names_of
from catalog.names import RESERVED
from scripts.derive import references, tenants
from scripts.derive.handlers import is_by_hand
from scripts.derive.references import Problem
from scripts.derive.scan import Found, FoundResource
from sluice.http import route_names
from sluice.kinds.field import DeclarationError
from sluice.sql.support import require_supported

RENAME = "rename the singular, the relation or the function"


def require_valid(found: Found) -> None:
    """Raise DeclarationError with every problem, a line each."""
    lines = [
        f"{each.place(where)}: {each.resource.name}: {message}"
        for check in CHECKS
        for each, where, message in check(found)
    ]
    if lines:
        raise DeclarationError("\n".join(lines))


def _names(found: Found) -> Iterator[Problem]:
    seen: dict[str, FoundResource] = {}
    for each in found.resources:
        name = each.resource.name
        if name in seen:
            yield each, "", f"{seen[name].place()} has a resource of this name"
        seen[name] = each
        if name in RESERVED and each.is_served:
            yield each, name, "the name is reserved: /api/" + name + " is a part of the engine"


def _functions(found: Found) -> Iterator[Problem]:
    for each in found.resources:
        if each.is_served and is_by_hand(found, each.resource.group):
            yield each, each.resource.group, "the group is a function that serves no resource"
        if each.is_served and each.repository is None:
            message = "a resource with a group needs a repository class in its module"
            yield each, "", message
        if each.routes and not each.is_served:
            yield each, "", "there are routes for a resource without a group"


def _sql(found: Found) -> Iterator[Problem]:
    """Derive the SQL of each resource, which is otherwise done by the first request."""
    for each in found.resources:
        try:
            _derive_sql(each)
        except DeclarationError as error:
            yield each, "", str(error).removeprefix(f"{each.resource.name}: ")


def _derive_sql(found: FoundResource) -> None:
    """Raise DeclarationError if SQL is missing, or something is not supported."""
    repository, writes = found.repository, {*found.resource.writes}
    if repository is None:
        require_supported(found.resource)
        return
    names = ["projection", "list_spec", "graphql_list_spec"]
    if not found.routes:  # routes by hand may write in another way
        names += ["inserts"] if "create" in writes else []
        names += ["assignments"] if writes & {"replace", "update"} else []
    for name in names:
        getattr(repository, name)


def _graphql(found: Found) -> Iterator[Problem]:
    taken = dict.fromkeys(ENGINE_NAMES, "the engine")
    for each in found.resources:
        if not each.is_served:
            continue
        for name in names_of(each.resource):
            if name in taken:
                plain = name.rpartition(".")[2]
                yield each, "", f"the GraphQL name {plain} is also that of {taken[name]}"
            taken[name] = each.resource.name


def _routes(found: Found) -> Iterator[Problem]:
    """Compare the names of routes. Routes by hand are compared when openapi.json is written."""
    taken = dict.fromkeys(route_names.ENGINE_NAMES, "the engine")
    for each in found.resources:
        if not each.is_served or each.routes:
            continue
        for name in route_names.names_of(each.resource):
            if name in taken:
                yield each, "", f"the operationId {name} is also that of {taken[name]}: {RENAME}"
            taken[name] = each.resource.name


CHECKS: tuple[Callable[[Found], Iterator[Problem]], ...] = (
    _names,
    _functions,
    references.problems,
    tenants.problems,
    _sql,
    _graphql,
    _routes,
)
