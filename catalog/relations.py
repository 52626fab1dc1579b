"""Relations of a resource: references to other rows, and the lists below a row."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from catalog.draft import DraftMember, Refusal
from catalog.expression import Expression, Name, Partial
from catalog.foreign_keys import ForeignKey, kind_of_reference
from catalog.functions import Functions
from catalog.indexes import index_ddl, is_met, need_of_list, of_tenant
from catalog.junctions import Junction
from catalog.names import snake_case, unique
from catalog.tables import AdoptedTable
from sluice.http.route_names import VERBS_OF_LINKS, VERBS_OF_ROWS

T = TypeVar("T")
REF = Name("sluice.kinds.ref", "Ref")
ONE = Name("sluice.resource", "One")
MANY = Name("sluice.resource", "Many")
DEFAULT_KIND = Expression(Name("sluice.kinds.integer", "BigInt"), (), {"minimum": 1})  # of a Ref


class Relations:
    """The relations of all tables. Each name below a row is given once.

    names: the name of the relation of each foreign key.
    """

    def __init__(
        self,
        tables: Sequence[AdoptedTable],
        keys: Sequence[ForeignKey],
        junctions: Sequence[Junction],
        functions: Functions,
    ) -> None:
        self._taken = {each.table.qualified: {*each.fields.values()} for each in tables}
        self._of = _grouped(keys, lambda key: key.of)
        self._to = _grouped(keys, lambda key: key.to)
        self._links_of = _grouped(
            (side for each in junctions for side in (each, each.reversed())),
            lambda side: side.left_to,
        )
        self._functions = functions
        self._names = {(key.of.table.qualified, key.columns): self._name(key) for key in keys}

    def references(self, each: AdoptedTable) -> dict[str, Expression]:
        """Return the `Ref` of each column that references a row alone."""
        return {
            key.columns[0]: self._reference(key)
            for key in self._of[each.table.qualified]
            if len(key.columns) == 1
        }

    def members(self, each: AdoptedTable) -> Iterator[DraftMember | Refusal]:
        """Yield the references of several columns, the lists below a row, and the functions."""
        for key in self._of[each.table.qualified]:
            if len(key.columns) > 1:
                name = self._names[each.table.qualified, key.columns]
                options = {"resource": key.to.name, "foreign_key": list(key.columns)}
                yield DraftMember(name, Expression(ONE, (name,), options))
        for key in self._to[each.table.qualified]:
            if _is_declared(key):
                yield self._list(key)
        for side in self._links_of[each.table.qualified]:
            yield self._links(side)
        for function, declared in self._functions.served.get(each.table.qualified, ()):
            name = self._take_of_function(each, str(declared.args[0]))
            yield DraftMember(name, replace(declared, args=(name, function.qualified)))

    def _name(self, key: ForeignKey) -> str:
        """Return the name of the row that a foreign key references."""
        taken = self._taken[key.of.table.qualified]
        if key.of.known is not None:
            for one in key.of.known.refs:
                if tuple(one.foreign_key) == key.columns:
                    return one.name
        stem = _stem(key)
        columns = "_".join(key.of.fields[column] for column in key.columns)
        by_columns = [f"{stem}_by_{columns}"] if len(key.columns) > 1 else []
        by_table = [] if stem == key.to.singular else [f"{stem}_{key.to.singular}"]
        name = unique(stem, taken, *by_columns, *by_table, f"{stem}_row")
        taken.add(name)
        return name

    def _reference(self, key: ForeignKey) -> Expression:
        column = key.columns[0]
        name, relation = key.of.fields[column], self._names[key.of.table.qualified, key.columns]
        kind = _kind_of(key)
        options: dict[str, object] = {"resource": key.to.name}
        if kind != DEFAULT_KIND:
            options["kind"] = Partial(kind)
        if relation != column.removesuffix("_id"):
            options["relation"] = relation
        if name != column:
            options["shown_as"] = name
        return Expression(REF, (column,), options)

    def _list(self, key: ForeignKey) -> DraftMember | Refusal:
        """Return the list of the rows that reference a row, if an index answers it."""
        relation = self._names[key.of.table.qualified, key.columns]
        columns = "_".join(key.of.fields[column] for column in key.columns)
        by_relation = f"{key.of.name}_by_{_stem(key) if len(key.columns) == 1 else columns}"
        is_only = self._count(key) == 1
        if key.of is key.to:
            base = "children" if relation == "parent" else by_relation
        else:
            base = key.of.name if is_only else by_relation
        name = self._take(key.to, base, by_relation, f"{key.of.name}_by_{relation}")
        need = need_of_list(name, key.columns, key.of.key)
        need = of_tenant(need, key.of.indexed_tenant, is_of_one=key.to.has_tenant)
        if not is_met(need, key.of.table):
            reason = f"no index of {key.of.table.qualified} begins with {', '.join(key.columns)}"
            ddl = index_ddl(need, key.of.table)
            return Refusal(f"{key.to.name}.{name}", reason, ddl, is_ddl=True)
        options = {"resource": key.of.name, "foreign_key": _columns(key.columns)}
        return DraftMember(name, Expression(MANY, (name,), options))

    def _links(self, side: Junction) -> DraftMember | Refusal:
        """Return the list of the rows that a junction table links with a row."""
        junction = side.each.name
        base = side.right_to.name
        if side.left_to is side.right_to:
            base = f"{_without_key_name(snake_case(side.right[0]), side.right_to)}_{base}"
        name = self._take(side.left_to, base, junction, f"{base}_by_{junction}")
        need = of_tenant(need_of_list(name, side.left, side.right), side.tenant, is_of_one=True)
        table = side.each.table
        if not is_met(need, table):
            reason = f"no index of {table.qualified} begins with {', '.join(side.left)}"
            ddl = index_ddl(need, table)
            return Refusal(f"{side.left_to.name}.{name}", reason, ddl, is_ddl=True)
        options: dict[str, object] = {
            "resource": side.right_to.name,
            "foreign_key": _columns(side.left),
            "through": table.qualified,
            "other_key": _columns(side.right),
        }
        if side.payload:
            options["payload"] = list(side.payload)
        if side.tenant:
            options["tenant"] = side.tenant
        return DraftMember(name, Expression(MANY, (name,), options))

    def _take(self, each: AdoptedTable, *names: str) -> str:
        taken = self._taken[each.table.qualified]
        name = unique(names[0], taken, *names[1:])
        taken.add(name)
        return name

    def _take_of_function(self, each: AdoptedTable, name: str) -> str:
        """Return a name of a function whose route has no name of another route of the resource."""
        taken = self._taken[each.table.qualified]
        below = {
            f"{verb}_{relation}_of" for verb in ("list", *VERBS_OF_LINKS) for relation in taken
        }
        found = unique(name, {*taken, *below, "list", *VERBS_OF_ROWS}, f"call_{name}")
        taken.add(found)
        return found

    def _count(self, key: ForeignKey) -> int:
        """Return how many foreign keys the table has to the same table."""
        return sum(each.to is key.to for each in self._of[key.of.table.qualified])


def _grouped(items: Iterable[T], table: Callable[[T], AdoptedTable]) -> dict[str, list[T]]:
    """Return the items by the name of the table of each."""
    found: dict[str, list[T]] = defaultdict(list)
    for item in items:
        found[table(item).table.qualified].append(item)
    return found


def _is_declared(key: ForeignKey) -> bool:
    """Return whether the other resource declares the foreign key, as a new one does."""
    known = key.of.known
    return known is None or any(
        tuple(one.foreign_key) == key.columns and one.resource == key.to.name for one in known.refs
    )


def _kind_of(key: ForeignKey) -> Expression:
    """Return the kind of a column that references a row: that of the key there."""
    own = key.of.kinds[key.columns[0]].expression
    other = key.to.kinds[key.to.key[0]].expression
    assert own is not None  # noqa: S101 - the foreign key has no problem
    assert other is not None  # noqa: S101 - so its key is shown
    found = kind_of_reference(own, other) or own
    if key.to.known is None:
        return found
    declared = type(key.to.known.keys[0])
    if declared.__name__ == found.target.name:
        return found
    return Expression(Name(declared.__module__, declared.__name__), (), {})


def _stem(key: ForeignKey) -> str:
    """Return the name of what the columns reference: `owner_id` → `owner`."""
    if len(key.columns) > 1 or key.of.fields[key.columns[0]] == "id":
        return key.to.singular
    return _without_key_name(key.of.fields[key.columns[0]], key.to)


def _without_key_name(name: str, to: AdoptedTable) -> str:
    """Return a name without that of the key which its column references."""
    for end in ("_id", f"_{to.fields[to.key[0]]}"):
        if name.endswith(end) and name != end:
            return name.removesuffix(end)
    return name


def _columns(names: Sequence[str]) -> str | list[str]:
    return names[0] if len(names) == 1 else list(names)
