"""Alarms compared with the printed metrics; the role of the cleanup's schedule; the Data API."""

import json
import tomllib
from typing import Any

import pytest

from local.intrinsics import ACCOUNT_ID, STACK_NAME
from scripts.render_template import render, stages
from sluice.http.metrics import INTERNAL_ERRORS, NAMESPACE, print_internal_errors
from sluice.settings import DatabaseSettings, Settings
from tests.fixtures.template import ROOT, source_template

STAGES = stages(tomllib.loads((ROOT / "samconfig.toml").read_text()))


def resources(stage: str, **parameters: str) -> dict[str, Any]:
    found: dict[str, Any] = render(source_template(), {**STAGES[stage], **parameters})["Resources"]
    return found


def properties(stage: str, name: str, **parameters: str) -> dict[str, Any]:
    found: dict[str, Any] = resources(stage, **parameters)[name]["Properties"]
    return found


def test_canary_alarm_watches_the_printed_metric(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """CloudWatch finds a metric by namespace, name and exactly these dimensions."""
    alarms = {
        n: r["Properties"] for n, r in resources("production").items() if n.endswith("CanaryAlarm")
    }
    assert len(alarms) > 10
    for name, alarm in alarms.items():
        function = name.removesuffix("CanaryAlarm") + "Function"
        version = f"{function}Version.Version"
        settings = Settings(
            DatabaseSettings("db", "shop", "app"),
            b"",
            service=STACK_NAME,
            function=function,
            version=version,
        )
        print_internal_errors(settings, 3)
        printed = json.loads(capsys.readouterr().out)
        (directive,) = printed["_aws"]["CloudWatchMetrics"]
        (dimensions,) = directive["Dimensions"]
        (faults,) = [m["MetricStat"] for m in alarm["Metrics"] if m["Id"] == "faults"]
        assert (faults["Metric"]["Namespace"], faults["Metric"]["MetricName"]) == (
            NAMESPACE,
            INTERNAL_ERRORS,
        )
        assert directive["Namespace"] == NAMESPACE
        assert [metric["Name"] for metric in directive["Metrics"]] == [INTERNAL_ERRORS]
        watched = {each["Name"]: each["Value"] for each in faults["Metric"]["Dimensions"]}
        assert watched == {dimension: printed[dimension] for dimension in dimensions}, name
        assert (faults["Stat"], printed[INTERNAL_ERRORS]) == ("Sum", [3])


@pytest.mark.parametrize("stage", STAGES)
def test_single_dynamodb_failure_raises_no_alarm(stage: str) -> None:
    """Single failures are normal and are retried; five within three minutes raise the alarm."""
    alarm = properties(stage, "LimiterAlarm")
    assert (alarm["Namespace"], alarm["MetricName"], alarm["Statistic"]) == (
        "Sluice",
        "limiter_failures",
        "Sum",
    )
    assert alarm["Period"] * alarm["EvaluationPeriods"] == 180
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanOrEqualToThreshold", 5)
    assert alarm["Dimensions"] == [{"Name": "service", "Value": STACK_NAME}]


@pytest.mark.parametrize("stage", STAGES)
def test_only_own_schedules_start_the_cleanup(stage: str) -> None:
    role = properties(stage, "CleanupScheduleRole")
    (trusted,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trusted["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert trusted["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT_ID}}
    (policy,) = role["Policies"]
    (allowed,) = policy["PolicyDocument"]["Statement"]
    assert (allowed["Action"], allowed["Resource"]) == (
        "lambda:InvokeFunction",
        "CleanupFunctionAlias",
    )
    assert "ManagedPolicyArns" not in role
    for event in properties(stage, "CleanupFunction")["Events"].values():
        assert (
            event["Properties"]["RoleArn"]
            == f"arn:aws:iam:us-east-1:{ACCOUNT_ID}:CleanupScheduleRole"
        )


@pytest.mark.parametrize("stage", ["aurora", "production"])
def test_data_api_can_be_disabled(stage: str) -> None:
    assert properties(stage, "DbCluster")["EnableHttpEndpoint"] is True
    assert properties(stage, "DbCluster", EnableDataApi="false")["EnableHttpEndpoint"] is False
