"""Answers a plan, a level at a time: a field is resolved once, for all the objects of its level together.

graphql-core's own executor resolves a field for one object after the other, so batching needs futures and an event loop
behind every one of them: 5.6 ms for a hundred products, of which this takes 0.2 (docs/decisions/0010-graphql.md).
Here a resolver takes a list of objects and gives a list of values, one for each: an error in it is that object's alone.
It may give a loader's Pending instead; the field is gone on with when the tick is over.

A value that failed, or is null where it must not be, stays where it is until all is done; then `_settle` turns it into
null, with the parents that cannot hold one, and collects the errors with their paths. Who has none pays nothing for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from graphql import GraphQLError

from sluice.errors import Unavailable
from sluice.graph.loaders import Loaders, Pending
from sluice.graph.plan import PlannedField

Objects = Sequence[Any]
Path = tuple[str | int, ...]


class ExecutionContext(Protocol):
    """What a request is answered with: its loaders, and a way to resolve a field for many objects."""

    loaders: Loaders

    def resolve(self, selected: PlannedField, objects: Objects) -> Sequence[Any] | Pending: ...


class _Failure:
    """Stands for a value that there is not."""

    __slots__ = ("error",)

    def __init__(self, error: Exception) -> None:
        self.error = error


@dataclass(slots=True)
class ExecutionResult:
    """`data` as it is answered, None where null went all the way up; `errors` with their paths."""

    data: dict[str, Any] | None
    errors: list[GraphQLError] = field(default_factory=list)


def execute(fields: Sequence[PlannedField], request: ExecutionContext) -> ExecutionResult:
    """The fields of an operation's root. Unavailable passes through: then there is no answer."""
    return _Execution(request).run(fields)


class _Execution:
    def __init__(self, request: ExecutionContext) -> None:
        self._request = request
        self._failed = False
        self._errors: list[GraphQLError] = []

    def run(self, fields: Sequence[PlannedField]) -> ExecutionResult:
        data = self._objects(fields, [None])[0]
        while self._request.loaders.dispatch():
            pass
        return ExecutionResult(
            self._settle(fields, data, ()) if self._failed else data, self._errors
        )

    def _objects(self, fields: Sequence[PlannedField], objects: Objects) -> list[dict[str, Any]]:
        """What is answered for each object. Its keys are there at once, in their order; values come as they may."""
        blank = dict.fromkeys([selected.key for selected in fields])
        answers = [blank.copy() for _ in objects]
        if answers:
            for selected in fields:
                self._start(selected, objects, answers)
        return answers

    def _start(
        self, selected: PlannedField, objects: Objects, answers: list[dict[str, Any]]
    ) -> None:
        try:
            values = self._request.resolve(selected, objects)
        except Unavailable:
            raise
        except Exception as error:
            values = [error] * len(objects)
        if isinstance(values, Pending):
            values.then(lambda values: self._complete(selected, values, answers))
        else:
            self._complete(selected, values, answers)

    def _complete(
        self, selected: PlannedField, values: Sequence[Any], answers: list[dict[str, Any]]
    ) -> None:
        kind, key = selected.kind, selected.key
        if kind.object is None:
            write = kind.write
            for answer, value in zip(answers, values, strict=True):
                if value is None or isinstance(value, Exception):
                    answer[key] = self._absent(selected, value)
                else:
                    answer[key] = value if write is None else write(value)
            return
        present: list[tuple[dict[str, Any], Any]] = []
        for answer, value in zip(answers, values, strict=True):
            if value is None or isinstance(value, Exception):
                answer[key] = self._absent(selected, value)
            else:
                present.append((answer, value))
        if kind.many:
            inner = self._objects(selected.fields, [one for _, many in present for one in many])
            at = 0
            for answer, many in present:
                answer[key] = inner[at : at + len(many)]
                at += len(many)
        else:
            inner = self._objects(selected.fields, [value for _, value in present])
            for (answer, _), one in zip(present, inner, strict=True):
                answer[key] = one

    def _absent(self, selected: PlannedField, value: Exception | None) -> _Failure | None:
        if isinstance(value, Unavailable):
            raise value
        if value is None:
            if not selected.kind.required:
                return None
            value = GraphQLError(
                f"Cannot return null for non-nullable field {selected.owner}.{selected.name}."
            )
        self._failed = True
        return _Failure(value)

    def _settle(
        self, fields: Sequence[PlannedField], answer: dict[str, Any], path: Path
    ) -> dict[str, Any] | None:
        """The answer without failures; None where one of them is of a field that cannot be null."""
        holds = True
        for selected in fields:
            value, kind, here = answer[selected.key], selected.kind, (*path, selected.key)
            if isinstance(value, _Failure):
                self._errors.append(located(value.error, selected, here))
                value = None
            elif value is not None and kind.many:
                items = [
                    self._settle(selected.fields, item, (*here, n)) for n, item in enumerate(value)
                ]
                value = None if None in items else items
            elif value is not None and kind.object:
                value = self._settle(selected.fields, value, here)
            answer[selected.key] = value
            holds = holds and not (value is None and kind.required)
        return answer if holds else None


def located(error: Exception, selected: PlannedField, path: Path) -> GraphQLError:
    """With its place in the document and in the answer."""
    return GraphQLError(str(error), selected.field.nodes, path=list(path), original_error=error)
