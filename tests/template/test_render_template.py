"""The template rendered with the parameters of each stage of samconfig.toml."""

import json
from typing import Any

import pytest

from scripts.render_template import main
from sluice.settings import Settings
from tests.fixtures.template import ROOT, source_template
from tests.template.rendered import (
    GATEWAY_TIMEOUT,
    STAGES,
    each_stage,
    functions,
    rendered,
    resources_of_type,
)


def test_stages_cover_each_database_mode() -> None:
    ways = {
        name: (parameters.get("DatabaseMode"), "SubnetIds" in parameters)
        for name, parameters in STAGES.items()
    }
    assert ways == {
        "default": (None, False),
        "existing-vpc": (None, True),
        "aurora": ("aurora", False),
        "production": ("aurora", False),
    }


@each_stage
def test_references_resolve(stage: str) -> None:
    assert rendered(stage)["Resources"], "decide() raises otherwise"


@each_stage
def test_log_groups_have_a_retention(stage: str) -> None:
    groups = resources_of_type(stage, "AWS::Logs::LogGroup")
    assert all(group["RetentionInDays"] for group in groups.values())
    own = [properties["LoggingConfig"]["LogGroup"] for properties in functions(stage).values()]
    assert len(set(own)) == len(own)
    assert set(own) <= groups.keys()


@each_stage
def test_queues_have_dead_letters_alarms_have_actions(stage: str) -> None:
    queues = resources_of_type(stage, "AWS::SQS::Queue")
    letters = {
        queue["RedrivePolicy"]["deadLetterTargetArn"].rpartition(":")[2]
        for queue in queues.values()
        if "RedrivePolicy" in queue
    }
    assert (
        letters | {name for name, queue in queues.items() if "RedrivePolicy" in queue}
        == queues.keys()
    )
    alarms = resources_of_type(stage, "AWS::CloudWatch::Alarm")
    assert alarms
    assert {name for name, alarm in alarms.items() if not alarm.get("AlarmActions")} == set()
    assert {name for name, alarm in alarms.items() if not alarm.get("AlarmDescription")} == set()


@each_stage
def test_timeouts_and_concurrency_are_consistent(stage: str) -> None:
    queues = resources_of_type(stage, "AWS::SQS::Queue")
    for name, function in functions(stage).items():
        for event in function.get("Events", {}).values():
            if event["Type"] == "HttpApi":
                assert function["Timeout"] < GATEWAY_TIMEOUT, name
            elif event["Type"] == "SQS":
                queue = queues[event["Properties"]["Queue"].rpartition(":")[2]]
                assert queue["VisibilityTimeout"] >= 6 * function["Timeout"], name
                at_once = event["Properties"]["ScalingConfig"]["MaximumConcurrency"]
                assert int(function["ReservedConcurrentExecutions"]) >= int(at_once), name


@each_stage
def test_settings_accept_each_functions_variables(stage: str) -> None:
    for name, function in functions(stage).items():
        if name == "DocsFunction":  # it reads no settings
            continue
        parameters = {
            variable: str(value) for variable, value in function["Environment"]["Variables"].items()
        }
        database = Settings.from_env({"AWS_REGION": "us-east-1", **parameters}).database
        assert database.tls == "verify-full", name
        by_secret = name == "MigrateFunction" or STAGES[stage].get("DbAuth") != "iam"
        assert database.auth == ("password" if by_secret else "iam"), name


def test_aurora_settings_follow_the_stage() -> None:
    demo, production = (
        resources_of_type(stage, "AWS::RDS::DBCluster")["DbCluster"]
        for stage in ("aurora", "production")
    )

    for cluster in (demo, production):
        assert cluster["StorageEncrypted"]
        assert cluster["ManageMasterUserPassword"]
        assert cluster["EnableIAMDatabaseAuthentication"]
    scaling = "ServerlessV2ScalingConfiguration"
    assert demo[scaling] == {"MinCapacity": "0", "MaxCapacity": "1", "SecondsUntilAutoPause": "600"}
    assert production[scaling] == {"MinCapacity": "1", "MaxCapacity": "16"}
    assert (demo["DeletionProtection"], production["DeletionProtection"]) == (False, True)
    assert len(resources_of_type("production", "AWS::RDS::DBInstance")) == 2
    everywhere = source_template()["Resources"]
    assert (
        everywhere["DbCluster"]["DeletionPolicy"]
        == everywhere["DbCluster"]["UpdateReplacePolicy"]
        == "Snapshot"
    )


@each_stage
def test_dashboard_widgets_do_not_overlap(stage: str) -> None:
    body = json.loads(
        resources_of_type(stage, "AWS::CloudWatch::Dashboard")["Dashboard"]["DashboardBody"]
    )
    places = [(widget["x"], widget["y"]) for widget in body["widgets"]]
    assert len(set(places)) == len(places)
    assert ("AWS/RDS" in json.dumps(body)) == (stage in ("aurora", "production"))


@each_stage
def test_api_functions_have_alarms(stage: str) -> None:
    watched: dict[str, set[str]] = {}
    for alarm in resources_of_type(stage, "AWS::CloudWatch::Alarm").values():
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
    }  # the deployment itself reports its errors


def test_pausing_database_is_not_woken_often() -> None:
    """The cleanup wakes it once a day, and the alarms allow it time to resume."""
    for stage, rate, periods in (
        ("aurora", "rate(1 day)", 5),
        ("production", "rate(1 hour)", 1),
        ("default", "rate(1 hour)", 1),
    ):
        events = functions(stage)["CleanupFunction"]["Events"]
        assert [event["Properties"]["ScheduleExpression"] for event in events.values()] == [rate]
        for alarm in ("DatabaseUnavailableAlarm", "CircuitOpenAlarm"):
            assert (
                resources_of_type(stage, "AWS::CloudWatch::Alarm")[alarm]["EvaluationPeriods"]
                == periods
            )


def test_documented_alarm_costs_are_current() -> None:
    """The row "alarms" of docs/deploy.md: 0.10 for each metric that an alarm watches."""
    counted = []
    for stage in STAGES:
        alarms = resources_of_type(stage, "AWS::CloudWatch::Alarm").values()
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


def test_access_log_has_function_request_id() -> None:
    text = resources_of_type("default", "AWS::Serverless::HttpApi")["Api"]["AccessLogSettings"][
        "Format"
    ]
    fields = json.loads(text)
    assert fields["request_id"] == "$context.integration.requestId"
    assert fields["gateway_request_id"] == "$context.requestId"


def test_detailed_metrics_are_disabled() -> None:
    settings = resources_of_type("production", "AWS::Serverless::HttpApi")["Api"][
        "DefaultRouteSettings"
    ]
    assert settings == {
        "ThrottlingRateLimit": "500",
        "ThrottlingBurstLimit": "250",
        "DetailedMetricsEnabled": False,
    }


def test_script_writes_a_template_per_stage(tmp_path: Any) -> None:
    assert main([str(tmp_path)]) == 0
    written = {path.stem: json.loads(path.read_text()) for path in tmp_path.iterdir()}
    assert written.keys() == STAGES.keys()
    assert "DbReplica" in written["production"]["Resources"]
