"""Read the target of a deployment: its stack, region and profile.

SAM reads them from the same places, in the same order. The command line precedes the stage's
section of samconfig.toml. Both precede boto3's defaults (AWS_PROFILE, AWS_REGION, the region of the
profile).
"""

import argparse
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.samconfig import SamconfigError, options_of_deploy, overrides

ROOT = Path(__file__).parents[1]
CERTIFICATES = "/opt/certificates/"  # where a function finds layers/shared/certificates


class DeployError(Exception):
    """The deployment cannot continue. The message says where it stopped, and what to do."""


@dataclass(frozen=True, slots=True)
class DeployTarget:
    """Where to deploy. `region` and `profile` are None if boto3's defaults apply.

    confirm_changeset: ask before the change set is executed.
    parameters: the parameters of the template that are overridden.
    """

    stage: str
    stack: str
    region: str | None = None
    profile: str | None = None
    confirm_changeset: bool = False
    disable_rollback: bool = False
    parameters: Mapping[str, str] = field(default_factory=dict)


def read_target(
    stage: str,
    arguments: Sequence[str],
    samconfig: Path = ROOT / "samconfig.toml",
    *,
    other_app: str = "",
) -> DeployTarget:
    """Return the target of `sam deploy --config-env STAGE ARGUMENTS`. Raises DeployError.

    other_app: the application to deploy, if it is not the default one. The stacks in samconfig.toml
        are those of the default one, so the arguments must name another stack.
    """
    options = _parser().parse_known_args(arguments)[0]
    if options.guided:
        raise DeployError(
            "--guided asks questions: run `.venv-sam/bin/sam deploy --guided` once, then this"
        )
    config = _read_samconfig(Path(options.config_file or samconfig), stage)
    if other_app and not options.stack_name:
        raise DeployError(
            f"the stack of {stage} in samconfig.toml belongs to the default application; name the "
            f"stack of {other_app}: ARGS='--stack-name NAME'"
        )
    stack = options.stack_name or config.get("stack_name")
    if not stack:
        raise DeployError(
            f"samconfig.toml has no stack_name for {stage}; add one, or ARGS='--stack-name NAME'"
        )
    confirm = options.confirm
    if confirm is None:
        confirm = bool(config.get("confirm_changeset"))
    written = options.parameter_overrides
    try:
        parameters = overrides(
            config.get("parameter_overrides", []) if written is None else written
        )
    except SamconfigError as error:
        raise DeployError(str(error)) from error
    return DeployTarget(
        stage=stage,
        stack=str(stack),
        region=options.region or config.get("region"),
        profile=options.profile or config.get("profile"),
        confirm_changeset=confirm,
        disable_rollback=options.disable_rollback or bool(config.get("disable_rollback")),
        parameters=parameters,
    )


def check_certificate(parameters: Mapping[str, str], layer: Path = ROOT / "layers/shared") -> None:
    """Raise DeployError if `DbCaFile` names a file of the layer that does not exist."""
    path = parameters.get("DbCaFile", "")
    if not path.startswith(CERTIFICATES):
        return
    name = path.removeprefix(CERTIFICATES)
    file = layer / "certificates" / name
    if not file.is_file() or b"BEGIN CERTIFICATE" not in file.read_bytes():
        raise DeployError(
            f"DbCaFile is {path}, but layers/shared/certificates/{name} does not exist or contains "
            "no certificate, so the functions could not verify the database. For RDS and Aurora, "
            "download the bundle of the database's Region to it; the commands are in "
            'docs/deploy.md, section "What you need"'
        )


def check_rls(parameters: Mapping[str, str]) -> None:
    """Raise DeployError for `Rls` with RDS Proxy, before the template's rules do."""
    uses_proxy = parameters.get("UseProxy") == "true" or parameters.get("DbPooler") == "rds-proxy"
    if parameters.get("Rls") == "true" and uses_proxy:
        raise DeployError(
            "Rls sets the tenant in each transaction, and no measurement has shown that RDS Proxy "
            "does not pin such connections; set UseProxy=false, or Rls=false"
        )


def _parser() -> argparse.ArgumentParser:
    """Return a parser of the options of `sam deploy` that select the target.

    All other options are passed on to SAM.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for name in ("--stack-name", "--region", "--profile", "--config-file"):
        parser.add_argument(name)
    parser.add_argument("--parameter-overrides", nargs="*")
    parser.add_argument("--confirm-changeset", dest="confirm", action="store_true", default=None)
    parser.add_argument("--no-confirm-changeset", dest="confirm", action="store_false")
    parser.add_argument("--disable-rollback", action="store_true")
    parser.add_argument("--guided", "-g", action="store_true")
    return parser


def _read_samconfig(samconfig: Path, stage: str) -> dict[str, Any]:
    """Return the stage's options of `sam deploy`."""
    try:
        document = tomllib.loads(samconfig.read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise DeployError(f"{samconfig} cannot be read: {error}") from error
    if stage not in document:
        stages = ", ".join(name for name, section in document.items() if isinstance(section, dict))
        raise DeployError(f"samconfig.toml has no stage {stage}; it has {stages}")
    return options_of_deploy(document[stage])
