"""Read the stages of samconfig.toml, as `sam deploy` reads them."""

import shlex
from collections.abc import Mapping
from typing import Any


class SamconfigError(Exception):
    """The parameters of a stage have a form that SAM does not accept. The message shows them."""


def options_of_deploy(section: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of `sam deploy` in a stage: one of `deploy` replaces that of `global`."""
    commands = (section.get(command, {}).get("parameters", {}) for command in ("global", "deploy"))
    return {name: value for options in commands for name, value in options.items()}


def overrides(written: object) -> dict[str, str]:
    """Return the parameters of the template in `parameter_overrides`. Raise SamconfigError.

    Its forms are `A=1 B="2 3"`, `ParameterKey=A,ParameterValue=1`, a list of these, and a table.
    """
    if isinstance(written, Mapping):
        return {str(name): str(value) for name, value in written.items()}
    words = written if isinstance(written, list) else [str(written)]
    pairs: dict[str, str] = {}
    for pair in (pair for word in words for pair in shlex.split(str(word))):
        name, is_pair, value = pair.partition("=")
        if name == "ParameterKey":
            name, is_pair, value = value.partition(",ParameterValue=")
        if not is_pair:
            raise SamconfigError(
                f"parameter_overrides must have the form NAME=VALUE, not {written!r}"
            )
        pairs[name] = value
    return pairs
