"""Singulars of new resources that give each GraphQL type a name of its own."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count

from catalog.draft import DraftResource
from catalog.graphql_names import (
    ENGINE_NAMES,
    SCALARS,
    ranges_of,
    root_names,
    types_of_fields,
)


def rename_types(resources: Sequence[DraftResource]) -> None:
    """Change the singular of each new resource that would have a type of another one.

    `deal_stages` has the type DealStage, and so has the field `stage` of `deals`.
    """
    taken = {*ENGINE_NAMES, *SCALARS, *(draft.name for draft in resources)}
    for draft in resources:
        taken.update(ranges_of(draft.resource()))
    for draft in sorted(resources, key=lambda each: not each.is_known):
        if not draft.is_known:
            draft.singular = next(
                singular
                for singular in _candidates(draft)
                if not taken.intersection(_names(draft, singular))
            )
        taken.update(_names(draft, draft.singular))


def _candidates(draft: DraftResource) -> Iterator[str]:
    yield draft.singular
    yield f"{draft.singular}_row"
    yield from (f"{draft.singular}_row_{number}" for number in count(2))


def _names(draft: DraftResource, singular: str) -> set[str]:
    """Return the names in GraphQL with this singular, but for that of the collection."""
    resource = replace(draft, singular=singular).resource()
    return {*root_names(resource), *types_of_fields(resource)} - {resource.name}
