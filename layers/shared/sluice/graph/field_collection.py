"""Collect the fields that a document selects: merge equal fields, and inline its fragments.

This runs before validation and uses the syntax only. Depth, aliases and a number of steps are
limited, so no document can make the later steps slow.

Merging also checks that fields with the same response key do not conflict. The schema has no
interfaces or unions. So two such fields can be merged if and only if they have the same name and
the same arguments. graphql-core's rule (OverlappingFieldsCanBeMerged) is more general and compares
all pairs of fields.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

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

# Fields, arguments, fragments and directives. Those of a fragment count each time it is spread.
MAX_STEPS = 300
MAX_DEFINITIONS = 50
MAX_CONFLICTS = 20  # reported
MAX_INTROSPECTION_DEPTH = 20  # the standard query unwraps nine levels of a type
INTROSPECTION_FIELDS = ("__schema", "__type")

Conditions = tuple[DirectiveNode, ...]  # @skip and @include on the path from the operation


class Occurrence(NamedTuple):
    """A place where a document selects a field, once its fragments are inlined.

    position: the place in the document. conditions: what must include the field there.
    """

    position: int
    conditions: Conditions


@dataclass(slots=True)
class CollectedField:
    """A field of the response, with its response key and all nodes that select it.

    It is included if all directives of at least one occurrence allow it. The first such occurrence
    determines its place in the response.
    """

    key: str
    name: str
    nodes: list[FieldNode]
    occurrences: list[Occurrence]
    fields: dict[str, "CollectedField"] = field(default_factory=dict)


class CollectedDocument(NamedTuple):
    """The root fields of each operation by response key, and the errors that were found."""

    operations: list[tuple[OperationDefinitionNode, dict[str, CollectedField]]]
    errors: list[GraphQLError]


def collect_fields(document: DocumentNode, limits: GraphqlSettings) -> CollectedDocument:
    """Collect the fields of each operation.

    Raises QueryTooDeep, TooManyAliases and QueryTooComplex.
    """
    if len(document.definitions) > MAX_DEFINITIONS:
        raise QueryTooComplex(f"A document has at most {MAX_DEFINITIONS} operations and fragments")
    fragments = {
        node.name.value: node
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    collector = _FieldCollector(fragments, limits)
    operations: list[tuple[OperationDefinitionNode, dict[str, CollectedField]]] = []
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode):
            fields: dict[str, CollectedField] = {}
            selections = node.selection_set.selections
            collector.collect(selections, fields, (), depth=1, max_depth=limits.max_depth)
            operations.append((node, fields))
    # Unused fragments are errors: they were not collected, so no limit was checked for them.
    unused = [node for name, node in fragments.items() if name not in collector.spread_fragments]
    unused_errors = [
        GraphQLError(f"Fragment {node.name.value!r} is never used.", node) for node in unused
    ]
    return CollectedDocument(operations, [*collector.conflicts, *unused_errors])


class _FieldCollector:
    def __init__(
        self, fragments: Mapping[str, FragmentDefinitionNode], limits: GraphqlSettings
    ) -> None:
        self._fragments = fragments
        self._limits = limits
        self._steps = 0
        self._open_fragments: list[str] = []
        # Ids of nodes: an alias in a fragment counts once, however often the fragment is spread.
        self._aliased: set[int] = set()
        self.spread_fragments: set[str] = set()
        self.conflicts: list[GraphQLError] = []

    def collect(
        self,
        selections: Iterable[SelectionNode],
        into: dict[str, CollectedField],
        outer_conditions: Conditions,
        *,
        depth: int,
        max_depth: int,
    ) -> None:
        """Add the selected fields to `into`, the fields of a selection set at this depth."""
        for node in selections:
            arguments = getattr(node, "arguments", None) or ()
            self._count_steps(1 + len(node.directives or ()) + len(arguments))
            conditions = outer_conditions + _conditions_of(node)
            if isinstance(node, FieldNode):
                self._collect_field(node, into, conditions, depth=depth, max_depth=max_depth)
            elif isinstance(node, FragmentSpreadNode):
                self._collect_fragment(
                    node.name.value, into, conditions, depth=depth, max_depth=max_depth
                )
            else:
                inner = node.selection_set.selections  # type: ignore[attr-defined]
                self.collect(inner, into, conditions, depth=depth, max_depth=max_depth)

    def _collect_fragment(
        self,
        name: str,
        into: dict[str, CollectedField],
        conditions: Conditions,
        *,
        depth: int,
        max_depth: int,
    ) -> None:
        fragment = self._fragments.get(name)
        self.spread_fragments.add(name)
        if fragment is None or name in self._open_fragments:
            return  # unknown or recursive: validation rejects both
        self._open_fragments.append(name)
        selections = fragment.selection_set.selections
        self.collect(selections, into, conditions, depth=depth, max_depth=max_depth)
        self._open_fragments.pop()

    def _collect_field(
        self,
        node: FieldNode,
        into: dict[str, CollectedField],
        conditions: Conditions,
        *,
        depth: int,
        max_depth: int,
    ) -> None:
        if depth == 1 and node.name.value in INTROSPECTION_FIELDS:
            max_depth = MAX_INTROSPECTION_DEPTH
        if depth > max_depth:
            raise QueryTooDeep(f"A query is at most {max_depth} fields deep")
        if node.alias:
            self._aliased.add(id(node))
            if len(self._aliased) > self._limits.max_aliases:
                raise TooManyAliases(f"A query has at most {self._limits.max_aliases} aliases")
        key = (node.alias or node.name).value
        collected = into.get(key)
        occurrence = Occurrence(self._steps, conditions)
        if collected is None:
            collected = into[key] = CollectedField(key, node.name.value, [node], [occurrence])
        else:
            self._check_mergeable(collected, node)
            collected.nodes.append(node)
            collected.occurrences.append(occurrence)
        if node.selection_set:
            selections = node.selection_set.selections
            self.collect(
                selections, collected.fields, conditions, depth=depth + 1, max_depth=max_depth
            )

    def _check_mergeable(self, collected: CollectedField, node: FieldNode) -> None:
        first = collected.nodes[0]
        if len(self.conflicts) >= MAX_CONFLICTS or first is node:
            return
        if collected.name == node.name.value and _arguments(first) == _arguments(node):
            return
        message = (
            f"Fields {collected.key!r} conflict: they have different names or arguments. "
            "Use different aliases on the fields."
        )
        self.conflicts.append(GraphQLError(message, [first, node]))

    def _count_steps(self, steps: int) -> None:
        self._steps += steps
        if self._steps > MAX_STEPS:
            raise QueryTooComplex(
                f"A query comes to at most {MAX_STEPS} fields, arguments, fragments and directives"
            )


def _conditions_of(node: SelectionNode) -> Conditions:
    directives = node.directives or ()
    return tuple(node for node in directives if node.name.value in ("skip", "include"))


def _arguments(node: FieldNode) -> dict[str, Any]:
    return {argument.name.value: _comparable(argument.value) for argument in node.arguments or ()}


def _comparable(value: Any) -> Any:
    """Return the value of a literal without its location, so that equal values compare equal."""
    if isinstance(value, ListValueNode):
        return [_comparable(item) for item in value.values]
    if isinstance(value, ObjectValueNode):
        return {field.name.value: _comparable(field.value) for field in value.fields}
    if isinstance(value, VariableNode):
        return value.kind, value.name.value
    return value.kind, getattr(value, "value", None)
