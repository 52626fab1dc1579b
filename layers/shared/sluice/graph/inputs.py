"""Read the inputs of mutations by the kinds of their fields, like the body of a REST request."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from sluice.graph.part import graphql_name, is_from_one
from sluice.graph.resolvers import row_id
from sluice.graph.values import as_json
from sluice.http.body import BodySchema, OptionalBody
from sluice.kinds.field import Field, reject


class IdField(Field):
    """Read a GraphQL ID as the key of a referenced row.

    An ID that no row can have becomes NO_ID if keys are whole numbers from 1. Then the database
    rejects it, like any other unknown one.
    """

    def __init__(self, key: Field) -> None:
        super().__init__(key.name)
        self._key = key

    def read(self, value: object, pointer: str) -> object:
        if value is None:
            return None
        if is_from_one(self._key):
            return row_id(str(value))
        try:
            return self._key.parse_id(str(value))
        except ValueError:
            reject(pointer, "unknown", "does not exist")


class OwnIdField(Field):
    """Read a GraphQL ID as the key of a new row."""

    def __init__(self, key: Field) -> None:
        super().__init__(key.name, optional=key.optional)
        self._key = key

    def read(self, value: object, pointer: str) -> object:
        given = None if value is None else self._key.parse_csv(str(value))
        return self._key.read(given, pointer)


def read_input(
    given: Mapping[str, object], schema: BodySchema, names: Mapping[str, str], method: str
) -> dict[str, Any]:
    """Return the values of an input. `names` has the name of each field that is another one here.

    Raises ValidationFailed, like a REST body.
    """
    document = {names.get(name, name): as_json(value) for name, value in given.items()}
    return schema.read_body(document, method)


def read_further(given: Mapping[str, object], fields: tuple[Field, ...]) -> dict[str, Any]:
    """Return the values of the payload of a link, or of the arguments of a function.

    Raises ValidationFailed, like a REST body.
    """
    names = {name: field.name for name, field in further_names(fields).items()}
    return read_input(given, _schema(fields), names, "")


def further_names(fields: Iterable[Field]) -> dict[str, Field]:
    """Return the fields by their names in GraphQL."""
    return {graphql_name(field.name): field for field in fields}


@cache
def _schema(fields: tuple[Field, ...]) -> BodySchema:
    return OptionalBody([IdField(f.reference.key) if f.reference else f for f in fields])
