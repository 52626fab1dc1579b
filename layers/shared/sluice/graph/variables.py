"""Coerce the variables of an operation.

Each JSON value is converted to a literal of its type, and the literal is then read like one in the
document. So the same rules and messages apply to variables and literals.
"""

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


class _TooManyErrors(Exception):
    """The maximum number of errors was found."""


def read_variables(
    schema: GraphQLSchema,
    operation: OperationDefinitionNode,
    values: Mapping[str, object],
    *,
    max_errors: int,
    hide_suggestions: bool,
) -> tuple[VariableValues, list[GraphQLError]]:
    """Return the coerced variables of a valid operation, and at most `max_errors` errors."""
    reader = _VariableReader(schema, max_errors, hide_suggestions)
    try:
        for definition in operation.variable_definitions or ():
            reader.read(definition, values)
    except _TooManyErrors:
        pass
    return reader.coerced, reader.errors


class _VariableReader:
    def __init__(self, schema: GraphQLSchema, max_errors: int, hide_suggestions: bool) -> None:
        self._schema = schema
        self._max_errors = max_errors
        self._hide_suggestions = hide_suggestions
        self.coerced = VariableValues({}, {})
        self.errors: list[GraphQLError] = []

    def read(self, definition: VariableDefinitionNode, values: Mapping[str, object]) -> None:
        """Coerce one variable. Adds to `coerced` or to `errors`."""
        name = definition.variable.name.value
        type_ = type_from_ast(self._schema, definition.type)
        literal: ValueNode | None = definition.default_value
        if name in values:
            try:
                literal = literal_of(values[name], type_)
            except GraphQLError as error:
                self._add_error(definition, error, [])
                return
        default = GraphQLDefaultInput(literal=literal) if literal else None  # type: ignore[arg-type]
        signature = GraphQLVariableSignature(name, type_, default)  # type: ignore[arg-type]
        self.coerced.sources[name] = VariableValueSource(signature)
        if literal is None:
            if isinstance(type_, GraphQLNonNull):
                message = f"Expected a value of non-null type '{type_}' to be provided."
                self._add_error(definition, GraphQLError(message), [])
            return
        value = coerce_input_literal(literal, type_)  # type: ignore[arg-type]
        if value is Undefined:
            self._add_validation_errors(definition, literal, type_)
        else:
            self.coerced.coerced[name] = value

    def _add_validation_errors(
        self, definition: VariableDefinitionNode, literal: ValueNode, type_: Any
    ) -> None:
        validate_input_literal(
            literal,
            type_,
            lambda error, path: self._add_error(definition, error, path),
            hide_suggestions=self._hide_suggestions,
        )

    def _add_error(
        self, definition: VariableDefinitionNode, error: GraphQLError, path: list[str | int]
    ) -> None:
        if len(self.errors) >= self._max_errors:
            raise _TooManyErrors
        name = definition.variable.name.value
        message = f"Variable '${name}' has invalid value{print_path_list(path)}: {error.message}"
        self.errors.append(GraphQLError(message, definition, original_error=error))
