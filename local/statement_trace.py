"""Report each SQL statement of a function to the local system, for the console.

This file is in local/ only. The layer has no such code and no setting for it, so a deployment
cannot report statements. bootstrap.py runs the file in a sandbox. It waits until the function
imports the driver, and then wraps three methods of its connection. A statement that stock pg8000
runs (db/driver/compat.py) is not reported.
"""

import functools
import importlib.abc
import importlib.machinery
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

DRIVER = "sluice.db.driver.connection"
MAX_BYTES = 64 * 1024  # as MAX_STATEMENT_BYTES; the layer's interpreter cannot import local/


def install(descriptor: int) -> None:
    """Report the statements of this process to the pipe `descriptor`, one JSON line each."""
    sys.meta_path.insert(0, _DriverFinder(functools.partial(_wrap, descriptor)))


class _DriverFinder(importlib.abc.MetaPathFinder):
    """Calls `wrap` with the driver's module after its import."""

    def __init__(self, wrap: Callable[[ModuleType], None]) -> None:
        self._wrap = wrap

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != DRIVER:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        if spec is not None and spec.loader is not None:
            spec.loader = _WrappingLoader(spec.loader, self._wrap)
        return spec


class _WrappingLoader(importlib.abc.Loader):
    def __init__(self, loader: Any, wrap: Callable[[ModuleType], None]) -> None:
        self._loader = loader
        self._wrap = wrap

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        created: ModuleType | None = self._loader.create_module(spec)
        return created

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        self._wrap(module)


def _wrap(descriptor: int, driver: ModuleType) -> None:
    """Replace the methods of the connection through which all statements go."""
    connection_class = driver.PipelinedConnection
    make_params, context_of = driver.make_params, driver.request_context.current
    run, end, encode = (
        connection_class.execute_unnamed,
        connection_class._end_transaction,
        connection_class.encode_before,
    )

    def traced(connection: Any, sql: str, vals: Any, call: Callable[[], Any]) -> Any:
        use, began = context_of().database, time.perf_counter()
        round_trips, error, rows = use.round_trips, "", -1
        try:
            result = call()
        except Exception as raised:
            report = raised.args[0] if raised.args else None
            error = report.get("C", "") if isinstance(report, dict) else type(raised).__name__
            raise
        else:
            rows = getattr(result, "row_count", -1)
            return result
        finally:
            record = {
                "sql": sql,
                "params": make_params(connection.py_types, vals),
                "seconds": round(time.perf_counter() - began, 6),
                "round_trips": use.round_trips - round_trips,
                "rows": rows,
                "user": _text(connection.user),
                "tenant": context_of().tenant if connection._sets_tenant else None,
                "error": error,
            }
            _send(descriptor, record)

    def execute_unnamed(self: Any, statement: str, vals: Any = (), *rest: Any, **named: Any) -> Any:
        return traced(self, statement, vals, lambda: run(self, statement, vals, *rest, **named))

    def end_transaction(self: Any, statement: str) -> None:
        traced(self, statement, (), lambda: end(self, statement))

    def encode_before(self: Any, statement: str, vals: Any) -> Any:
        return traced(self, statement, vals, lambda: encode(self, statement, vals))

    connection_class.execute_unnamed = execute_unnamed
    connection_class._end_transaction = end_transaction
    connection_class.encode_before = encode_before


def _send(descriptor: int, record: dict[str, Any]) -> None:
    """Write a line. Parameters are left out, and the text is cut, if they are too large."""
    texts = record["params"]
    if sum(len(text or "") for text in texts) + len(record["sql"]) > MAX_BYTES:
        record["params"] = None
        record["sql"] = record["sql"][:MAX_BYTES]
    remaining = json.dumps(record).encode() + b"\n"
    while remaining:
        remaining = remaining[os.write(descriptor, remaining) :]


def _text(name: Any) -> str:
    """Return a name that pg8000 may hold as bytes with a final NUL."""
    return name.rstrip(b"\0").decode() if isinstance(name, bytes) else str(name)
