"""What was asked, read and judged once: parsed, bounded, validated, and kept for whoever asks the same again.

Order matters. Size is looked at before parsing, the outline before validation, and cost (cost.py) before anything runs:
each step bounds what the next one can take. A document that was refused is not kept.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    parse,
    validate,
)
from graphql.execution.values import VariableValues

from sluice.errors import InvalidQuery, QueryTooDeep, QueryTooLong
from sluice.graph.field_collection import CollectedField, collect_fields
from sluice.graph.schema import RULES, RULES_WITHOUT_INTROSPECTION, SCHEMA
from sluice.graph.variables import read_variables
from sluice.settings import GraphqlSettings

MAX_CHARACTERS = 32_768
MAX_COMMENTS = 200
MAX_VALUES = 2_000  # in variables
MAX_ERRORS = 20
KEPT = 50  # documents; the longest takes a megabyte


class GraphQLRequestError(Exception):
    """A request error of GraphQL's own making: one or more faults, each at its place in the document."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__(errors[0].message)
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a document, and its fields by key."""

    node: OperationDefinitionNode
    fields: Mapping[str, CollectedField]
    document: DocumentNode

    @property
    def is_mutation(self) -> bool:
        return self.node.operation.value == "mutation"

    def variables(self, given: Mapping[str, object], limits: GraphqlSettings) -> VariableValues:
        """The variables of this operation, coerced. Invalid; QueryTooLong."""
        if _count(given, MAX_VALUES) > MAX_VALUES:
            raise QueryTooLong(f"Variables hold at most {MAX_VALUES} values")
        coerced, faults = read_variables(
            SCHEMA,
            self.node,
            given,
            max_errors=MAX_ERRORS,
            hide_suggestions=not limits.introspection,
        )
        if faults:
            raise GraphQLRequestError(faults)
        return coerced


@dataclass
class DocumentCache:
    """The documents met lately. One for each execution environment."""

    limits: GraphqlSettings
    _kept: OrderedDict[bytes, list[Operation]] = field(default_factory=OrderedDict)

    def operation(self, source: str, name: str | None) -> Operation:
        """The one to run. Invalid, and what `outline` raises; QueryTooLong; InvalidQuery where none is meant."""
        digest = sha256(source.encode("utf-8", "surrogatepass")).digest()
        operations = self._kept.get(digest)
        if operations is None:
            operations = self._kept[digest] = self._read(source)
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(digest)
        return _choose(operations, name)

    def _read(self, source: str) -> list[Operation]:
        if len(source) > MAX_CHARACTERS:
            raise QueryTooLong(
                f"A document has at most {MAX_CHARACTERS} characters, not {len(source)}"
            )
        document = self._parse(source)
        drawn = collect_fields(document, self.limits)
        rules = RULES if self.limits.introspection else RULES_WITHOUT_INTROSPECTION
        hide = not self.limits.introspection
        faults = drawn.faults or validate(
            SCHEMA, document, rules, max_errors=MAX_ERRORS, hide_suggestions=hide
        )
        if faults:
            raise GraphQLRequestError(faults)
        return [Operation(node, fields, document) for node, fields in drawn.operations]

    def _parse(self, source: str) -> DocumentNode:
        most = self.limits.max_tokens
        try:
            return parse(
                source,
                max_lexical_tokens=most,
                max_comments=MAX_COMMENTS,
                allow_empty_selection_sets=False,
            )
        except GraphQLSyntaxError as error:
            if "nested too deeply" in error.message:
                raise QueryTooDeep(
                    f"A query is at most {self.limits.max_depth} fields deep"
                ) from None
            if "Parsing aborted" in error.message:
                raise QueryTooLong(
                    f"A document has at most {most} tokens and {MAX_COMMENTS} comments"
                ) from None
            raise GraphQLRequestError([error]) from None


def _choose(operations: list[Operation], name: str | None) -> Operation:
    named = [
        one for one in operations if name is None or (one.node.name and one.node.name.value == name)
    ]
    if len(named) == 1:
        return named[0]
    if name is None:
        raise InvalidQuery(
            "The document has several operations: operationName must say which" if named else ""
        )
    raise InvalidQuery(f"The document has no operation named {name[:100]!r}")


def _count(value: object, most: int) -> int:
    """How many values there are in it, or some number over `most`."""
    left, seen = [value], 0
    while left and seen <= most:
        one = left.pop()
        seen += 1
        if isinstance(one, dict):
            left.extend(one.values())
        elif isinstance(one, list):
            left.extend(one)
    return seen
