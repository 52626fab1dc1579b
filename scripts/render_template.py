"""Render the template for each stage of samconfig.toml, with parameters and conditions evaluated.

    python scripts/render_template.py FOLDER

It writes one JSON file for each stage, for template linters (`make checkov`). It fails if a
parameter is not allowed, if a rule is violated, or if the template refers to a resource whose
condition is false.
"""

import argparse
import json
import sys
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from local.intrinsics import (
    ACCOUNT_ID,
    PSEUDO_PARAMETERS,
    REGION,
    Evaluator,
    TemplateError,
)
from local.template import parameter_values
from scripts.connection_budget import deployments
from scripts.derive.template import document
from scripts.samconfig import SamconfigError

ROOT = Path(__file__).parents[1]
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT_ID}:secret"

# The parameters without a default, which `sam deploy --guided` asks for.
REQUIRED_PARAMETERS: Mapping[str, Mapping[str, str]] = {
    "default": {
        "DbHost": "db.example.com",
        "DbSecretArn": f"{SECRET}:app",
        "DbOwnerSecretArn": f"{SECRET}:owner",
    },
    "existing-vpc": {
        "DbHost": "db.internal",
        "DbResourceId": "db-ABCDEFGHIJKL",
        "DbOwnerSecretArn": f"{SECRET}:owner",
        "SubnetIds": "subnet-1,subnet-2",
        "SecurityGroupIds": "sg-1",
    },
}
# Attributes that need a realistic value, because the template splits it or AWS checks its form.
SAMPLE_ATTRIBUTES = {
    "DBProxyArn": f"arn:aws:rds:{REGION}:{ACCOUNT_ID}:db-proxy:prx-0123456789abcdef0",
    "DBClusterResourceId": "cluster-ABCDEFGHIJKL",
    "MasterUserSecret.SecretArn": f"{SECRET}:rds-owner",
}


def stages(samconfig: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return all required parameters of each stage in samconfig.toml that can be deployed."""
    return {
        name: {**REQUIRED_PARAMETERS.get(name, {}), **parameters}
        for name, parameters in deployments(samconfig).items()
    }


def render(
    template: Mapping[str, Any],
    parameters: Mapping[str, str],
    *,
    pseudo_parameters: Mapping[str, str] = PSEUDO_PARAMETERS,
) -> dict[str, Any]:
    """Return Globals, Resources and Outputs with all intrinsic functions evaluated.

    Raise TemplateError.
    """
    values = parameter_values(template, parameters)
    resource = _attributes(template, lambda name: evaluator.condition(name), pseudo_parameters)
    evaluator = Evaluator(template, values, resource, pseudo_parameters)
    _check_rules(template, evaluator)
    rendered: dict[str, Any] = {"AWSTemplateFormatVersion": "2010-09-09"}
    for part in ("Globals", "Resources", "Outputs"):
        entries = {}
        for name, declared in template.get(part, {}).items():
            if "Condition" not in declared or evaluator.condition(declared["Condition"]):
                node = {key: value for key, value in declared.items() if key != "Condition"}
                entries[name] = evaluator.value(node)
        if entries:
            rendered[part] = entries
    return rendered


def _check_rules(template: Mapping[str, Any], evaluator: Evaluator) -> None:
    for name, rule in template.get("Rules", {}).items():
        if "RuleCondition" not in rule or evaluator.rule(rule["RuleCondition"]):
            for assertion in rule["Assertions"]:
                if not evaluator.rule(assertion["Assert"]):
                    raise TemplateError(f"{name}: {assertion['AssertDescription']}")


def _attributes(
    template: Mapping[str, Any], holds: Callable[[str], bool], pseudo_parameters: Mapping[str, str]
) -> Callable[[str, str], str]:
    """Return a function that evaluates Ref and GetAtt of a resource to a plausible value."""
    partition, region = (pseudo_parameters[f"AWS::{name}"] for name in ("Partition", "Region"))

    def attribute(logical_id: str, name: str) -> str:
        declared = template["Resources"][logical_id]
        if "Condition" in declared and not holds(declared["Condition"]):
            raise TemplateError(f"{logical_id} is referenced, but these parameters leave it out")
        if name in SAMPLE_ATTRIBUTES:
            return (
                SAMPLE_ATTRIBUTES[name]
                .replace(f"arn:aws:rds:{REGION}", f"arn:{partition}:rds:{region}")
                .replace(SECRET, f"arn:{partition}:secretsmanager:{region}:{ACCOUNT_ID}:secret")
            )
        service = declared["Type"].split("::")[1].lower()
        arn = f"arn:{partition}:{service}:{region}:{ACCOUNT_ID}:{logical_id}"
        if name.endswith("Arn") or declared["Type"] == "AWS::IAM::ManagedPolicy":
            return arn
        return logical_id + name

    return attribute


def main(arguments: list[str] | None = None) -> int:
    """Write a rendered template for each stage; return the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n")[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args(arguments).folder
    folder.mkdir(parents=True, exist_ok=True)
    try:
        parameters_by_stage = stages(tomllib.loads((ROOT / "samconfig.toml").read_text()))
    except SamconfigError as error:
        print(f"samconfig.toml: {error}", file=sys.stderr)
        return 1
    template = document()
    for name, parameters in parameters_by_stage.items():
        try:
            rendered = render(template, parameters)
        except TemplateError as error:
            print(f"{name}: {error}", file=sys.stderr)
            return 1
        (folder / f"{name}.json").write_text(json.dumps(rendered, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
