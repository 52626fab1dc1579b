"""Limits of CloudFormation that cfn-lint does not check, and names that two stacks would share."""

import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

from local.intrinsics import ACCOUNT_ID, PSEUDO_PARAMETERS, Evaluator
from local.template import parameter_values
from scripts.render_template import SECRET, render, stages
from tests.fixtures.sam import lint, schemas, translate
from tests.fixtures.template import CDN_PARAMETERS, ROOT, SourceTemplate, source_template

SAMCONFIG = tomllib.loads((ROOT / "samconfig.toml").read_text())
STAGES = stages(SAMCONFIG)
PROXY = {**STAGES["production"], "UseProxy": "true"}
CDN = {**STAGES["production"], **CDN_PARAMETERS}

# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-rules.html
RULE_FUNCTIONS = {
    "And",
    "Contains",
    "EachMemberEquals",
    "EachMemberIn",
    "Equals",
    "Not",
    "Or",
    "RefAll",
    "ValueOf",
    "ValueOfAll",
}

REGIONS = {
    "us-east-1": ("aws", "amazonaws.com"),
    "eu-central-1": ("aws", "amazonaws.com"),
    "eu-south-1": ("aws", "amazonaws.com"),
    "cn-north-1": ("aws-cn", "amazonaws.com.cn"),
    "us-gov-west-1": ("aws-us-gov", "amazonaws.com"),
}
INNER_NAMES = {  # properties that end in Name and do not name a resource of the stack
    "AttributeName",
    "ConfigName",
    "DatabaseName",
    "DeploymentConfigName",
    "MetricName",
    "PolicyName",
    "ServiceName",  # of an endpoint of AWS
    "StageName",  # of one API
    "TargetGroupName",  # of one proxy; RDS accepts only "default"
}


