"""Send the statements of what stands below a row: lists, links, functions, expanded rows.

scripts/sql.py prints them with the other statements of a resource.
"""

from typing import Any

from sluice import application
from sluice.resource import NOTHING, Many
from sluice.sql.calls import Call, CallRepository
from sluice.sql.expand import expanded
from sluice.sql.idempotency import IdempotencyKey
from sluice.sql.junctions import junction_list
from sluice.sql.key import Key
from sluice.sql.links import Link, LinkRepository
from sluice.sql.list_spec import ListQuery, Parent
from sluice.sql.resource_repository import ResourceRepository


def find(name: str) -> type[ResourceRepository]:
    """Return the repository class of a resource."""
    kind: type[ResourceRepository] = application.current().load("repositories", name)
    return kind


def call_relations(recorder: Any, signer: Any, kind: type[ResourceRepository]) -> None:
    """Send each statement of the resource's relations, and of several rows at once."""
    resource = kind.resource
    key: Key = tuple(1 for _ in resource.keys)
    recorder.label = "get_many"
    kind(recorder, signer).get_many([key], kind.list_spec.projection.fields)
    for one in resource.refs:
        if one.expand and one.resource in application.current().repositories:
            recorder.label = f"get_by_id: expand={one.name}"
            items = expanded(kind, (one.name,), find).items
            kind(recorder, signer).get_by_id(key, None, items)
    for many in resource.lists:
        if many.resource in application.current().repositories:
            _call_list(recorder, signer, kind, many, key)
    for function in resource.functions:
        recorder.label = f"function {function.name}"
        _call_function(CallRepository(recorder, signer), Call(resource, kind.projection, function))


def _call_list(
    recorder: Any, signer: Any, kind: type[ResourceRepository], many: Many, key: Key
) -> None:
    """Send the statements of a list below a row, and of its links."""
    recorder.label = f"page of {many.name}"
    other, foreign_key = find(many.resource), ",".join(many.columns)
    rows = other(recorder, signer)
    junction = junction_list(other, kind.resource, many) if many.through else None
    query = ListQuery(include_total=True)
    rows.page(query, Parent(kind.projection, key, foreign_key, junction))
    if not many.through:
        return
    recorder.label = f"connections of {many.name}"
    edges = junction_list(other, kind.resource, many, graphql=True)
    other_key: Key = tuple(1 for _ in other.resource.keys)
    rows.connections_by_parent([key], query, foreign_key, edges)
    rows.edge(key, other_key, (), foreign_key, edges)
    link, links = Link(kind.projection, other.projection, many), LinkRepository(recorder, signer)
    payload = {field.name: field.read(field.example, "") for field in many.payload}
    recorder.label = f"link {many.name}"
    links.put(link, key, other_key, {})
    links.put(link, key, other_key, payload)
    recorder.label = f"unlink {many.name}"
    links.delete(link, key, other_key)


def _call_function(calls: CallRepository, call: Call) -> None:
    """Send the statements that call a function on a row."""
    key: Key = tuple(1 for _ in call.resource.keys)
    arguments = {field.name: field.read(field.example, "") for field in call.function.arguments}
    if call.function.stable:
        calls.read(call, key, arguments)
        calls.read_many(call, [key], arguments)
        return
    calls.write(call, key, arguments)
    if call.function.returns != NOTHING:
        calls.write(call, key, arguments, idempotency_key=IdempotencyKey(b"key", b"print"))
