"""What holds in every environment of samconfig.toml, once its parameters are in and its conditions decided."""

import json
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from typing import Any

import pytest

from local.intrinsics import TemplateError, load_template
from scripts.render_template import REQUIRED_PARAMETERS, main, render, stages
from sluice.settings import Settings
from tests.fixtures.sam import translate
from tests.fixtures.template import ROOT

CONFIGURED = stages(tomllib.loads((ROOT / "samconfig.toml").read_text()))
GATEWAY_GIVES_UP = 30  # seconds; an HTTP API's own limit
BOUNDARY = "FunctionBoundary"
KEY = "AWS::KMS::Key"  # whose policy's "*" is itself
ENDPOINT = "AWS::EC2::VPCEndpoint"  # whose principal is whoever is in the network
FOLDERS = re.compile(r"arn:aws:s3:::?[^*]*/\*|arn:aws:s3:[^*]*/\*")  # of a bucket, and no less

# What SAM attaches: writing logs, being in a VPC, taking from a queue, moving an alias.
LAMBDA_S = ("BasicExecution", "VPCAccessExecution", "SQSQueueExecution")
FROM_AWS = {"AWSCodeDeployRoleForLambda", *(f"AWSLambda{what}Role" for what in LAMBDA_S)}
OF_OURS = {"DatabaseAccess", "AnalystAccess"}

each_stage = pytest.mark.parametrize("stage", CONFIGURED)


PROXY = {**CONFIGURED["production"], "UseProxy": "true"}
GIVEN = {
    **CONFIGURED,
    "proxy": PROXY,
}  # and what samconfig.toml offers, but no environment of it has


@cache
def decided(stage: str) -> dict[str, Any]:
    return render(load_template(ROOT / "template.yaml"), GIVEN[stage])


def of_type(stage: str, kind: str) -> dict[str, dict[str, Any]]:
    """Properties by logical id; a function's with the globals merged in."""
    found = {
        name: resource.get("Properties", {})
        for name, resource in decided(stage)["Resources"].items()
        if resource["Type"] == kind
    }
    if kind != "AWS::Serverless::Function":
        return found
    shared = decided(stage)["Globals"]["Function"]
    merged = {}
    for name, own in found.items():
        given = load_template(ROOT / "template.yaml")["Resources"][name]["Properties"]
        inherited = {key: value for key, value in shared.items() if key not in given or key in own}
        merged[name] = {**inherited, **own}
        variables = [part.get("Environment", {}).get("Variables", {}) for part in (inherited, own)]
        merged[name]["Environment"] = {"Variables": {**variables[0], **variables[1]}}
    return merged


def functions(stage: str) -> dict[str, dict[str, Any]]:
    return of_type(stage, "AWS::Serverless::Function")


def statements(node: Any) -> Iterator[dict[str, Any]]:
    """Every statement of a policy under `node`."""
    if isinstance(node, dict):
        if "Effect" in node:
            yield node
        for value in node.values():
            yield from statements(value)
    elif isinstance(node, list):
        for item in node:
            yield from statements(item)


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_there_is_an_environment_for_each_way() -> None:
    ways = {
        name: (given.get("DatabaseMode"), "SubnetIds" in given)
        for name, given in CONFIGURED.items()
    }
    assert ways == {
        "default": (None, False),
        "existing-vpc": (None, True),
        "aurora": ("aurora", False),
        "production": ("aurora", False),
    }


@each_stage
def test_nothing_refers_to_what_is_not_there(stage: str) -> None:
    assert decided(stage)["Resources"], "decide() raises otherwise"


@each_stage
def test_no_policy_has_a_wildcard(stage: str) -> None:
    for name, resource in decided(stage)["Resources"].items():
        for statement in statements(resource):
            if resource["Type"] == KEY:
                assert statement["Principal"] != "*", name
                continue
            if statement["Effect"] == "Deny" or name == BOUNDARY:  # takes away, and allows nothing
                continue
            assert not [action for action in listed(statement["Action"]) if "*" in action], name
            wide = [
                to
                for to in listed(statement.get("Resource", []))
                if "*" in to and not FOLDERS.fullmatch(to)
            ]
            assert not wide, (name, wide)
            assert statement.get("Principal") != "*" or (
                resource["Type"] == ENDPOINT and statement["Condition"]
            ), name


