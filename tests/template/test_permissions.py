"""The rendered template's policies, roles, security groups and encryption, for each stage."""

import re

import pytest

from scripts.render_template import render
from tests.fixtures.sam import translate
from tests.template.rendered import (
    STAGES,
    as_list,
    each_stage,
    functions,
    rendered,
    resources_of_type,
    statements,
)

BOUNDARY = "FunctionBoundary"
KEY = "AWS::KMS::Key"  # in its policy, "*" is the key itself


ENDPOINT = "AWS::EC2::VPCEndpoint"  # its principal is everything in the network
# The ARN of all objects of a bucket or folder.
BUCKET_OR_FOLDER = re.compile(r"arn:aws:s3:::?[^*]*/\*|arn:aws:s3:[^*]*/\*")
# SAM attaches these: write logs, use a VPC, receive from a queue, update an alias.
LAMBDA_ROLE_SUFFIXES = ("BasicExecution", "VPCAccessExecution", "SQSQueueExecution")
AWS_MANAGED_POLICIES = {
    "AWSCodeDeployRoleForLambda",
    *(f"AWSLambda{what}Role" for what in LAMBDA_ROLE_SUFFIXES),
}
OWN_POLICIES = {"DatabaseAccess", "AnalystAccess"}


@each_stage
def test_policies_have_no_wildcards(stage: str) -> None:
    for name, resource in rendered(stage)["Resources"].items():
        for statement in statements(resource):
            if resource["Type"] == KEY:
                assert statement["Principal"] != "*", name
                continue
            if statement["Effect"] == "Deny" or name == BOUNDARY:  # a boundary allows nothing
                continue
            assert not [action for action in as_list(statement["Action"]) if "*" in action], name
            wide = [
                to
                for to in as_list(statement.get("Resource", []))
                if "*" in to and not BUCKET_OR_FOLDER.fullmatch(to)
            ]
            assert not wide, (name, wide)
            assert statement.get("Principal") != "*" or (
                resource["Type"] == ENDPOINT and statement["Condition"]
            ), name


@each_stage
def test_database_login_is_one_role_on_one_server(stage: str) -> None:
    policies = resources_of_type(stage, "AWS::IAM::ManagedPolicy")
    login = next(statements(policies["DatabaseAccess"]))
    parameters = STAGES[stage]
    if parameters.get("DbAuth") != "iam":
        assert login["Resource"] == parameters["DbSecretArn"]
        return
    server = {
        "existing-vpc": "db-ABCDEFGHIJKL",
        "aurora": "cluster-ABCDEFGHIJKL",
        "production": "cluster-ABCDEFGHIJKL",
    }
    assert login["Resource"] == [
        f"arn:aws:rds-db:us-east-1:123456789012:dbuser:{server[stage]}/sluice_app"
    ]
    if "AnalystAuth" in parameters:
        analyst = next(statements(policies["AnalystAccess"]))
        assert analyst["Resource"] == [
            f"arn:aws:rds-db:us-east-1:123456789012:dbuser:{server[stage]}/sluice_analyst"
        ]


def allowed_connections(stage: str) -> set[tuple[str, str, int]]:
    """Return (from, to, port) of the groups' egress rules; `to` is a group or an address range."""
    groups = resources_of_type(stage, "AWS::EC2::SecurityGroup")
    return {
        (
            name,
            rule.get("DestinationSecurityGroupId", rule.get("CidrIp")).removesuffix("GroupId"),
            rule["FromPort"],
        )
        for name, group in groups.items()
        for rule in group["SecurityGroupEgress"]
        if rule["IpProtocol"] == "tcp"
    }


