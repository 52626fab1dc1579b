"""Values of arguments, in the forms that the kinds of fields read: JSON, and the text of a query.

Most scalars leave a value as it is in JSON. DateTime and Decimal are parsed already.
"""

import json
from datetime import datetime
from decimal import Decimal
from typing import Any


def as_json(value: Any) -> Any:
    """Return the value as the body of a REST request has it."""
    match value:
        case datetime():
            return value.isoformat()
        case list():
            return [as_json(item) for item in value]
        case dict():
            return {name: as_json(item) for name, item in value.items()}
    return value


def as_text(value: Any) -> str:
    """Return the value as a query string has it."""
    match value:
        case str():
            return value
        case datetime():
            return value.isoformat()
        case bool():
            return str(value).lower()
        case Decimal():
            return _number(value)
        case list() | dict():
            return _dumps(as_json(value))
    return str(value)


def _number(value: Decimal) -> str:
    """Return a number as it was written."""
    return getattr(value, "text", None) or format(value, "f")


def _dumps(value: Any) -> str:
    match value:
        case Decimal():
            return _number(value)
        case list():
            return f"[{','.join(map(_dumps, value))}]"
        case dict():
            members = (f"{json.dumps(name)}:{_dumps(item)}" for name, item in value.items())
            return f"{{{','.join(members)}}}"
    return json.dumps(value)