@each_stage
def test_every_function_logs_to_a_group_that_forgets(stage: str) -> None:
    groups = of_type(stage, "AWS::Logs::LogGroup")
    assert all(group["RetentionInDays"] for group in groups.values())
    own = [properties["LoggingConfig"]["LogGroup"] for properties in functions(stage).values()]
    assert len(set(own)) == len(own)
    assert set(own) <= groups.keys()


@each_stage
def test_every_queue_has_dead_letters_and_every_alarm_tells_somebody(stage: str) -> None:
    queues = of_type(stage, "AWS::SQS::Queue")
    letters = {
        queue["RedrivePolicy"]["deadLetterTargetArn"].rpartition(":")[2]
        for queue in queues.values()
        if "RedrivePolicy" in queue
    }
    assert (
        letters | {name for name, queue in queues.items() if "RedrivePolicy" in queue}
        == queues.keys()
    )
    alarms = of_type(stage, "AWS::CloudWatch::Alarm")
    assert alarms
    assert {name for name, alarm in alarms.items() if not alarm.get("AlarmActions")} == set()
    assert {name for name, alarm in alarms.items() if not alarm.get("AlarmDescription")} == set()


@each_stage
def test_times_and_numbers_leave_room_for_each_other(stage: str) -> None:
    queues = of_type(stage, "AWS::SQS::Queue")
    for name, function in functions(stage).items():
        for event in function.get("Events", {}).values():
            if event["Type"] == "HttpApi":
                assert function["Timeout"] < GATEWAY_GIVES_UP, name
            elif event["Type"] == "SQS":
                queue = queues[event["Properties"]["Queue"].rpartition(":")[2]]
                assert queue["VisibilityTimeout"] >= 6 * function["Timeout"], name
                at_once = event["Properties"]["ScalingConfig"]["MaximumConcurrency"]
                assert int(function["ReservedConcurrentExecutions"]) >= int(at_once), name


@each_stage
def test_settings_accept_what_a_function_is_given(stage: str) -> None:
    for name, function in functions(stage).items():
        if name == "DocsFunction":  # which reads no settings
            continue
        given = {
            variable: str(value) for variable, value in function["Environment"]["Variables"].items()
        }
        database = Settings.from_env({"AWS_REGION": "us-east-1", **given}).database
        assert database.tls == "verify-full", name
        by_secret = name == "MigrateFunction" or CONFIGURED[stage].get("DbAuth") != "iam"
        assert database.auth == ("password" if by_secret else "iam"), name


@each_stage
def test_who_may_log_in_may_as_one_role_on_one_server(stage: str) -> None:
    policies = of_type(stage, "AWS::IAM::ManagedPolicy")
    login = next(statements(policies["DatabaseAccess"]))
    given = CONFIGURED[stage]
    if given.get("DbAuth") != "iam":
        assert login["Resource"] == given["DbSecretArn"]
        return
    server = {
        "existing-vpc": "db-ABCDEFGHIJKL",
        "aurora": "cluster-ABCDEFGHIJKL",
        "production": "cluster-ABCDEFGHIJKL",
    }
    assert login["Resource"] == [
        f"arn:aws:rds-db:us-east-1:123456789012:dbuser:{server[stage]}/sluice_app"
    ]
    if "AnalystAuth" in given:
        analyst = next(statements(policies["AnalystAccess"]))
        assert analyst["Resource"] == [
            f"arn:aws:rds-db:us-east-1:123456789012:dbuser:{server[stage]}/sluice_analyst"
        ]


