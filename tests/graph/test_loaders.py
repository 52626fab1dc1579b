"""Loaders gather keys until they are dispatched, ask for each once, and let one fail alone."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from sluice.errors import NotFound, StatementTimeout
from sluice.graph.loaders import Loader, Loaders, Pending


class Source:
    """Squares of numbers, and what was asked of it."""

    def __init__(self) -> None:
        self.batches: list[tuple[list[Any], set[str]]] = []

    def read(self, keys: Sequence[Any], fields: frozenset[str]) -> Mapping[Any, Any]:
        self.batches.append((list(keys), set(fields)))
        return {key: NotFound() if key == 13 else key * key for key in keys if key < 100}


def settled(pending: Pending) -> list[list[Any]]:
    got: list[list[Any]] = []
    pending.then(got.append)
    return got


def test_keys_of_everyone_are_one_batch_and_each_gets_its_own() -> None:
    source = Source()
    loader = Loader(source.read)
    one, two = settled(loader.load([2, 3, 2], {"a"})), settled(loader.load([3, None, 4], {"b"}))
    assert one == two == []

    assert loader.dispatch()

    assert (one, two) == ([[4, 9, 4]], [[9, None, 16]])
    assert source.batches == [([2, 3, 4], {"a", "b"})]
    assert not loader.dispatch()


def test_a_key_is_read_once_unless_more_is_asked_of_it() -> None:
    source = Source()
    loader = Loader(source.read)
    loader.load([2, 3], {"a", "b"})
    loader.dispatch()
    again = settled(loader.load([2, 3], {"a"}))
    loader.dispatch()
    assert again == [[4, 9]]
    assert len(source.batches) == 1

    loader.load([3, 5], {"c"})
    loader.dispatch()

    assert source.batches[1] == ([3, 5], {"a", "b", "c"})


def test_a_key_may_fail_or_be_nobodys_alone() -> None:
    source = Source()
    loader = Loader(source.read)
    got = settled(loader.load([2, 13, 100]))
    loader.dispatch()

    (values,) = got
    assert (values[0], type(values[1]), values[2]) == (4, NotFound, None)


@pytest.mark.parametrize("kind", [StatementTimeout, ZeroDivisionError])
def test_a_batch_that_fails_fails_each_of_its_keys(kind: type[Exception]) -> None:
    def fail(keys: Sequence[Any], fields: frozenset[str]) -> Mapping[Any, Any]:
        raise kind

    loader = Loader(fail)
    got = settled(loader.load([1, 2]))
    loader.dispatch()

    assert [type(value) for value in got[0]] == [kind, kind]


def test_what_is_asked_for_while_settling_is_of_the_next_tick() -> None:
    source = Source()
    loaders = Loaders()
    got: list[Any] = []
    loader = loaders.of("squares", source.read)
    loader.load([2]).then(lambda values: loader.load(values).then(got.append))

    assert loaders.dispatch()
    assert got == []
    assert loaders.dispatch()
    assert got == [[16]]
    assert not loaders.dispatch()


def test_what_was_written_is_read_anew() -> None:
    source = Source()
    loaders = Loaders()
    for _ in range(2):
        loaders.of("squares", source.read).load([2])
        loaders.dispatch()
        loaders.forget()

    assert len(source.batches) == 2