def functions_in(node: Any) -> Iterator[tuple[str, Any]]:
    """Yield each intrinsic function under `node`, with its argument."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("Ref", "Condition") or str(key).startswith("Fn::"):
                yield key, value
            yield from functions_in(value)
    elif isinstance(node, list):
        for item in node:
            yield from functions_in(item)


def test_rules_use_only_allowed_functions(template: SourceTemplate) -> None:
    for name, rule in template.body["Rules"].items():
        assert rule.keys() <= {"RuleCondition", "Assertions"}, name
        asked = [
            rule.get("RuleCondition"),
            *(assertion["Assert"] for assertion in rule["Assertions"]),
        ]
        for function, argument in functions_in(asked):
            if function == "Ref":
                assert argument in template.parameters or argument == "AWS::Region", (
                    name,
                    argument,
                )
            else:
                assert function.removeprefix("Fn::") in RULE_FUNCTIONS, (name, function)
            if function in ("Fn::ValueOf", "Fn::ValueOfAll"):
                assert list(functions_in(argument)) == [], (name, function)


def test_rules_and_conditions_evaluate(template: SourceTemplate) -> None:
    """The evaluator raises for functions that AWS does not allow in that section."""
    values = parameter_values(template.body, STAGES["production"])
    here = Evaluator(template.body, values, lambda name, attribute: name)
    assert {here.condition(name) for name in template.body["Conditions"]} == {True, False}
    for rule in template.body["Rules"].values():
        assert all(isinstance(here.rule(each["Assert"]), bool) for each in rule["Assertions"])


def names_of(
    stack: str, parameters: dict[str, str], translated: dict[str, Any], identifiers: dict[str, Any]
) -> set[Any]:
    """Return (type, property, value) of each name that the template sets.

    Names that CloudFormation generates are unique, and not included.
    """
    stack_id = f"arn:aws:cloudformation:::stack/{stack}/id-of-{stack}"
    pseudo = {**PSEUDO_PARAMETERS, "AWS::StackName": stack, "AWS::StackId": stack_id}
    values = parameter_values(translated, parameters)
    here = Evaluator(
        translated, values, lambda name, attribute: f"{stack}:{name}:{attribute}:::::", pseudo
    )
    found = set()
    for declared in translated["Resources"].values():
        if "Condition" in declared and not here.condition(declared["Condition"]):
            continue
        schema = identifiers[declared["Type"]]
        properties = {
            name: here.value(node) for name, node in declared.get("Properties", {}).items()
        }
        within = INNER_NAMES | ({"Name"} if declared["Type"] == "AWS::Lambda::Alias" else set())
        given_names = {name for name in properties if name.endswith("Name") and name not in within}
        for identifier in [
            schema["primaryIdentifier"],
            *schema["additionalIdentifiers"],
            *([n] for n in given_names),
        ]:
            key = [path.rpartition("/")[2] for path in identifier]
            if all(isinstance(properties.get(name), str) for name in key):
                found.add((declared["Type"], *key, *(properties[name] for name in key)))
    return found


@pytest.mark.slow
def test_stacks_share_no_names() -> None:
    stacks = {
        "sluice": STAGES["default"],
        "sluice-demo": STAGES["aurora"],
        "sluice-production": STAGES["production"],
        "rehearsal": STAGES["production"],  # restored from a snapshot
        "with-proxy": PROXY,
        "with-another": PROXY,
        "cdn": CDN,
        "another-cdn": CDN,
    }
    made = translate(*({"parameters": parameters} for parameters in stacks.values()))
    kinds = sorted(
        {resource["Type"] for template in made for resource in template["Resources"].values()}
    )
    identifiers = schemas(kinds)
    owners: dict[Any, str] = {}
    for (stack, parameters), translated in zip(stacks.items(), made, strict=True):
        names = names_of(stack, parameters, translated, identifiers)
        assert ("AWS::CloudWatch::Dashboard", "DashboardName", f"{stack}-us-east-1") in names
        for name in names:
            assert name not in owners, f"{name} is of {owners[name]} and of {stack}"
            owners[name] = stack


@pytest.mark.slow
def test_global_names_are_generated() -> None:
    """Bucket names are shared by all accounts and regions, role names by all regions."""
    (made,) = translate({"parameters": PROXY})
    for name, resource in made["Resources"].items():
        parameters = {
            "BucketName",
            "RoleName",
            "ManagedPolicyName",
            "UserName",
            "GroupName",
        } & resource.get("Properties", {}).keys()
        assert not parameters, name


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("stage", [*STAGES, "proxy"])
def test_values_follow_region_and_partition(region: str, stage: str) -> None:
    partition, suffix = REGIONS[region]
    pseudo = {
        **PSEUDO_PARAMETERS,
        "AWS::Region": region,
        "AWS::Partition": partition,
        "AWS::URLSuffix": suffix,
    }
    own_secrets = f"arn:{partition}:secretsmanager:{region}:{ACCOUNT_ID}:secret"
    parameters = {
        name: value.replace(SECRET, own_secrets)
        for name, value in {**STAGES, "proxy": PROXY}[stage].items()
    }
    whole = json.dumps(render(source_template(), parameters, pseudo_parameters=pseudo))

    named = set(re.findall(r"\b(?:us|eu|cn|ap|ca|sa|me|af|il)(?:-gov)?-[a-z]+-\d", whole))
    assert named == {region}
    assert set(re.findall(r"\barn:([a-z-]+):", whole)) == {partition}
    hosts = re.sub(
        r'"(?:Service|AWS|Principal)": (?:"[a-z0-9.]+"|\[[^]]*\])', "", whole
    )  # principals are the same in all partitions
    assert not re.search(r"amazonaws\.com(?!\.cn)", hosts) or suffix == "amazonaws.com"


@pytest.mark.slow
def test_resources_match_schemas_in_partitions() -> None:
    """Checks the translated template; `sam validate --lint` checks the template before."""
    (made,) = translate({"parameters": PROXY})
    assert lint([made], ["us-east-1", "eu-south-1", "cn-north-1", "us-gov-west-1"]) == [[]]


def bytes_of(node: object) -> int:
    return len(re.sub(r"\s", "", json.dumps(node)).encode())


STACK_ID = "arn:aws:cloudformation:::stack/S/0f6a1ee0-5d0e-11ee-8c99-0242ac120002"
LONG = {**PSEUDO_PARAMETERS, "AWS::StackName": "S" * 128, "AWS::StackId": STACK_ID}


@pytest.mark.slow
@pytest.mark.parametrize("stage", [*STAGES, "proxy", "cdn"])
def test_translated_template_is_within_limits(stage: str) -> None:
    """Quotas of CloudFormation (UserGuide/cloudformation-limits.html), IAM, Lambda and names."""
    parameters = {**STAGES, "proxy": PROXY, "cdn": CDN}[stage]
    (made,) = translate({"parameters": parameters})
    resources = render(made, parameters, pseudo_parameters=LONG)["Resources"]

    assert len(json.dumps(made).encode()) < 1_000_000
    assert len(made["Parameters"]) <= 200
    assert len(made["Resources"]) <= 500
    assert len(made["Outputs"]) <= 200
    assert all(re.fullmatch(r"[A-Za-z0-9]{1,255}", name) for name in made["Resources"])
    assert all(
        len(str(each.get("Default", "")).encode()) <= 4096 for each in made["Parameters"].values()
    )
    assert all(
        len(each.get("Description", "").encode()) <= 4000 for each in made["Parameters"].values()
    )
    for name, resource in resources.items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Lambda::Function":
            assert bytes_of(properties.get("Environment", {})) < 4096, name
        elif resource["Type"] == "AWS::IAM::ManagedPolicy":
            assert bytes_of(properties["PolicyDocument"]) <= 6144, name
        elif resource["Type"] == "AWS::IAM::Role":
            inline = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
            assert sum(map(bytes_of, inline)) <= 10_240, name
            assert len(properties.get("ManagedPolicyArns", [])) <= 10, name
        elif resource["Type"] == "AWS::Logs::LogGroup":
            assert re.fullmatch(r"[.\-_/#A-Za-z0-9]{1,512}", properties["LogGroupName"]), name
        elif resource["Type"] == "AWS::Lambda::LayerVersion":
            assert re.fullmatch(r"[A-Za-z0-9_-]{1,140}", properties["LayerName"]), name
        elif resource["Type"] == "AWS::Logs::QueryDefinition":
            assert len(properties["Name"]) <= 255, name
        elif resource["Type"] == "AWS::CloudWatch::Dashboard":
            assert re.fullmatch(r"[A-Za-z0-9_-]{1,255}", properties["DashboardName"]), name
        elif resource["Type"].startswith("AWS::RDS::DBProxy"):
            own = properties.get("DBProxyEndpointName", properties["DBProxyName"])
            ids = re.sub("PrivateSubnet[AB]", "subnet-0123456789abcdef0", own)
            assert re.fullmatch(r"[A-Za-z](-?[A-Za-z0-9]+)*", ids), name
            assert len(ids) <= 63, name


@pytest.mark.slow
def test_function_policies_are_within_limits() -> None:
    """A function's resource policy has at most 20 KB, and SAM adds a statement for each route."""
    (made,) = translate({"parameters": STAGES["default"]})
    statements: dict[str, int] = {}
    for resource in made["Resources"].values():
        if resource["Type"] == "AWS::Lambda::Permission":
            function = json.dumps(resource["Properties"]["FunctionName"])
            statements[function] = (
                statements.get(function, 0) + bytes_of(resource["Properties"]) + 300
            )
    assert statements
    assert max(statements.values()) < 20_480


def test_template_text_is_within_limits(template: SourceTemplate) -> None:
    """CloudFormation accepts templates over 51,200 bytes only from S3 (`resolve_s3`)."""
    assert len((ROOT / "template.yaml").read_bytes()) > 51_200
    deployed = [
        commands["deploy"]["parameters"]
        for commands in SAMCONFIG.values()
        if isinstance(commands, dict) and "deploy" in commands
    ]
    assert deployed
    assert all(parameters["resolve_s3"] for parameters in deployed)
    assert len(template.body["Description"].encode()) <= 1024
    for rule in template.body["Rules"].values():
        assert all(len(assertion["AssertDescription"]) <= 255 for assertion in rule["Assertions"])


def test_data_outlives_the_stack_if_created(template: SourceTemplate) -> None:
    for name in ("ApiKeysTable", "DataKey", "ImportsBucket"):
        assert template.resources[name]["DeletionPolicy"] == "RetainExceptOnCreate", name
        assert template.resources[name]["UpdateReplacePolicy"] == "Retain", name