def reach(stage: str) -> set[tuple[str, str, int]]:
    """(from, to, port), by the groups' rules for what goes out; `to` is a group or an address range."""
    groups = of_type(stage, "AWS::EC2::SecurityGroup")
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
    ("stage", "door"), [("aurora", "Db"), ("production", "Db"), ("proxy", "Proxy")]
)
def test_in_its_own_network_each_reaches_the_next_and_no_further(stage: str, door: str) -> None:
    beyond = {("ProxySecurityGroup", "DbSecurityGroup", 5432)} if door == "Proxy" else set()
    assert reach(stage) == {
        ("FunctionSecurityGroup", f"{door}SecurityGroup", 5432),
        (
            "FunctionSecurityGroup",
            "0.0.0.0/0",
            443,
        ),  # to gateway endpoints: there is no route to the internet
        ("MigrationSecurityGroup", "DbSecurityGroup", 5432),
        ("MigrationSecurityGroup", "0.0.0.0/0", 443),
        *beyond,
    }
    in_rules = of_type(stage, "AWS::EC2::SecurityGroupIngress").values()
    let_in = {
        (
            rule["SourceSecurityGroupId"].removesuffix("GroupId"),
            rule["GroupId"].removesuffix("GroupId"),
            rule["FromPort"],
        )
        for rule in in_rules
    }
    assert let_in == {way for way in reach(stage) if way[2] == 5432}, (
        "what goes out at one end comes in at the other"
    )
    kinds = {resource["Type"] for resource in decided(stage)["Resources"].values()}
    assert kinds.isdisjoint(
        {"AWS::EC2::InternetGateway", "AWS::EC2::NatGateway", "AWS::EC2::Route"}
    )


def test_an_aurora_is_kept_as_the_stage_wants() -> None:
    demo, production = (
        of_type(stage, "AWS::RDS::DBCluster")["DbCluster"] for stage in ("aurora", "production")
    )

    for cluster in (demo, production):
        assert cluster["StorageEncrypted"]
        assert cluster["ManageMasterUserPassword"]
        assert cluster["EnableIAMDatabaseAuthentication"]
    scaling = "ServerlessV2ScalingConfiguration"
    assert demo[scaling] == {"MinCapacity": "0", "MaxCapacity": "1", "SecondsUntilAutoPause": "600"}
    assert production[scaling] == {"MinCapacity": "1", "MaxCapacity": "16"}
    assert (demo["DeletionProtection"], production["DeletionProtection"]) == (False, True)
    assert len(of_type("production", "AWS::RDS::DBInstance")) == 2
    everywhere = load_template(ROOT / "template.yaml")["Resources"]
    assert (
        everywhere["DbCluster"]["DeletionPolicy"]
        == everywhere["DbCluster"]["UpdateReplacePolicy"]
        == "Snapshot"
    )


def test_with_a_key_of_its_own_everything_that_is_kept_is_under_it() -> None:
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
        found = of_type("production", kind)
        assert {key(properties).rpartition(":")[2] for properties in found.values()} == {
            "DataKey"
        }, kind


@each_stage
def test_the_dashboard_is_json_and_its_tiles_do_not_overlap(stage: str) -> None:
    body = json.loads(of_type(stage, "AWS::CloudWatch::Dashboard")["Dashboard"]["DashboardBody"])
    places = [(widget["x"], widget["y"]) for widget in body["widgets"]]
    assert len(set(places)) == len(places)
    assert ("AWS/RDS" in json.dumps(body)) == (stage in ("aurora", "production"))


@each_stage
def test_every_function_that_somebody_waits_for_has_its_alarms(stage: str) -> None:
    watched: dict[str, set[str]] = {}
    for alarm in of_type(stage, "AWS::CloudWatch::Alarm").values():
        for dimension in alarm.get("Dimensions", []):
            if dimension["Name"] == "FunctionName":
                watched.setdefault(dimension["Value"], set()).add(alarm["MetricName"])
    answering = {
        name
        for name, function in functions(stage).items()
        if any(event["Type"] == "HttpApi" for event in function.get("Events", {}).values())
    }
    wanted = {"Errors", "Throttles", "Duration"} if stage == "production" else {"Errors"}
    assert all(watched[name] == wanted for name in answering)
    assert watched.keys() == functions(stage).keys() - {
        "MigrateFunction"
    }  # whoever deploys sees what it says


