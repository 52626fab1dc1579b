"""Expand references: rows show the row that a foreign key references, by `?expand=owner`.

Each expanded row is one subselect in the statement of the rows that reference it. A second level
(`owner.organisation`) is a subselect in the first one.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from sluice.errors import FieldError, InvalidParameter
from sluice.resource import One
from sluice.sql.derived import alias
from sluice.sql.identifiers import quoted

if TYPE_CHECKING:
    from sluice.sql.resource_repository import ResourceRepository

Repository: TypeAlias = "type[ResourceRepository]"
FindRepository: TypeAlias = "Callable[[str], Repository]"
PARAMETER = "expand"
MAX_LEVELS = 2
FROM = "from_"  # the foreign key of the outer row; the inner table may have the outer one's alias


class Expanded(NamedTuple):
    """What a client asked for with `?expand=`.

    items: SELECT items over the alias of the repository's table, each with its name.
    scopes: those that the client needs, because it sees rows of these resources.
    """

    items: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()


NOTHING_EXPANDED = Expanded()


def expanded(repository: Repository, paths: tuple[str, ...], find: FindRepository) -> Expanded:
    """Return what the paths expand, such as `owner` and `owner.organisation`.

    `find` returns the repository class of a resource by its name. Raises InvalidParameter for a
    path that names no reference, or has too many levels.
    """
    for path in paths:
        if path.count(".") >= MAX_LEVELS:
            raise _invalid(f"{path[:100]} has more than {MAX_LEVELS} levels")
    if not paths:
        return NOTHING_EXPANDED
    parts = list(_expanded(repository, paths, find))
    scopes = dict.fromkeys(scope for part in parts for scope in part.scopes)
    return Expanded(tuple(item for part in parts for item in part.items), tuple(scopes))


def _expanded(
    repository: Repository, paths: Sequence[str], find: FindRepository
) -> Iterator[Expanded]:
    """Yield each reference of the first level, with what is expanded below it."""
    below: dict[str, list[str]] = {}
    for path in paths:
        name, *others = path.split(".", 1)
        below.setdefault(name, []).extend(others)
    ones = {one.name: one for one in repository.resource.refs if one.expand}
    for name, others in below.items():
        if name not in ones:
            known = ", ".join(ones) or "nothing"
            raise _invalid(f"{repository.resource.name} cannot expand {name[:100]}, only {known}")
        other = find(ones[name].resource)
        inner = expanded(other, tuple(others), find)
        item = _item(repository, ones[name], other, inner.items)
        yield Expanded((item,), (f"{other.resource.scope_prefix}:read", *inner.scopes))


def _item(repository: Repository, one: One, other: Repository, below: Sequence[str]) -> str:
    """Return the SELECT item of the referenced row as JSON, or NULL without one."""
    projection, own = other.projection, alias(repository.resource)
    names = [f"k{n}" for n, _ in enumerate(one.foreign_key)]
    columns = zip(one.foreign_key, names, strict=True)
    key = ", ".join(f"{own}.{quoted(column)} AS {name}" for column, name in columns)
    pairs = zip(projection.key_columns, names, strict=True)
    conditions = [f"{column} = {FROM}.{name}" for column, name in pairs]
    where = " AND ".join(filter(None, [*conditions, projection.row_condition]))
    shown = ", ".join([projection.columns(), *below])
    row = f"SELECT {shown} FROM {projection.source} WHERE {where}"
    return (
        f"(SELECT (SELECT row_to_json(o.*) FROM ({row}) o) FROM (SELECT {key}) {FROM}) "
        f'AS "{one.name}"'
    )


def _invalid(message: str) -> InvalidParameter:
    return InvalidParameter(errors=[FieldError("invalid", message, parameter=PARAMETER)])
