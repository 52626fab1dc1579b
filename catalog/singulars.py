"""Singulars of new resources that give each GraphQL type and each route a name of its own."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count

from catalog.draft import DraftResource
from catalog.graphql_names import (
    ENGINE_NAMES,
    SCALARS,
    list_name,
    names_of,
    ranges_of,
)
from sluice.http import route_names
from sluice.resource import Resource


def rename_singulars(resources: Sequence[DraftResource]) -> None:
    """Change the singular of each new resource that would have a type or route of another one.

    `deal_stages` has the type DealStage, and so has the field `stage` of `deals`. The engine has
    the route `create_import`.
    """
    taken = {*ENGINE_NAMES, *SCALARS, *(list_name(draft.name) for draft in resources)}
    taken |= {*route_names.ENGINE_NAMES, *(f"list_{draft.name}" for draft in resources)}
    declared = [(draft, draft.resource()) for draft in resources]
    for _, resource in declared:
        taken.update(ranges_of(resource))
    for draft, resource in sorted(declared, key=lambda each: not each[0].is_known):
        names = _names(resource)
        if not draft.is_known and taken & names:
            draft.singular, names = next(_free(draft, taken))
        taken |= names


def _free(draft: DraftResource, taken: set[str]) -> Iterator[tuple[str, set[str]]]:
    """Yield singulars, each with its names, of which none is taken."""
    for singular in _candidates(draft.singular):
        names = _names(replace(draft, singular=singular).resource())
        if not taken & names:
            yield singular, names


def _candidates(singular: str) -> Iterator[str]:
    yield f"{singular}_row"
    yield from (f"{singular}_row_{number}" for number in count(2))


def _names(resource: Resource) -> set[str]:
    """Return the names in GraphQL and those of routes, but for those of the collection."""
    names = {*names_of(resource), *route_names.names_of(resource)}
    return names - {list_name(resource.name), route_names.name_of(resource, "list")}