@each_stage
def test_callers_get_versions_that_are_made_of_all_that_changed(stage: str) -> None:
    for name, function in functions(stage).items():
        assert function["AutoPublishAlias"] == "live"
        assert function["AutoPublishAliasAllProperties"], name
        shifts = stage == "production" and name != "MigrateFunction"
        own = [f"{name.removesuffix('Function')}CanaryAlarm"] if shifts else []
        found = decided(stage)["Resources"][name]["Properties"].get("DeploymentPreference", {})
        assert found.get("Alarms", []) == own, name
    shared = decided(stage)["Globals"]["Function"]["DeploymentPreference"]
    assert shared == {"Type": "Canary10Percent5Minutes" if stage == "production" else "AllAtOnce"}


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"Stage": "production"}, "Canary10Percent5Minutes"),
        ({"Stage": "production", "Rollout": "all-at-once"}, "AllAtOnce"),
        ({"Rollout": "canary"}, "Canary10Percent5Minutes"),
        ({}, "AllAtOnce"),
    ],
    ids=str,
)
def test_rollout_decides_alone_how_traffic_shifts(given: dict[str, str], kind: str) -> None:
    whole = render(load_template(ROOT / "template.yaml"), {**CONFIGURED["aurora"], **given})
    assert whole["Globals"]["Function"]["DeploymentPreference"] == {"Type": kind}
    assert ("OrdersCanaryAlarm" in whole["Resources"]) == (kind != "AllAtOnce")
    assert len([name for name in whole["Resources"] if name.startswith("DbReplica")]) == (
        "Stage" in given
    )


def test_canary_is_judged_by_its_own_version_alone() -> None:
    """What the version before it does must not turn back the release that corrects it."""
    alarms = {
        n: a
        for n, a in of_type("production", "AWS::CloudWatch::Alarm").items()
        if n.endswith("CanaryAlarm")
    }
    assert alarms.keys() == {
        f"{name.removesuffix('Function')}CanaryAlarm"
        for name in functions("production")
        if name != "MigrateFunction"
    }
    for name, alarm in alarms.items():
        function = name.removesuffix("CanaryAlarm") + "Function"
        version = f"{function}Version.Version"
        for metric in alarm["Metrics"][1:]:
            seen = {d["Name"]: d["Value"] for d in metric["MetricStat"]["Metric"]["Dimensions"]}
            assert version in (seen.get("ExecutedVersion"), seen.get("executed_version")), name
            assert function in (seen.get("FunctionName"), seen.get("function_name")), name
            assert seen.get("Resource", f"{function}:live") == f"{function}:live"


@pytest.mark.slow
def test_a_new_layer_makes_a_new_version_of_every_function_and_nothing_waits_for_itself() -> None:
    both = translate({"layer": "before"}, {"layer": "after"})
    before, after = (
        {n for n, r in made["Resources"].items() if r["Type"] == "AWS::Lambda::Version"}
        for made in both
    )
    assert len(before) == len(after) == len(functions("default"))
    assert before.isdisjoint(after)

    resources = both[0]["Resources"]
    waits = {
        name: {other for other in refers(resource) if other in resources}
        for name, resource in resources.items()
    }
    assert list(TopologicalSorter(waits).static_order()), "CycleError otherwise"