@pytest.mark.parametrize(
    ("stage", "target"), [("aurora", "Db"), ("production", "Db"), ("proxy", "Proxy")]
)
def test_security_groups_allow_only_needed_traffic(stage: str, target: str) -> None:
    proxy_to_database = (
        {("ProxySecurityGroup", "DbSecurityGroup", 5432)} if target == "Proxy" else set()
    )
    assert allowed_connections(stage) == {
        ("FunctionSecurityGroup", f"{target}SecurityGroup", 5432),
        (
            "FunctionSecurityGroup",
            "0.0.0.0/0",
            443,
        ),  # for gateway endpoints; there is no route to the internet
        ("MigrationSecurityGroup", "DbSecurityGroup", 5432),
        ("MigrationSecurityGroup", "0.0.0.0/0", 443),
        *proxy_to_database,
    }
    in_rules = resources_of_type(stage, "AWS::EC2::SecurityGroupIngress").values()
    let_in = {
        (
            rule["SourceSecurityGroupId"].removesuffix("GroupId"),
            rule["GroupId"].removesuffix("GroupId"),
            rule["FromPort"],
        )
        for rule in in_rules
    }
    assert let_in == {way for way in allowed_connections(stage) if way[2] == 5432}, (
        "what goes out at one end comes in at the other"
    )
    kinds = {resource["Type"] for resource in rendered(stage)["Resources"].values()}
    assert kinds.isdisjoint(
        {"AWS::EC2::InternetGateway", "AWS::EC2::NatGateway", "AWS::EC2::Route"}
    )


def test_own_kms_key_encrypts_all_data() -> None:
    kept = {
        "AWS::Logs::LogGroup": lambda p: p["KmsKeyId"],
        "AWS::SQS::Queue": lambda p: p["KmsMasterKeyId"],
        "AWS::SNS::Topic": lambda p: p["KmsMasterKeyId"],
        "AWS::DynamoDB::Table": lambda p: p["SSESpecification"]["KMSMasterKeyId"],
        "AWS::SecretsManager::Secret": lambda p: p["KmsKeyId"],
        "AWS::S3::Bucket": lambda p: p["BucketEncryption"]["ServerSideEncryptionConfiguration"][0][
            "ServerSideEncryptionByDefault"
        ]["KMSMasterKeyID"],
    }
    for kind, key in kept.items():
        found = resources_of_type("production", kind)
        assert {key(properties).rpartition(":")[2] for properties in found.values()} == {
            "DataKey"
        }, kind


@pytest.mark.slow
def test_sam_roles_have_only_known_policies() -> None:
    """The roles come from SAM's transform, run without AWS."""
    for stage, translated in zip(
        STAGES,
        translate(*({"parameters": parameters} for parameters in STAGES.values())),
        strict=True,
    ):
        resources = render(translated, STAGES[stage])["Resources"]
        roles = {
            name for name, resource in resources.items() if resource["Type"] == "AWS::IAM::Role"
        }
        used = [
            r["Properties"]["Role"]
            for r in resources.values()
            if r["Type"] == "AWS::Lambda::Function"
        ]
        assert len(set(used)) == len(used) == len(functions(stage))
        assert {arn.rpartition(":")[2] for arn in used} <= roles
        for name in roles:
            attached = {
                arn.rpartition("/")[2]
                for arn in resources[name]["Properties"].get("ManagedPolicyArns", [])
            }
            assert attached <= AWS_MANAGED_POLICIES | {
                "arn:aws:iam:us-east-1:123456789012:" + own for own in OWN_POLICIES
            }, name
            for statement in statements(resources[name]["Properties"].get("Policies", [])):
                wide = [
                    to
                    for to in as_list(statement["Resource"])
                    if "*" in to and not BUCKET_OR_FOLDER.fullmatch(to)
                ]
                assert not wide, (stage, name, wide)


@each_stage
def test_buckets_and_queues_require_tls(stage: str) -> None:
    kinds = ("AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy")
    denied = [
        s
        for kind in kinds
        for policy in resources_of_type(stage, kind).values()
        for s in statements(policy)
        if s["Effect"] == "Deny"
    ]
    assert {
        resource.rpartition(":")[2].split("/")[0]
        for s in denied
        for resource in as_list(s["Resource"])
    } == {
        "ImportsBucket",
        "ImportsQueue",
        "ImportsDeadLetters",
    }
    assert all(s["Condition"] == {"Bool": {"aws:SecureTransport": "false"}} for s in denied)
