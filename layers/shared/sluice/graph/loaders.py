"""Loaders: whatever asks for rows by key while a request is answered is gathered, and asked of the database at once.

After DataLoader (https://github.com/graphql/dataloader), without an event loop. A *tick* is everything that can be
answered without the database; when nothing else is left to do, `Loaders.dispatch` runs one statement for each loader
that somebody waits for. A key is read once in a request. It may fail alone: its value is then the error.

They live as long as the request. Kept longer, they would give one client what another may see, and give it stale.
"""

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from typing import Any

Batch = Callable[
    [Sequence[Any], frozenset[str]], Mapping[Any, Any]
]  # keys, fields → key → value or error
Values = list[Any]


class Pending:
    """Values that are not here yet, one for each key that was asked for; None for a key that has none."""

    def __init__(self) -> None:
        self._then: Callable[[Values], None] | None = None

    def then(self, action: Callable[[Values], None]) -> None:
        """Called once, with the values."""
        self._then = action

    def settle(self, values: Values) -> None:
        if self._then is not None:
            self._then(values)


class Loader:
    """The rows of one kind. `batch` reads many at once; what it does not return does not exist."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._known: dict[
            Hashable, tuple[frozenset[str], Any]
        ] = {}  # with the fields that were read
        self._waiting: list[tuple[Sequence[Hashable], Pending]] = []
        self._missing: dict[Hashable, None] = {}  # in the order they were asked for
        self._fields: frozenset[str] = frozenset()

    def load(self, keys: Sequence[Hashable], fields: Collection[str] = ()) -> Pending:
        """The rows of these keys, with at least these fields. A key of None has none."""
        wanted = frozenset(fields)
        for key in keys:
            if key is not None and not (key in self._known and wanted <= self._known[key][0]):
                self._missing[key] = None
                self._fields |= wanted
        pending = Pending()
        self._waiting.append((keys, pending))
        return pending

    def dispatch(self) -> bool:
        """Read what is missing, in one batch, and settle everyone who waits; False where nobody does."""
        if not self._waiting:
            return False
        waiting, self._waiting = self._waiting, []
        if self._missing:
            self._read(list(self._missing))
        for keys, pending in waiting:
            pending.settle([self._known[key][1] if key is not None else None for key in keys])
        return True

    def _read(self, keys: list[Hashable]) -> None:
        fields = self._fields
        for key in keys:  # what is read again, is read with all that anybody asked of it
            fields |= self._known[key][0] if key in self._known else frozenset()
        self._missing, self._fields = {}, frozenset()
        try:
            found = self._batch(keys, fields)
        except Exception as error:  # theirs alone; whoever answers shows or masks it
            found = dict.fromkeys(keys, error)
        self._known.update({key: (fields, found.get(key)) for key in keys})


class Loaders:
    """The loaders of one request, each made when it is first asked for."""

    def __init__(self) -> None:
        self._loaders: dict[Hashable, Loader] = {}

    def of(self, name: Hashable, batch: Batch) -> Loader:
        """The loader of this name."""
        loader = self._loaders.get(name)
        if loader is None:
            loader = self._loaders[name] = Loader(batch)
        return loader

    def dispatch(self) -> bool:
        """One tick: False where nobody waits any more."""
        busy = [loader for loader in list(self._loaders.values()) if loader.dispatch()]
        return bool(busy)

    def forget(self) -> None:
        """What was read is no longer so: something has been written."""
        self._loaders.clear()