def refers(node: Any) -> Iterator[str]:
    """The names that Ref, GetAtt, Sub and DependsOn under `node` name."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "Ref":
                yield value
            elif key == "Fn::GetAtt":
                yield value[0] if isinstance(value, list) else value.partition(".")[0]
            elif key == "Fn::Sub":
                text = value if isinstance(value, str) else value[0]
                yield from (name.partition(".")[0] for name in re.findall(r"\${([^}]+)}", text))
            elif key == "DependsOn":
                yield from listed(value)
            yield from refers(value)
    elif isinstance(node, list):
        for item in node:
            yield from refers(item)


@pytest.mark.slow
def test_what_sam_makes_of_it_gives_each_function_a_role_that_may_no_more() -> None:
    """Its transform, without AWS."""
    for stage, made in zip(
        CONFIGURED,
        translate(*({"parameters": given} for given in CONFIGURED.values())),
        strict=True,
    ):
        resources = render(made, CONFIGURED[stage])["Resources"]
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
            assert attached <= FROM_AWS | {
                "arn:aws:iam:us-east-1:123456789012:" + own for own in OF_OURS
            }, name
            for statement in statements(resources[name]["Properties"].get("Policies", [])):
                wide = [
                    to
                    for to in listed(statement["Resource"])
                    if "*" in to and not FOLDERS.fullmatch(to)
                ]
                assert not wide, (stage, name, wide)


READER = {"ReplicaHost": "replica.internal:5433", "ReplicaResourceId": "db-REPLICA"}


@pytest.mark.parametrize(
    ("given", "host", "logins"),
    [
        (CONFIGURED["default"], "", []),
        (CONFIGURED["aurora"], "", ["cluster-ABCDEFGHIJKL"]),
        (PROXY, "DbProxyReadOnlyEndpoint", ["prx-0123456789abcdef0"]),
        (CONFIGURED["production"], "DbClusterReadEndpoint.Address", ["cluster-ABCDEFGHIJKL"]),
        (
            {**CONFIGURED["existing-vpc"], **READER},
            "replica.internal:5433",
            ["db-ABCDEFGHIJKL", "db-REPLICA"],
        ),
    ],
    ids=["none", "aurora", "proxy", "no proxy", "existing"],
)
def test_a_reader_is_where_it_was_asked_for_and_takes_the_same_tokens(
    given: dict[str, str], host: str, logins: list[str]
) -> None:
    whole = render(load_template(ROOT / "template.yaml"), given)
    told = whole["Globals"]["Function"]["Environment"]["Variables"]["SLUICE_REPLICA_HOST"]
    resources = whole["Resources"]
    assert told == host
    access = [
        to
        for s in statements(resources["DatabaseAccess"]["Properties"])
        for to in listed(s["Resource"])
    ]
    assert [server for to in access for server in re.findall(r"dbuser:([^/]+)/", to)] == logins
    if host == "DbProxyReadOnlyEndpoint":
        reader = resources["DbProxyReadOnly"]["Properties"]
        assert reader["TargetRole"] == "READ_ONLY"
        assert (
            reader["VpcSecurityGroupIds"]
            == resources["DbProxy"]["Properties"]["VpcSecurityGroupIds"]
        )


OWN = {"DatabaseMode": "aurora", "DbAuth": "iam", "DbCaFile": "/opt/certificates/rds.pem"}


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        ({**REQUIRED_PARAMETERS["default"], "DbHost": ""}, "needs DbHost"),
        ({**REQUIRED_PARAMETERS["default"], "DbSecretArn": ""}, "needs DbSecretArn"),
        ({**REQUIRED_PARAMETERS["default"], "DbOwnerSecretArn": ""}, "needs DbOwnerSecretArn"),
        ({**REQUIRED_PARAMETERS["default"], "DbAuth": "iam"}, "needs DbResourceId"),
        ({**REQUIRED_PARAMETERS["default"], "DbAuth": "iam", "DbResourceId": "*"}, "must match"),
        (
            {
                **REQUIRED_PARAMETERS["default"],
                "AnalystAuth": "iam",
                "DbResourceId": "db-A",
                "DbTls": "off",
            },
            "verify-full",
        ),
        (
            {**REQUIRED_PARAMETERS["default"], "UseProxy": "true", "AuroraMinCapacity": "1"},
            "is for DatabaseMode aurora",
        ),
        (
            {**REQUIRED_PARAMETERS["default"], "SubnetIds": "subnet-1"},
            "SubnetIds need SecurityGroupIds",
        ),
        (
            {
                **REQUIRED_PARAMETERS["default"],
                "EnableSnapStart": "true",
                "ProvisionedConcurrency": "1",
            },
            "Lambda has no EnableSnapStart",
        ),
        (
            {**REQUIRED_PARAMETERS["default"], "UseReplica": "true"},
            "give a replica of yours as ReplicaHost",
        ),
        (
            {
                **REQUIRED_PARAMETERS["existing-vpc"],
                "DbAuth": "iam",
                "ReplicaHost": "replica.internal",
            },
            "needs ReplicaResourceId",
        ),
        ({**REQUIRED_PARAMETERS["default"], "ReplicaHost": "replica:5433:1"}, "must match"),
        ({**OWN, "UseReplica": "true"}, "Stage production"),
        (
            {**OWN, "ReplicaHost": "replica.example.com", "ReplicaResourceId": "db-A"},
            "by UseReplica",
        ),
        ({**OWN, "DbHost": "db.example.com"}, "stay empty"),
        ({**OWN, "SubnetIds": "subnet-1", "SecurityGroupIds": "sg-1"}, "makes the network"),
        ({**OWN, "DbCaFile": ""}, "DbCaFile"),
        ({**OWN, "UseProxy": "true"}, "never pauses"),
        ({**OWN, "ZoneA": "us-east-1a"}, "are set together"),
        ({**OWN, "ZoneA": "us-east-1a", "ZoneB": "us-east-1a"}, "two different zones"),
        (
            {**REQUIRED_PARAMETERS["default"], "ZoneA": "us-east-1a", "ZoneB": "us-east-1b"},
            "the zones of SubnetIds",
        ),
        ({**OWN, "AuroraEngineVersion": "17"}, "must match"),
        ({**REQUIRED_PARAMETERS["default"], "DomainName": "api.example.com"}, "are set together"),
        (
            {**OWN, "JwtIssuer": "https://issuer.example/", "JwtAudience": "shop"},
            "no way to JwtIssuer's keys",
        ),
    ],
    ids=str,
)
def test_a_deployment_that_could_not_work_is_refused(given: dict[str, str], refused: str) -> None:
    with pytest.raises(TemplateError, match=re.escape(refused)):
        render(load_template(ROOT / "template.yaml"), given)


@pytest.mark.parametrize("by_gateway", [True, False])
def test_functions_trust_claims_only_behind_the_gateway_authorizer(by_gateway: bool) -> None:
    """In the stack's own network too: the gateway fetches the issuer's keys, and functions need no layer for them."""
    stage = "aurora" if by_gateway else "default"
    given = {"JwtIssuer": "https://issuer.example/", "JwtAudience": "sluice"}
    given |= {"GatewayJwtAuthorizer": "true"} if by_gateway else {}
    whole = render(load_template(ROOT / "template.yaml"), {**CONFIGURED[stage], **given})
    variables = whole["Globals"]["Function"]["Environment"]["Variables"]
    assert variables["SLUICE_JWT_VERIFIED_BY"] == ("gateway" if by_gateway else "function")
    assert ("TokensLayer" in whole["Resources"]) != by_gateway
    routes = whole["Resources"]["Api"]["Properties"]["DefinitionBody"]["paths"]
    guarded = {
        path
        for path, item in routes.items()
        if item["x-amazon-apigateway-any-method"].get("security")
    }
    assert guarded == (set(routes) if by_gateway else set())


def test_own_domain_switches_the_gateways_address_off() -> None:
    certificate = "arn:aws:acm:us-east-1:123456789012:certificate/1"
    given = {
        **CONFIGURED["default"],
        "DomainName": "api.example.com",
        "DomainCertificateArn": certificate,
    }
    whole = render(load_template(ROOT / "template.yaml"), given)
    assert whole["Resources"]["Api"]["Properties"]["DisableExecuteApiEndpoint"] is True
    assert whole["Outputs"]["ApiUrl"]["Value"] == "https://api.example.com"
    assert "ApiDomainMapping" in whole["Resources"]
    assert (
        decided("default")["Resources"]["Api"]["Properties"]["DisableExecuteApiEndpoint"] is False
    )
    assert "ApiDomain" not in decided("default")["Resources"]


@pytest.mark.parametrize(
    ("given", "version", "family"),
    [
        ({}, "17.7", "aurora-postgresql17"),
        (
            {"AuroraSnapshot": "arn:aws:rds:us-east-1:1:cluster-snapshot:s"},
            None,
            "aurora-postgresql17",
        ),
        ({"AuroraEngineVersion": "18.1"}, "18.1", "aurora-postgresql18"),
        ({"AuroraEngineVersion": "17.9", "AuroraSnapshot": "arn:s"}, "17.9", "aurora-postgresql17"),
    ],
    ids=str,
)
def test_restored_database_has_the_version_of_its_snapshot(
    given: Any, version: str | None, family: str
) -> None:
    """RDS refuses a version that is older than the snapshot's, and upgrades minor versions by itself."""
    resources = render(load_template(ROOT / "template.yaml"), {**CONFIGURED["aurora"], **given})[
        "Resources"
    ]
    assert resources["DbCluster"]["Properties"].get("EngineVersion") == version
    for name in ("DbClusterParameters", "DbInstanceParameters"):
        assert resources[name]["Properties"]["Family"] == family


