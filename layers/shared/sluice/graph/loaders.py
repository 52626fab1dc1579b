"""Batch the reads of a request: collect keys, then read all their rows with one statement.

This is the DataLoader pattern (https://github.com/graphql/dataloader) without an event loop. The
executor resolves all fields that need no database, and then calls `Loaders.dispatch`, which runs
one statement for each loader with waiting keys. This is repeated until no loader has any.

A key is read once in a request, and again only if a later load needs more fields. If the read of
one key fails, the value of that key is the exception.

Each request has new loaders. If they were kept for other requests, they would return stale rows,
and one client's rows to another client.
"""

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from typing import Any

# A function of keys and field names. It returns a row or an exception for each known key.
Batch = Callable[[Sequence[Any], frozenset[str]], Mapping[Any, Any]]
Values = list[Any]


class Pending:
    """Values that will be read later, one for each requested key; None for an unknown key."""

    def __init__(self) -> None:
        self._callback: Callable[[Values], None] | None = None

    def then(self, callback: Callable[[Values], None]) -> None:
        """Call `callback` once, with the values, when they have been read."""
        self._callback = callback

    def set_result(self, values: Values) -> None:
        """Pass the values to the callback."""
        if self._callback is not None:
            self._callback(values)


class Loader:
    """Read the rows of one kind by key. `batch` reads the rows of many keys at once."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        # By key: the fields that were read, and the row.
        self._cache: dict[Hashable, tuple[frozenset[str], Any]] = {}
        self._waiting: list[tuple[Sequence[Hashable], Pending]] = []
        self._missing: dict[Hashable, None] = {}  # a set that keeps the order of the requests
        self._fields: frozenset[str] = frozenset()

    def load(self, keys: Sequence[Hashable], fields: Collection[str] = ()) -> Pending:
        """Request the rows of these keys, with at least these fields. Key None has no row."""
        wanted = frozenset(fields)
        for key in keys:
            if key is not None and not self._is_cached(key, wanted):
                self._missing[key] = None
                self._fields |= wanted
        pending = Pending()
        self._waiting.append((keys, pending))
        return pending

    def dispatch(self) -> bool:
        """Read the missing keys in one batch and complete the loads. Return False if none waits."""
        if not self._waiting:
            return False
        waiting, self._waiting = self._waiting, []
        if self._missing:
            self._read(list(self._missing))
        for keys, pending in waiting:
            values = [self._cache[key][1] if key is not None else None for key in keys]
            pending.set_result(values)
        return True

    def _is_cached(self, key: Hashable, fields: frozenset[str]) -> bool:
        return key in self._cache and fields <= self._cache[key][0]

    def _read(self, keys: list[Hashable]) -> None:
        fields = self._fields
        for key in keys:
            if key in self._cache:  # read again, with the fields of the earlier loads as well
                fields |= self._cache[key][0]
        self._missing, self._fields = {}, frozenset()
        try:
            rows = self._batch(keys, fields)
        except Exception as error:  # fails these keys only; the handler reports or masks it
            rows = dict.fromkeys(keys, error)
        self._cache.update({key: (fields, rows.get(key)) for key in keys})


class Loaders:
    """The loaders of one request, by name."""

    def __init__(self) -> None:
        self._loaders: dict[Hashable, Loader] = {}

    def get(self, name: Hashable, batch: Batch) -> Loader:
        """Return the loader of this name. The first call creates it, with `batch`."""
        loader = self._loaders.get(name)
        if loader is None:
            loader = self._loaders[name] = Loader(batch)
        return loader

    def dispatch(self) -> bool:
        """Dispatch every loader once. Return False if none had waiting loads."""
        dispatched = [loader.dispatch() for loader in list(self._loaders.values())]
        return any(dispatched)

    def clear(self) -> None:
        """Forget all rows, because a write may have changed them."""
        self._loaders.clear()
