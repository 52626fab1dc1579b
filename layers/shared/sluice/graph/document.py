"""Parse and validate GraphQL documents, and cache the valid ones.

Each step limits the work of the next. The size is checked before parsing, the number of fields
before validation, and the cost (cost.py) before execution. Rejected documents are not cached.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from threading import Lock
from typing import NamedTuple

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
from sluice.graph.schema import RULES, RULES_WITHOUT_INTROSPECTION, current_schema
from sluice.graph.variables import read_variables
from sluice.settings import GraphqlSettings

MAX_CHARACTERS = 32_768
MAX_COMMENTS = 200
MAX_VARIABLE_VALUES = 2_000
MAX_ERRORS = 20
CACHE_SIZE = 50  # documents; the longest needs 1 MB


class GraphQLRequestError(Exception):
    """The request is invalid, for one or more reasons, each with its location in the document."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__(errors[0].message)
        self.errors = errors


class Operation(NamedTuple):
    """One operation of a document, with its root fields by response key."""

    node: OperationDefinitionNode
    fields: Mapping[str, CollectedField]
    document: DocumentNode

    @property
    def is_mutation(self) -> bool:
        return self.node.operation.value == "mutation"

    def coerce_variables(
        self, values: Mapping[str, object], limits: GraphqlSettings
    ) -> VariableValues:
        """Return the coerced variables of this operation.

        Raises GraphQLRequestError for invalid values, and QueryTooLong for too many.
        """
        if _count_values(values, MAX_VARIABLE_VALUES) > MAX_VARIABLE_VALUES:
            raise QueryTooLong(f"Variables hold at most {MAX_VARIABLE_VALUES} values")
        coerced, errors = read_variables(
            current_schema(),
            self.node,
            values,
            max_errors=MAX_ERRORS,
            hide_suggestions=not limits.introspection,
        )
        if errors:
            raise GraphQLRequestError(errors)
        return coerced


@dataclass
class DocumentCache:
    """The most recently used valid documents. There is one cache for each execution environment.

    Safe to share between threads. Two of them may parse the same document.
    """

    limits: GraphqlSettings
    _cache: OrderedDict[bytes, list[Operation]] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def operation(self, source: str, name: str | None) -> Operation:
        """Return the operation to run, from the cache or by parsing the document.

        Raises GraphQLRequestError, QueryTooLong, QueryTooDeep, QueryTooComplex, TooManyAliases, and
        InvalidQuery if `name` does not select exactly one operation.
        """
        digest = sha256(source.encode("utf-8", "surrogatepass")).digest()
        with self._lock:
            operations = self._cache.get(digest)
            if operations is not None:
                self._cache.move_to_end(digest)
        if operations is None:
            operations = self._read(source)
            with self._lock:
                self._cache[digest] = operations
                if len(self._cache) > CACHE_SIZE:
                    self._cache.popitem(last=False)
        return _select_operation(operations, name)

    def _read(self, source: str) -> list[Operation]:
        if len(source) > MAX_CHARACTERS:
            raise QueryTooLong(
                f"A document has at most {MAX_CHARACTERS} characters, not {len(source)}"
            )
        document = self._parse(source)
        collected = collect_fields(document, self.limits)
        errors = collected.errors or self._validate(document)
        if errors:
            raise GraphQLRequestError(errors)
        return [Operation(node, fields, document) for node, fields in collected.operations]

    def _validate(self, document: DocumentNode) -> list[GraphQLError]:
        introspection = self.limits.introspection
        return validate(
            current_schema(),
            document,
            RULES if introspection else RULES_WITHOUT_INTROSPECTION,
            max_errors=MAX_ERRORS,
            hide_suggestions=not introspection,
        )

    def _parse(self, source: str) -> DocumentNode:
        max_tokens = self.limits.max_tokens
        try:
            return parse(
                source,
                max_lexical_tokens=max_tokens,
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
                    f"A document has at most {max_tokens} tokens and {MAX_COMMENTS} comments"
                ) from None
            raise GraphQLRequestError([error]) from None


def _select_operation(operations: list[Operation], name: str | None) -> Operation:
    matching = operations
    if name is not None:
        matching = [
            operation
            for operation in operations
            if operation.node.name and operation.node.name.value == name
        ]
    if len(matching) == 1:
        return matching[0]
    if name is not None:
        raise InvalidQuery(f"The document has no operation named {name[:100]!r}")
    if matching:
        raise InvalidQuery("The document has several operations: operationName must select one")
    raise InvalidQuery("The document has no operation")


def _count_values(value: object, limit: int) -> int:
    """Return how many values are in `value`, nested ones included. Stops above `limit`."""
    remaining, count = [value], 0
    while remaining and count <= limit:
        current = remaining.pop()
        count += 1
        if isinstance(current, dict):
            remaining.extend(current.values())
        elif isinstance(current, list):
            remaining.extend(current)
    return count