def test_database_that_pauses_is_left_alone() -> None:
    """The sweep wakes it once a day, and an alarm waits until it had time to wake."""
    for stage, rate, periods in (
        ("aurora", "rate(1 day)", 5),
        ("production", "rate(1 hour)", 1),
        ("default", "rate(1 hour)", 1),
    ):
        events = functions(stage)["CleanupFunction"]["Events"]
        assert [event["Properties"]["ScheduleExpression"] for event in events.values()] == [rate]
        for alarm in ("DatabaseAwayAlarm", "CircuitOpenAlarm"):
            assert of_type(stage, "AWS::CloudWatch::Alarm")[alarm]["EvaluationPeriods"] == periods


def test_costs_in_the_docs_count_every_alarm() -> None:
    """docs/deploy.md, row alarms: 0.10 for each metric that an alarm watches."""
    counted = []
    for stage in CONFIGURED:
        alarms = of_type(stage, "AWS::CloudWatch::Alarm").values()
        counted.append(
            sum(
                len([m for m in alarm.get("Metrics", [{"MetricStat": 1}]) if "MetricStat" in m])
                for alarm in alarms
            )
        )
    row = next(
        line
        for line in (ROOT / "docs/deploy.md").read_text().splitlines()
        if line.startswith("| alarms |")
    )
    assert [float(cell) for cell in row.split("|")[2:6]] == [
        pytest.approx(number / 10) for number in counted
    ]


