"""Variables of an operation: each value is written as a literal of its type, then read as literals are."""

from collections.abc import Mapping
from typing import Any

from graphql import (
    GraphQLDefaultInput,
    GraphQLError,
    GraphQLNonNull,
    GraphQLSchema,
    OperationDefinitionNode,
    Undefined,
    ValueNode,
    VariableDefinitionNode,
    type_from_ast,
)
from graphql.execution.get_variable_signature import GraphQLVariableSignature
from graphql.execution.values import VariableValues, VariableValueSource
from graphql.pyutils import print_path_list
from graphql.utilities import coerce_input_literal, validate_input_literal

from sluice.graph.scalars import literal_of


class _TooMany(Exception):
    """Enough errors were found."""


def read_variables(
    schema: GraphQLSchema,
    operation: OperationDefinitionNode,
    given: Mapping[str, object],
    *,
    max_errors: int,
    hide_suggestions: bool,
) -> tuple[VariableValues, list[GraphQLError]]:
    """Return the coerced variables of a valid operation, and at most `max_errors` errors."""
    reader = _Reader(schema, max_errors, hide_suggestions)
    try:
        for definition in operation.variable_definitions or ():
            reader.read(definition, given)
    except _TooMany:
        pass
    return reader.values, reader.errors


class _Reader:
    def __init__(self, schema: GraphQLSchema, max_errors: int, hide_suggestions: bool) -> None:
        self._schema = schema
        self._max_errors = max_errors
        self._hide_suggestions = hide_suggestions
        self.values = VariableValues({}, {})
        self.errors: list[GraphQLError] = []

    def read(self, definition: VariableDefinitionNode, given: Mapping[str, object]) -> None:
        name, type_ = definition.variable.name.value, type_from_ast(self._schema, definition.type)
        literal: ValueNode | None = definition.default_value
        if name in given:
            try:
                literal = literal_of(given[name], type_)
            except GraphQLError as error:
                self._fail(definition, error, [])
                return
        default = GraphQLDefaultInput(literal=literal) if literal else None  # type: ignore[arg-type]
        signature = GraphQLVariableSignature(name, type_, default)  # type: ignore[arg-type]
        self.values.sources[name] = VariableValueSource(signature)
        if literal is None:
            if isinstance(type_, GraphQLNonNull):
                message = f"Expected a value of non-null type '{type_}' to be provided."
                self._fail(definition, GraphQLError(message), [])
            return
        value = coerce_input_literal(literal, type_)  # type: ignore[arg-type]
        if value is Undefined:
            self._explain(definition, literal, type_)
        else:
            self.values.coerced[name] = value

    def _explain(self, definition: VariableDefinitionNode, literal: ValueNode, type_: Any) -> None:
        validate_input_literal(
            literal,
            type_,
            lambda error, path: self._fail(definition, error, path),
            hide_suggestions=self._hide_suggestions,
        )

    def _fail(
        self, definition: VariableDefinitionNode, error: GraphQLError, path: list[str | int]
    ) -> None:
        if len(self.errors) >= self._max_errors:
            raise _TooMany
        where = f"'${definition.variable.name.value}' has invalid value{print_path_list(path)}"
        self.errors.append(
            GraphQLError(f"Variable {where}: {error.message}", definition, original_error=error)
        )
