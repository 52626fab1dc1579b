"""Each environment's template, as SAM translates it, created by moto's CloudFormation as far as moto goes."""

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

CONFIGURED = stages(tomllib.loads((ROOT / "samconfig.toml").read_text()))
GIVEN = {
    **CONFIGURED,
    "proxy": {**CONFIGURED["production"], "UseProxy": "true"},
    "cdn": {**CONFIGURED["default"], **CDN_PARAMETERS},
}

# Types of which moto's CloudFormation has none. They are checked against CloudFormation's schemas alone.
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
# Types that moto has, but not with what this template gives them.
LEFT_OUT = {
    "AWS::CloudFormation::Stack": "of a template that only a deployment uploads",
    "AWS::Lambda::Permission": "of an alias, which moto does not have",
    "AWS::Lambda::EventSourceMapping": "of an alias",
    "AWS::RDS::DBInstance": "of a cluster, which moto's CloudFormation does not have",
}


class Decided:
    """A translated template with its conditions decided: moto leaves AWS::NoValue in lists, as None."""

    def __init__(self, stage: str, template: dict[str, Any], given: dict[str, str]) -> None:
        self._stage = stage
        self._template = template
        self._evaluator = Evaluator(
            template, parameter_values(template, given), lambda name, attribute: name
        )
        self._left_out = {
            name: resource["Type"]
            for name, resource in template["Resources"].items()
            if resource["Type"] in UNSUPPORTED | LEFT_OUT.keys()
        }

    def whole(self) -> dict[str, Any]:
        sections = {section: dict(self._there(section)) for section in ("Resources", "Outputs")}
        return {**self._template, **sections}

    def _there(self, section: str) -> Iterator[tuple[str, Any]]:
        for name, declared in self._template[section].items():
            exists = "Condition" not in declared or self._evaluator.condition(declared["Condition"])
            if exists and not (section == "Resources" and name in self._left_out):
                kept = {
                    key: value
                    for key, value in declared.items()
                    if key not in ("Condition", "DependsOn")
                }
                yield name, self._decide(kept)

    def _decide(self, node: Any) -> Any:
        if isinstance(node, list):
            return [value for item in node if (value := self._decide(item)) is not NO_VALUE]
        if not isinstance(node, dict):
            return node
        (name, argument), *more = node.items() or [("", None)]
        if not more and name == "Fn::If":
            return self._decide(
                argument[1] if self._evaluator.condition(argument[0]) else argument[2]
            )
        if not more and name == "Fn::FindInMap":  # moto compares a Number with the map's strings
            return str(self._evaluator.value(node))
        if not more and name == "Ref" and argument == "AWS::NoValue":
            return NO_VALUE
        if not more and name == "Ref" and argument in self._left_out:
            return self._stand_in(argument, "")
        if not more and name == "Fn::GetAtt" and argument[0] in self._left_out:
            return self._stand_in(*argument)
        if not more and name == "Fn::Sub":
            text, values = (argument, {}) if isinstance(argument, str) else argument
            return {
                "Fn::Sub": [
                    re.sub(r"\$\{(\w+)\.?([\w.]*)\}", self._in_text, text),
                    self._decide(values),
                ]
            }
        return {
            key: value
            for key, item in node.items()
            if (value := self._decide(item)) is not NO_VALUE
        }

    def _in_text(self, found: re.Match[str]) -> str:
        return self._stand_in(found[1], found[2]) if found[1] in self._left_out else found[0]

    def _stand_in(self, logical_id: str, attribute: str) -> str:
        if attribute in SAMPLE_ATTRIBUTES:
            return SAMPLE_ATTRIBUTES[attribute]
        kind = self._left_out[logical_id]
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
    """Moto, with the code that a deployment has uploaded; returns a client of CloudFormation."""
    for name, value in {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}.items():
        monkeypatch.setenv(name, value)
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("handler.py", "")
    with mock_aws(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # moto's own, of what it does not look at
        files = boto3.client("s3", region_name=REGION)
        files.create_bucket(Bucket="bucket")

        def upload(template: dict[str, Any]) -> None:
            for key in {*re.findall(r'"S3Key": "([^"]+)"', json.dumps(template))}:
                files.put_object(Bucket="bucket", Key=key, Body=package.getvalue())

        yield upload


@pytest.mark.slow
def test_stack_is_created_in_moto_as_far_as_moto_goes(uploads: Any) -> None:
    made = translate(*({"parameters": given} for given in GIVEN.values()))
    for (stage, given), template in zip(GIVEN.items(), made, strict=True):
        decided = Decided(stage, template, given).whole()
        uploads(decided)
        formation = boto3.client("cloudformation", region_name=REGION)
        formation.create_stack(
            StackName=f"sluice-{stage}",
            TemplateBody=json.dumps(decided),
            Parameters=[
                {"ParameterKey": name, "ParameterValue": value} for name, value in given.items()
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
        assert created == decided["Resources"].keys()
        assert len(created) > 60, stage
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        assert outputs.keys() == decided["Outputs"].keys()


@pytest.mark.slow
def test_list_of_what_moto_lacks_is_true() -> None:
    (made,) = translate({})
    kinds = {resource["Type"] for resource in made["Resources"].values()}
    assert {kind for kind in kinds if resource_class_from_type(kind) is None} == UNSUPPORTED
    assert LEFT_OUT.keys() <= kinds
