"""The template rendered with the parameters of each stage of samconfig.toml, for the tests."""

import tomllib
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from scripts.render_template import render, stages
from tests.fixtures.template import ROOT, source_template

STAGES = stages(tomllib.loads((ROOT / "samconfig.toml").read_text()))
# samconfig.toml mentions RDS Proxy, but none of its stages uses it.
PROXY = {**STAGES["production"], "UseProxy": "true"}
STAGES_AND_PROXY = {**STAGES, "proxy": PROXY}
GATEWAY_TIMEOUT = 30  # seconds; the limit of an HTTP API

each_stage = pytest.mark.parametrize("stage", STAGES)


@cache
def rendered(stage: str) -> dict[str, Any]:
    """Return the template with the stage's parameters."""
    return render(source_template(), STAGES_AND_PROXY[stage])


def resources_of_type(stage: str, kind: str) -> dict[str, dict[str, Any]]:
    """Return the resources' properties by logical id; those of functions include the globals."""
    found = {
        name: resource.get("Properties", {})
        for name, resource in rendered(stage)["Resources"].items()
        if resource["Type"] == kind
    }
    if kind != "AWS::Serverless::Function":
        return found
    shared = rendered(stage)["Globals"]["Function"]
    merged = {}
    for name, own in found.items():
        parameters = source_template()["Resources"][name]["Properties"]
        inherited = {
            key: value for key, value in shared.items() if key not in parameters or key in own
        }
        merged[name] = {**inherited, **own}
        variables = [part.get("Environment", {}).get("Variables", {}) for part in (inherited, own)]
        merged[name]["Environment"] = {"Variables": {**variables[0], **variables[1]}}
    return merged


def functions(stage: str) -> dict[str, dict[str, Any]]:
    return resources_of_type(stage, "AWS::Serverless::Function")


def statements(node: Any) -> Iterator[dict[str, Any]]:
    """Yield each policy statement under `node`."""
    if isinstance(node, dict):
        if "Effect" in node:
            yield node
        for value in node.values():
            yield from statements(value)
    elif isinstance(node, list):
        for item in node:
            yield from statements(item)


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
