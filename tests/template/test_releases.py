"""Function versions, traffic shifting and canary alarms in the rendered template."""

import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from typing import Any

import pytest

from scripts.render_template import render
from tests.fixtures.sam import translate
from tests.fixtures.template import source_template
from tests.template.rendered import (
    STAGES,
    as_list,
    each_stage,
    functions,
    rendered,
    resources_of_type,
)


@each_stage
def test_functions_publish_versions(stage: str) -> None:
    for name, function in functions(stage).items():
        assert function["AutoPublishAlias"] == "live"
        assert function["AutoPublishAliasAllProperties"], name
        shifts = stage == "production" and name != "MigrateFunction"
        own = [f"{name.removesuffix('Function')}CanaryAlarm"] if shifts else []
        found = rendered(stage)["Resources"][name]["Properties"].get("DeploymentPreference", {})
        assert found.get("Alarms", []) == own, name
    shared = rendered(stage)["Globals"]["Function"]["DeploymentPreference"]
    assert shared == {"Type": "Canary10Percent5Minutes" if stage == "production" else "AllAtOnce"}


@pytest.mark.parametrize(
    ("parameters", "kind"),
    [
        ({"Stage": "production"}, "Canary10Percent5Minutes"),
        ({"Stage": "production", "Rollout": "all-at-once"}, "AllAtOnce"),
        ({"Rollout": "canary"}, "Canary10Percent5Minutes"),
        ({}, "AllAtOnce"),
    ],
    ids=str,
)
def test_rollout_parameter_decides_traffic_shift(parameters: dict[str, str], kind: str) -> None:
    template = render(source_template(), {**STAGES["aurora"], **parameters})
    assert template["Globals"]["Function"]["DeploymentPreference"] == {"Type": kind}
    assert ("OrdersCanaryAlarm" in template["Resources"]) == (kind != "AllAtOnce")
    assert len([name for name in template["Resources"] if name.startswith("DbReplica")]) == (
        "Stage" in parameters
    )


def test_canary_alarm_watches_only_the_new_version() -> None:
    """Errors of the previous version must not roll back the release that fixes them."""
    alarms = {
        n: a
        for n, a in resources_of_type("production", "AWS::CloudWatch::Alarm").items()
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
def test_new_layer_publishes_versions_without_cycles() -> None:
    both = translate({"layer": "before"}, {"layer": "after"})
    before, after = (
        {n for n, r in translated["Resources"].items() if r["Type"] == "AWS::Lambda::Version"}
        for translated in both
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
    """Yield the names in Ref, GetAtt, Sub and DependsOn under `node`."""
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
                yield from as_list(value)
            yield from refers(value)
    elif isinstance(node, list):
        for item in node:
            yield from refers(item)
