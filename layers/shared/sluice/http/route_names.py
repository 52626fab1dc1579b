"""The names of routes, which are the operationIds of openapi.json.

No two routes of an application have the same name. The name of a relation's route has `_of_`,
because `list_team_members` is the name of the list of `team_members`.
"""

from collections.abc import Iterator

from sluice.resource import Function, Many, Resource

VERBS_OF_ROWS = ("create", "get", "replace", "update", "delete")
VERBS_OF_LINKS = ("put", "delete")
# The routes of the engine's functions. No resource may have one of these names.
ENGINE_NAMES = (
    *("list_imports", "create_import", "get_import", "run_query", "run_operation"),
    *("get_health", "get_readiness", "openapi", "page", "reference"),
)


def name_of(resource: Resource, verb: str) -> str:
    """Return the name of a route of the resource: `list_orders`, `get_order`."""
    return f"{verb}_{resource.name if verb == 'list' else resource.singular}"


def name_of_relation(resource: Resource, verb: str, relation: str) -> str:
    """Return the name of a route of the rows below a row: `list_items_of_order`."""
    return f"{verb}_{relation}_of_{resource.singular}"


def name_of_function(resource: Resource, function: Function) -> str:
    """Return the name of the route of a function: `pay_order`."""
    return f"{function.name}_{resource.singular}"


def has_links(many: Many) -> bool:
    """Return whether clients add and remove links of the relation."""
    return bool(many.through and many.writes)


def names_of(resource: Resource) -> Iterator[str]:
    """Yield the name of each route that is derived from the declaration."""
    verbs = [verb for verb in VERBS_OF_ROWS if verb == "get" or verb in resource.writes]
    yield from (name_of(resource, verb) for verb in ("list", *verbs))
    for many in resource.lists:
        if many.rest:
            verbs_below = ("list", *(VERBS_OF_LINKS if has_links(many) else ()))
            yield from (name_of_relation(resource, verb, many.name) for verb in verbs_below)
    yield from (name_of_function(resource, function) for function in resource.functions)
