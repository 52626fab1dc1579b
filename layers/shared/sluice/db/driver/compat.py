"""Check the version of pg8000, and fall back to stock pg8000 with an unknown one.

`PipelinedConnection` uses internals of pg8000, which the layer pins. If another version is
installed, stock.py is used instead: correct, but slower. This module imports nothing of pg8000 that
another version could lack.
"""

from importlib import import_module

_SUPPORTED = "1.31"
_REQUIRED_INTERNALS = {
    "pg8000.core": (
        "CoreConnection Context EXECUTE_MSG SYNC_MSG TERMINATE_MSG READY_FOR_QUERY"
        " H_pack ci_unpack i_pack"
    ),
    "pg8000.legacy": "Connection Cursor IntegrityError ProgrammingError",
    "pg8000.dbapi": "convert_paramstyle",
    "pg8000.converters": "make_params",
}
_REQUIRED_METHODS = (
    "execute_simple execute_unnamed handle_messages handle_COMMAND_COMPLETE"
    " commit rollback cursor close"
)


def unsupported_reason(installed: str | None = None) -> str | None:
    """Return why `PipelinedConnection` must not be used with this pg8000, or None if it may.

    `installed` is a version, by default that of the installed package. importlib.metadata would
    read it from a file, in 2 ms of a cold start.
    """
    if installed is None:
        installed = str(getattr(import_module("pg8000"), "__version__", "without a version"))
    if installed != _SUPPORTED and not installed.startswith(_SUPPORTED + "."):
        return f"pg8000 {installed} is not {_SUPPORTED}"
    for module, names in _REQUIRED_INTERNALS.items():
        for name in names.split():
            if not hasattr(import_module(module), name):
                return f"{module}.{name} is missing"
    connection = import_module("pg8000.legacy").Connection
    for name in _REQUIRED_METHODS.split():
        if not hasattr(connection, name):
            return f"Connection.{name} is missing"
    return None
