"""What does a document select? Its fields, merged as they will be answered, with every fragment put in its place.

The tree is made of syntax alone, before validation: it is bounded by depth, aliases and a number of steps, so that no
document can make what comes after it work long. Its merging is also the schema's own rule for fields that are named
alike: nothing here is an interface or a union, so two of them agree exactly when they ask the same field with the same
arguments. graphql-core's rule for it (OverlappingFieldsCanBeMerged) allows for more, and compares them all in pairs.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionNode,
    VariableNode,
)

from sluice.errors import QueryTooComplex, QueryTooDeep, TooManyAliases
from sluice.settings import GraphqlSettings

MAX_STEPS = 300  # fields, arguments, fragments and directives, each as often as it is met
MAX_DEFINITIONS = 50
MAX_CONFLICTS = 20  # that are told
INTROSPECTION_DEPTH = 20  # the standard query looks through nine wrappings of a type
INTROSPECTION = ("__schema", "__type")

Conditions = tuple[DirectiveNode, ...]  # @skip and @include, on the way from the operation


@dataclass(slots=True)
class CollectedField:
    """One field of the answer, by the `key` it has there. It is wanted where all of one set of `conditions` hold."""

    key: str
    name: str
    nodes: list[FieldNode]
    conditions: list[Conditions]
    fields: dict[str, "CollectedField"] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CollectedDocument:
    """A document's operations, each with its fields by key; `faults` are what already makes it invalid."""

    operations: list[tuple[OperationDefinitionNode, dict[str, CollectedField]]]
    faults: list[GraphQLError]


def collect_fields(document: DocumentNode, limits: GraphqlSettings) -> CollectedDocument:
    """QueryTooDeep, TooManyAliases, QueryTooComplex."""
    if len(document.definitions) > MAX_DEFINITIONS:
        raise QueryTooComplex(f"A document has at most {MAX_DEFINITIONS} operations and fragments")
    fragments = {
        node.name.value: node
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    merger = _Merger(fragments, limits)
    operations: list[tuple[OperationDefinitionNode, dict[str, CollectedField]]] = []
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode):
            fields: dict[str, CollectedField] = {}
            merger.merge(node.selection_set.selections, fields, (), depth=1, most=limits.max_depth)
            operations.append((node, fields))
    unused = [
        node for name, node in fragments.items() if name not in merger.spread
    ]  # nor looked at: no bounds hold
    faults = [GraphQLError(f"Fragment {node.name.value!r} is never used.", node) for node in unused]
    return CollectedDocument(operations, [*merger.conflicts, *faults])


class _Merger:
    def __init__(
        self, fragments: Mapping[str, FragmentDefinitionNode], limits: GraphqlSettings
    ) -> None:
        self._fragments = fragments
        self._limits = limits
        self._steps = 0
        self._open: list[str] = []  # the fragments that we are in
        self._aliased: set[int] = (
            set()
        )  # nodes, each counted once however often its fragment is spread
        self.spread: set[str] = set()
        self.conflicts: list[GraphQLError] = []

    def merge(
        self,
        selections: Iterable[SelectionNode],
        into: dict[str, CollectedField],
        outer: Conditions,
        *,
        depth: int,
        most: int,
    ) -> None:
        """Put what the selections ask for `into` a selection set at this depth."""
        for node in selections:
            self._step(1 + len(node.directives or ()) + len(getattr(node, "arguments", None) or ()))
            conditions = outer
            if node.directives:
                conditions += tuple(
                    d for d in node.directives if d.name.value in ("skip", "include")
                )
            if isinstance(node, FieldNode):
                self._field(node, into, conditions, depth=depth, most=most)
            elif isinstance(node, FragmentSpreadNode):
                name = node.name.value
                fragment = self._fragments.get(name)
                self.spread.add(name)
                if fragment and name not in self._open:  # both are validation's to refuse
                    self._open.append(name)
                    self.merge(
                        fragment.selection_set.selections, into, conditions, depth=depth, most=most
                    )
                    self._open.pop()
            else:
                self.merge(node.selection_set.selections, into, conditions, depth=depth, most=most)  # type: ignore[attr-defined]

    def _field(
        self,
        node: FieldNode,
        into: dict[str, CollectedField],
        conditions: Conditions,
        *,
        depth: int,
        most: int,
    ) -> None:
        if depth == 1 and node.name.value in INTROSPECTION:
            most = INTROSPECTION_DEPTH
        if depth > most:
            raise QueryTooDeep(f"A query is at most {most} fields deep")
        if node.alias:
            self._aliased.add(id(node))
            if len(self._aliased) > self._limits.max_aliases:
                raise TooManyAliases(f"A query has at most {self._limits.max_aliases} aliases")
        key = (node.alias or node.name).value
        known = into.get(key)
        if known is None:
            known = into[key] = CollectedField(key, node.name.value, [node], [conditions])
        else:
            self._agree(known, node)
            known.nodes.append(node)
            known.conditions.append(conditions)
        if node.selection_set:
            self.merge(
                node.selection_set.selections, known.fields, conditions, depth=depth + 1, most=most
            )

    def _agree(self, known: CollectedField, node: FieldNode) -> None:
        first = known.nodes[0]
        if (
            len(self.conflicts) < MAX_CONFLICTS
            and first is not node
            and (known.name != node.name.value or _arguments(first) != _arguments(node))
        ):
            reason = f"Fields {known.key!r} conflict: they ask different things. Use different aliases on the fields."
            self.conflicts.append(GraphQLError(reason, [first, node]))

    def _step(self, steps: int) -> None:
        self._steps += steps
        if self._steps > MAX_STEPS:
            raise QueryTooComplex(
                f"A query comes to at most {MAX_STEPS} fields, arguments, fragments and directives"
            )


def _arguments(node: FieldNode) -> dict[str, Any]:
    return {argument.name.value: _said(argument.value) for argument in node.arguments or ()}


def _said(value: Any) -> Any:
    """What a value in the document says, as something that can be compared: nodes know where they stand, too."""
    if isinstance(value, ListValueNode):
        return [_said(item) for item in value.values]
    if isinstance(value, ObjectValueNode):
        return {field.name.value: _said(field.value) for field in value.fields}
    return value.kind, value.name.value if isinstance(value, VariableNode) else getattr(
        value, "value", None
    )
