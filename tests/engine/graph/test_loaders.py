"""Loaders collect keys until they are dispatched, and read each key once."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from sluice.errors import NotFound, StatementTimeout
from sluice.graph.loaders import Loader, Loaders, Pending


class SquaresSource:
    """Returns the squares of numbers, and records the batches."""

    def __init__(self) -> None:
        self.batches: list[tuple[list[Any], set[str]]] = []

    def read(self, keys: Sequence[Any], fields: frozenset[str]) -> Mapping[Any, Any]:
        self.batches.append((list(keys), set(fields)))
        return {key: NotFound() if key == 13 else key * key for key in keys if key < 100}


def results_of(pending: Pending) -> list[list[Any]]:
    results: list[list[Any]] = []
    pending.then(results.append)
    return results


def test_keys_of_all_loads_are_one_batch() -> None:
    source = SquaresSource()
    loader = Loader(source.read)
    one, two = (
        results_of(loader.load([2, 3, 2], {"a"})),
        results_of(loader.load([3, None, 4], {"b"})),
    )
    assert one == two == []

    assert loader.dispatch()

    assert (one, two) == ([[4, 9, 4]], [[9, None, 16]])
    assert source.batches == [([2, 3, 4], {"a", "b"})]
    assert not loader.dispatch()


def test_key_is_read_again_only_for_more_fields() -> None:
    source = SquaresSource()
    loader = Loader(source.read)
    loader.load([2, 3], {"a", "b"})
    loader.dispatch()
    again = results_of(loader.load([2, 3], {"a"}))
    loader.dispatch()
    assert again == [[4, 9]]
    assert len(source.batches) == 1

    loader.load([3, 5], {"c"})
    loader.dispatch()

    assert source.batches[1] == ([3, 5], {"a", "b", "c"})


def test_one_key_can_fail_or_be_unknown() -> None:
    source = SquaresSource()
    loader = Loader(source.read)
    results = results_of(loader.load([2, 13, 100]))
    loader.dispatch()

    (values,) = results
    assert (values[0], type(values[1]), values[2]) == (4, NotFound, None)


@pytest.mark.parametrize("error_type", [StatementTimeout, ZeroDivisionError])
def test_failed_batch_fails_all_its_keys(error_type: type[Exception]) -> None:
    def fail(keys: Sequence[Any], fields: frozenset[str]) -> Mapping[Any, Any]:
        raise error_type

    loader = Loader(fail)
    results = results_of(loader.load([1, 2]))
    loader.dispatch()

    assert [type(value) for value in results[0]] == [error_type, error_type]


def test_load_in_callback_joins_next_dispatch() -> None:
    source = SquaresSource()
    loaders = Loaders()
    results: list[Any] = []
    loader = loaders.get("squares", source.read)
    loader.load([2]).then(lambda values: loader.load(values).then(results.append))

    assert loaders.dispatch()
    assert results == []
    assert loaders.dispatch()
    assert results == [[16]]
    assert not loaders.dispatch()


def test_cleared_loaders_read_again() -> None:
    source = SquaresSource()
    loaders = Loaders()
    for _ in range(2):
        loaders.get("squares", source.read).load([2])
        loaders.dispatch()
        loaders.clear()

    assert len(source.batches) == 2
