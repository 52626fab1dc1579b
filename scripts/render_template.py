"""What does each deployment in samconfig.toml come to: the template, its parameters put in and its conditions decided?

    python scripts/render_template.py FOLDER     one JSON file for each, for tools that look at templates (`make checkov`)

A reference to what is not there under those parameters is an error, as are a rule that does not hold and a parameter
that the template would refuse.
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
    load_template,
)
from local.template import parameter_values
from scripts.connection_budget import deployments

ROOT = Path(__file__).parents[1]
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT_ID}:secret"

# What `sam deploy --guided` asks for, because no two accounts have the same.
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
SAMPLE_ATTRIBUTES = {  # that are taken apart, or must look like what they are
    "DBProxyArn": f"arn:aws:rds:{REGION}:{ACCOUNT_ID}:db-proxy:prx-0123456789abcdef0",
    "DBClusterResourceId": "cluster-ABCDEFGHIJKL",
    "MasterUserSecret.SecretArn": f"{SECRET}:rds-owner",
}


def stages(samconfig: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Each environment that can be deployed, with all the parameters it has to be given."""
    return {
        name: {**REQUIRED_PARAMETERS.get(name, {}), **given}
        for name, given in deployments(samconfig).items()
    }


def render(
    template: Mapping[str, Any],
    given: Mapping[str, str],
    *,
    pseudo_parameters: Mapping[str, str] = PSEUDO_PARAMETERS,
) -> dict[str, Any]:
    """`template` under the parameters `given`: resources and outputs that are there, with values in place of functions.
    Raises `TemplateError`."""
    values = parameter_values(template, given)
    resource = _attributes(template, lambda name: here.condition(name), pseudo_parameters)
    here = Evaluator(template, values, resource, pseudo_parameters)
    for name, rule in template.get("Rules", {}).items():
        if "RuleCondition" not in rule or here.rule(rule["RuleCondition"]):
            for assertion in rule["Assertions"]:
                if not here.rule(assertion["Assert"]):
                    raise TemplateError(f"{name}: {assertion['AssertDescription']}")
    parts = ("Globals", "Resources", "Outputs")
    there = {
        part: {
            name: here.value({key: value for key, value in declared.items() if key != "Condition"})
            for name, declared in template.get(part, {}).items()
            if "Condition" not in declared or here.condition(declared["Condition"])
        }
        for part in parts
    }
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        **{part: there[part] for part in parts if there[part]},
    }


def _attributes(
    template: Mapping[str, Any], holds: Callable[[str], bool], pseudo_parameters: Mapping[str, str]
) -> Callable[[str, str], str]:
    """What Ref and GetAtt give for a resource: something that looks like it."""
    partition, region = (pseudo_parameters[f"AWS::{name}"] for name in ("Partition", "Region"))

    def attribute(logical_id: str, name: str) -> str:
        declared = template["Resources"][logical_id]
        if "Condition" in declared and not holds(declared["Condition"]):
            raise TemplateError(
                f"{logical_id} is not there under these parameters, but something refers to it"
            )
        if name in SAMPLE_ATTRIBUTES:
            return (
                SAMPLE_ATTRIBUTES[name]
                .replace(f"arn:aws:rds:{REGION}", f"arn:{partition}:rds:{region}")
                .replace(SECRET, f"arn:{partition}:secretsmanager:{region}:{ACCOUNT_ID}:secret")
            )
        service = declared["Type"].split("::")[1].lower()
        arn = f"arn:{partition}:{service}:{region}:{ACCOUNT_ID}:{logical_id}"
        return (
            arn
            if name.endswith("Arn") or declared["Type"] == "AWS::IAM::ManagedPolicy"
            else logical_id + name
        )

    return attribute


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n")[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args(arguments).folder
    folder.mkdir(parents=True, exist_ok=True)
    try:
        for name, given in stages(tomllib.loads((ROOT / "samconfig.toml").read_text())).items():
            decided = render(load_template(ROOT / "template.yaml"), given)
            (folder / f"{name}.json").write_text(json.dumps(decided, indent=1) + "\n")
    except TemplateError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