def test_access_log_has_the_request_id_of_the_function() -> None:
    text = of_type("default", "AWS::Serverless::HttpApi")["Api"]["AccessLogSettings"]["Format"]
    fields = json.loads(text)
    assert fields["request_id"] == "$context.integration.requestId"
    assert fields["gateway_request_id"] == "$context.requestId"


def test_metrics_that_no_alarm_reads_are_off() -> None:
    settings = of_type("production", "AWS::Serverless::HttpApi")["Api"]["DefaultRouteSettings"]
    assert settings == {
        "ThrottlingRateLimit": "500",
        "ThrottlingBurstLimit": "250",
        "DetailedMetricsEnabled": False,
    }


@each_stage
def test_insecure_connections_to_files_and_messages_are_refused(stage: str) -> None:
    kinds = ("AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy")
    denied = [
        s
        for kind in kinds
        for policy in of_type(stage, kind).values()
        for s in statements(policy)
        if s["Effect"] == "Deny"
    ]
    assert {
        resource.rpartition(":")[2].split("/")[0]
        for s in denied
        for resource in listed(s["Resource"])
    } == {
        "ImportsBucket",
        "ImportsQueue",
        "ImportsDeadLetters",
    }
    assert all(s["Condition"] == {"Bool": {"aws:SecureTransport": "false"}} for s in denied)


def test_the_folder_has_a_template_for_each_environment(tmp_path: Any) -> None:
    assert main([str(tmp_path)]) == 0
    written = {path.stem: json.loads(path.read_text()) for path in tmp_path.iterdir()}
    assert written.keys() == CONFIGURED.keys()
    assert "DbReplica" in written["production"]["Resources"]
