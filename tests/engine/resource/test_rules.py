"""Rules of a repository: `before_create` and `before_write`."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from sluice.errors import ValidationFailed
from sluice.graph.mutations import create_row, update_row
from sluice.kinds.field import DeclarationError
from sluice.query import Query
from sluice.sql.page_cursor import CursorSigner
from sluice.sql.resource_repository import Values
from tests.engine.resource.test_derived_sql import DerivedParts


class StoredRow(NamedTuple):
    json: str
    etag: str
    id: int


class ParameterRecorder:
    """Stores the parameters of each statement."""

    def __init__(self) -> None:
        self.params: list[dict[str, Any]] = []

    def read(self, query: Query) -> Sequence[Any]:
        return self.write(query)

    def write(self, query: Query) -> Sequence[Any]:
        self.params.append(dict(query.params))
        return [StoredRow("{}", "1", 1)]


class RuledParts(DerivedParts):
    def before_create(self, values: Values) -> None:
        values.setdefault("state", values["name"].lower())

    def before_write(self, values: Values) -> None:
        if values.get("name") == "Washer":
            raise ValidationFailed.at("name", "reserved", "must not be Washer")
        if "name" in values:
            values["order"] = len(values["name"])


@pytest.fixture(name="recorder")
def recorder_of_statements() -> ParameterRecorder:
    return ParameterRecorder()


@pytest.fixture(name="parts")
def ruled_parts(recorder: ParameterRecorder) -> RuledParts:
    return RuledParts(recorder, CursorSigner(b"the key of these tests' cursors"))


def test_rules_complete_a_new_row(parts: RuledParts, recorder: ParameterRecorder):
    sent = {"name": "Bolt", "maker_id": 3}

    parts.create(sent)

    expected = {"name": "Bolt", "maker_id": 3, "state": "bolt", "order": 4, "rating": None}
    assert recorder.params == [expected]
    assert sent == {"name": "Bolt", "maker_id": 3}


def test_update_runs_only_the_rule_of_every_write(parts: RuledParts, recorder: ParameterRecorder):
    parts.update((1,), {"name": "Cog"})
    parts.update((1,), {"rating": None})

    assert [params.get("order") for params in recorder.params] == [3, None]
    assert all("state" not in params for params in recorder.params)


def test_rules_run_for_graphql(parts: RuledParts, recorder: ParameterRecorder):
    def run(resolver: Any, **arguments: Any) -> None:
        repositories = SimpleNamespace(named=lambda _: parts)
        context = SimpleNamespace(repositories=repositories, load=lambda *_: None)
        resolver(context, SimpleNamespace(arguments=arguments), [None])

    run(create_row("parts"), input={"name": "Bolt", "makerId": "3"})
    run(update_row("parts"), id="1", input={"name": "Cog"})

    created, changed = recorder.params
    assert (created["state"], created["order"], created["maker_id"]) == ("bolt", 4, 3)
    assert (changed["name"], changed["order"]) == ("Cog", 3)
    with pytest.raises(ValidationFailed, match="Washer"):
        run(create_row("parts"), input={"name": "Washer", "makerId": "3"})


def test_refused_row_is_not_written(parts: RuledParts, recorder: ParameterRecorder):
    for write in (
        lambda: parts.create({"name": "Washer", "maker_id": 3}),
        lambda: parts.update((1,), {"name": "Washer"}),
    ):
        with pytest.raises(ValidationFailed) as raised:
            write()
        assert [(error.pointer, error.code) for error in raised.value.errors] == [
            ("/name", "reserved")
        ]
    assert recorder.params == []


@pytest.mark.parametrize("write", ["create", "update"])
def test_rule_may_only_set_what_is_written(parts: RuledParts, write: str):
    def set_stars(values: Values) -> None:
        values["stars"] = 5

    parts.before_write = set_stars  # type: ignore[method-assign]
    arguments = [{"name": "Bolt", "maker_id": 3}] if write == "create" else [1, {"name": "Bolt"}]

    with pytest.raises(DeclarationError, match="RuledParts: a rule sets stars"):
        getattr(parts, write)(*arguments)
