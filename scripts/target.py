"""Where a deployment goes: stack, region and profile, from the same places and in the same order as SAM takes them.

The command line comes first, then the environment's section of samconfig.toml, then what boto3 finds by itself
(AWS_PROFILE, AWS_REGION, the profile's region).
"""

import argparse
import shlex
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
IN_THE_LAYER = "/opt/certificates/"  # what layers/shared/certificates is for a function


class DeployError(Exception):
    """The deployment cannot go on; the message says where it stopped, and what to do."""


@dataclass(frozen=True, slots=True)
class Target:
    """`region` and `profile` are None where boto3 finds them by itself."""

    stage: str
    stack: str
    region: str | None = None
    profile: str | None = None
    confirms: bool = False  # a person looks at the change set first
    disables_rollback: bool = False
    parameters: Mapping[str, str] = field(
        default_factory=dict
    )  # of the template, as far as they are overridden


def read(stage: str, arguments: Sequence[str], samconfig: Path = ROOT / "samconfig.toml") -> Target:
    """Return the target of `sam deploy --config-env STAGE ARGUMENTS`. Raises DeployError."""
    given = _parser().parse_known_args(arguments)[0]
    if given.guided:
        raise DeployError(
            "--guided asks questions of its own: run `.venv-sam/bin/sam deploy --guided` once, then this"
        )
    config = _parameters(Path(given.config_file or samconfig), stage)
    stack = given.stack_name or config.get("stack_name")
    if not stack:
        raise DeployError(
            f"samconfig.toml has no stack_name for {stage}; add one, or ARGS='--stack-name NAME'"
        )
    overrides = (
        config.get("parameter_overrides", [])
        if given.parameter_overrides is None
        else given.parameter_overrides
    )
    return Target(
        stage=stage,
        stack=str(stack),
        region=given.region or config.get("region"),
        profile=given.profile or config.get("profile"),
        confirms=bool(config.get("confirm_changeset")) if given.confirm is None else given.confirm,
        disables_rollback=given.disable_rollback or bool(config.get("disable_rollback")),
        parameters=_overrides(overrides),
    )


def check_certificate(parameters: Mapping[str, str], layer: Path = ROOT / "layers/shared") -> None:
    """Raise DeployError if `DbCaFile` names a file of the layer that is not there."""
    wanted = parameters.get("DbCaFile", "")
    if not wanted.startswith(IN_THE_LAYER):
        return
    name = wanted.removeprefix(IN_THE_LAYER)
    file = layer / "certificates" / name
    if not file.is_file() or b"BEGIN CERTIFICATE" not in file.read_bytes():
        raise DeployError(
            f"DbCaFile is {wanted}, but layers/shared/certificates/{name} is not there, or holds no certificate: the "
            "functions could not verify the database. For RDS and Aurora download AWS's global-bundle.pem to that "
            'file; docs/deploy.md, "Before", has the two commands'
        )


def _parser() -> argparse.ArgumentParser:
    """The options of `sam deploy` that say where it goes; the others are only passed on."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for name in ("--stack-name", "--region", "--profile", "--config-file"):
        parser.add_argument(name)
    parser.add_argument("--parameter-overrides", nargs="*")
    parser.add_argument("--confirm-changeset", dest="confirm", action="store_true", default=None)
    parser.add_argument("--no-confirm-changeset", dest="confirm", action="store_false")
    parser.add_argument("--disable-rollback", action="store_true")
    parser.add_argument("--guided", "-g", action="store_true")
    return parser


def _parameters(samconfig: Path, stage: str) -> dict[str, Any]:
    try:
        document = tomllib.loads(samconfig.read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise DeployError(f"{samconfig} cannot be read: {error}") from error
    if stage not in document:
        stages = ", ".join(name for name, section in document.items() if isinstance(section, dict))
        raise DeployError(f"samconfig.toml has no environment {stage}; it has {stages}")
    of_stage = document[stage]
    commands = (of_stage.get(command, {}).get("parameters", {}) for command in ("global", "deploy"))
    return {name: value for parameters in commands for name, value in parameters.items()}


def _overrides(given: object) -> dict[str, str]:
    """`A=b` pairs, in any form that SAM takes: a list, one string, a table, or ParameterKey=A,ParameterValue=b."""
    if isinstance(given, Mapping):
        return {str(name): str(value) for name, value in given.items()}
    words = given if isinstance(given, list) else [str(given)]
    pairs: dict[str, str] = {}
    for pair in (pair for word in words for pair in shlex.split(str(word))):
        name, _, value = pair.partition("=")
        if name == "ParameterKey" and ",ParameterValue=" in value:
            name, _, value = value.partition(",ParameterValue=")
        pairs[name] = value
    return pairs
