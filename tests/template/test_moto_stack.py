"""Create each stage's translated template in moto, without the types it does not support."""

import io
import json
import re
import tomllib
import warnings
import zipfile
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.cloudformation.parsing import resource_class_from_type

from local.intrinsics import ACCOUNT_ID, NO_VALUE, REGION, Evaluator
from local.template import parameter_values
from scripts.render_template import SAMPLE_ATTRIBUTES, stages
from tests.fixtures.sam import translate
from tests.fixtures.template import CDN_PARAMETERS, ROOT

STAGES = stages(tomllib.loads((ROOT / "samconfig.toml").read_text()))
VARIANTS = {
    **STAGES,
    "proxy": {**STAGES["production"], "UseProxy": "true"},
    "cdn": {**STAGES["default"], **CDN_PARAMETERS},
}

# Types that moto's CloudFormation does not support. test_aws_limits.py checks them by their
# schemas.
UNSUPPORTED = {
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::ApiMapping",
    "AWS::ApiGatewayV2::DomainName",
    "AWS::ApiGatewayV2::Stage",
    "AWS::CloudWatch::Alarm",
    "AWS::CodeDeploy::Application",
    "AWS::CodeDeploy::DeploymentGroup",
    "AWS::Lambda::Alias",
    "AWS::Logs::QueryDefinition",
    "AWS::RDS::DBCluster",
    "AWS::RDS::DBClusterParameterGroup",
    "AWS::RDS::DBProxy",
    "AWS::RDS::DBProxyEndpoint",
    "AWS::RDS::DBProxyTargetGroup",
    "AWS::S3::BucketPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::Scheduler::Schedule",
    "AWS::SecretsManager::Secret",
}
# Types that moto supports, but not in the way that this template uses them.
EXCLUDED = {
    "AWS::CloudFormation::Stack": "only a deployment uploads its template",
    "AWS::Lambda::Permission": "refers to an alias, which moto does not support",
    "AWS::Lambda::EventSourceMapping": "refers to an alias",
    "AWS::RDS::DBInstance": "refers to a cluster, which moto does not support",
}


class ResolvedTemplate:
    """A translated template with its conditions resolved: moto keeps AWS::NoValue in lists, as
    None.
    """

    def __init__(self, stage: str, template: dict[str, Any], parameters: dict[str, str]) -> None:
        self._stage = stage
        self._template = template
        self._evaluator = Evaluator(
            template, parameter_values(template, parameters), lambda name, attribute: name
        )
        self._excluded = {
            name: resource["Type"]
            for name, resource in template["Resources"].items()
            if resource["Type"] in UNSUPPORTED | EXCLUDED.keys()
        }

    def body(self) -> dict[str, Any]:
        sections = {section: dict(self._existing(section)) for section in ("Resources", "Outputs")}
        return {**self._template, **sections}

    def _existing(self, section: str) -> Iterator[tuple[str, Any]]:
        for name, declared in self._template[section].items():
            exists = "Condition" not in declared or self._evaluator.condition(declared["Condition"])
            if exists and not (section == "Resources" and name in self._excluded):
                kept = {
                    key: value
                    for key, value in declared.items()
                    if key not in ("Condition", "DependsOn")
                }
                yield name, self._resolve(kept)

    def _resolve(self, node: Any) -> Any:
        if isinstance(node, list):
            return [value for item in node if (value := self._resolve(item)) is not NO_VALUE]
        if not isinstance(node, dict):
            return node
        (name, argument), *more = node.items() or [("", None)]
        if not more and name == "Fn::If":
            return self._resolve(
                argument[1] if self._evaluator.condition(argument[0]) else argument[2]
            )
        if not more and name == "Fn::FindInMap":  # moto compares numbers with the map's strings
            return str(self._evaluator.value(node))
        if not more and name == "Ref" and argument == "AWS::NoValue":
            return NO_VALUE
        if not more and name == "Ref" and argument in self._excluded:
            return self._placeholder(argument, "")
        if not more and name == "Fn::GetAtt" and argument[0] in self._excluded:
            return self._placeholder(*argument)
        if not more and name == "Fn::Sub":
            text, values = (argument, {}) if isinstance(argument, str) else argument
            return {
                "Fn::Sub": [
                    re.sub(r"\$\{(\w+)\.?([\w.]*)\}", self._in_text, text),
                    self._resolve(values),
                ]
            }
        return {
            key: value
            for key, item in node.items()
            if (value := self._resolve(item)) is not NO_VALUE
        }

    def _in_text(self, found: re.Match[str]) -> str:
        return self._placeholder(found[1], found[2]) if found[1] in self._excluded else found[0]

    def _placeholder(self, logical_id: str, attribute: str) -> str:
        if attribute in SAMPLE_ATTRIBUTES:
            return SAMPLE_ATTRIBUTES[attribute]
        kind = self._excluded[logical_id]
        service = kind.split("::")[1].lower()
        is_arn = attribute.endswith("Arn") or kind in (
            "AWS::Lambda::Alias",
            "AWS::SecretsManager::Secret",
        )
        return (
            f"arn:aws:{service}:{REGION}:{ACCOUNT_ID}:{logical_id}"
            if is_arn
            else f"{self._stage}-{logical_id}"
        )


@pytest.fixture
def uploads(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Run moto; return a function that uploads a template's code packages to its S3."""
    for name, value in {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}.items():
        monkeypatch.setenv(name, value)
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("handler.py", "")
    with mock_aws(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # moto warns of properties that it ignores
        files = boto3.client("s3", region_name=REGION)
        files.create_bucket(Bucket="bucket")

        def upload(template: dict[str, Any]) -> None:
            for key in {*re.findall(r'"S3Key": "([^"]+)"', json.dumps(template))}:
                files.put_object(Bucket="bucket", Key=key, Body=package.getvalue())

        yield upload


@pytest.mark.slow
def test_moto_creates_the_stack(uploads: Any) -> None:
    made = translate(*({"parameters": parameters} for parameters in VARIANTS.values()))
    for (stage, parameters), template in zip(VARIANTS.items(), made, strict=True):
        resolved = ResolvedTemplate(stage, template, parameters).body()
        uploads(resolved)
        formation = boto3.client("cloudformation", region_name=REGION)
        formation.create_stack(
            StackName=f"sluice-{stage}",
            TemplateBody=json.dumps(resolved),
            Parameters=[
                {"ParameterKey": name, "ParameterValue": value}
                for name, value in parameters.items()
            ],
            Capabilities=["CAPABILITY_IAM"],
        )
        (stack,) = formation.describe_stacks(StackName=f"sluice-{stage}")["Stacks"]
        pages = formation.get_paginator("list_stack_resources").paginate(
            StackName=f"sluice-{stage}"
        )
        created = {
            each["LogicalResourceId"] for page in pages for each in page["StackResourceSummaries"]
        }
        assert stack["StackStatus"] == "CREATE_COMPLETE"
        assert created == resolved["Resources"].keys()
        assert len(created) > 60, stage
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        assert outputs.keys() == resolved["Outputs"].keys()


@pytest.mark.slow
def test_list_of_unsupported_types_is_current() -> None:
    (made,) = translate({})
    kinds = {resource["Type"] for resource in made["Resources"].values()}
    assert {kind for kind in kinds if resource_class_from_type(kind) is None} == UNSUPPORTED
    assert EXCLUDED.keys() <= kinds
