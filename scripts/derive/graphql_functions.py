"""The GraphQL definitions of functions of the database: mutations, and fields of a row."""

from collections.abc import Collection, Iterator

from catalog.graphql_names import title, type_name
from scripts.derive.graphql_inputs import default_literal
from scripts.derive.graphql_text import (
    UNKNOWN,
    Member,
    a,
    definition,
    further_type,
    id_argument,
    version_argument,
    words,
)
from sluice.graph.part import graphql_name
from sluice.http.route_names import name_of_function
from sluice.kinds.field import Field
from sluice.resource import NOTHING, ROWS, Function, Resource


def function_inputs(resource: Resource) -> Iterator[str]:
    """Yield the input of each function that writes."""
    for function in resource.functions:
        if not function.stable:
            text = f"The arguments of {_mutation(resource, function)}."
            yield definition(
                "input", _input(resource, function), text, _members(resource, function)
            )


def function_mutations(resource: Resource) -> Iterator[tuple[tuple[str, str], Member]]:
    """Yield the fields of Mutation that call a function, by verb and function."""
    one = words(resource.singular)
    for function in resource.functions:
        if function.stable:
            continue
        input_ = _input(resource, function)
        is_required = any(field.required for field in function.arguments)
        type_of_input = f"{input_}!" if is_required else input_
        given = Member("input", type_of_input, "The arguments of the function.")
        arguments = (
            id_argument(one),
            *((given,) if function.arguments else ()),
            *((version_argument(one),) if resource.etag == "version" else ()),
        )
        type_, returned = _type(resource, function), f"Null {UNKNOWN}."
        if function.returns == NOTHING:
            type_, returned = "Boolean!", f"Return true, or false {UNKNOWN}."
        text = f"{words(function.name).capitalize()} {a(one)}. {returned}"
        name = _mutation(resource, function)
        yield ("call", function.name), Member(name, type_, text, arguments)


def function_members(resource: Resource) -> Iterator[Member]:
    """Yield the fields of a row that call a function. An error in it does not hide the row."""
    for function in resource.functions:
        if function.stable and function.name not in resource.graphql.hidden:
            text = f"The {words(function.name)} of the {words(resource.singular)}."
            arguments = tuple(_members(resource, function))
            yield Member(graphql_name(function.name), _type(resource, function), text, arguments)


def function_entries(resource: Resource, kept: Collection[tuple[str, str]]) -> dict[str, object]:
    """Return the entries of the functions of a row, as far as their fields are derived."""
    of_type = {graphql_name(function.name): function for function in resource.functions}
    calls = {_mutation(resource, function): function for function in resource.functions}
    prefix = resource.scope_prefix
    return {
        "functions": {
            name: (each.name, each.scope or f"{prefix}:read", _size(each))
            for name, each in of_type.items()
            if each.stable and (type_name(resource), name) in kept
        },
        "calls": {
            name: (each.name, each.scope or f"{prefix}:write")
            for name, each in calls.items()
            if not each.stable and ("Mutation", name) in kept
        },
    }


def _mutation(resource: Resource, function: Function) -> str:
    return graphql_name(name_of_function(resource, function))


def _input(resource: Resource, function: Function) -> str:
    return f"{title(function.name)}{type_name(resource)}Input"


def _size(function: Function) -> int:
    return function.max_rows if function.returns == ROWS else 1


def _owner(resource: Resource, function: Function) -> str:
    return f"{type_name(resource)}{title(function.name)}"


def _type(resource: Resource, function: Function) -> str:
    if isinstance(function.returns, Field):
        return further_type(_owner(resource, function), function.returns)
    row = type_name(resource)
    return f"[{row}!]" if function.returns == ROWS else row


def _members(resource: Resource, function: Function) -> Iterator[Member]:
    for field in function.arguments:
        type_ = further_type(_owner(resource, function), field, is_input=True)
        text = field.description or f"The argument {words(field.name)}."
        end = "!" if field.required else ""
        default = "" if field.default is None else default_literal(field)
        yield Member(graphql_name(field.name), type_ + end, text, default=default)
