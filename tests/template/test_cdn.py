"""CloudFront and AWS WAF in front of the API, both off by default: docs/decisions/0019."""

import json
import re
import shutil
import subprocess
import tomllib
from functools import cache
from typing import Any

import pytest

from local.intrinsics import PSEUDO_PARAMETERS, TemplateError
from scripts.render_template import render, stages
from sluice.http.headers import CLIENT_ADDRESS, ORIGIN_KEY
from tests.fixtures.sam import lint
from tests.fixtures.template import CDN_PARAMETERS, ROOT, SourceTemplate, source_template

STAGES = stages(tomllib.loads((ROOT / "samconfig.toml").read_text()))
KEY = "{{resolve:secretsmanager:OriginKey}}"


@cache
def with_cdn(stage: str = "default") -> dict[str, Any]:
    return render(source_template(), {**STAGES[stage], **CDN_PARAMETERS})


def nested(
    *, stack_id: str = PSEUDO_PARAMETERS["AWS::StackId"], **parameters: str
) -> dict[str, Any]:
    """Return cdn.yaml, rendered with the parameters that template.yaml passes to it."""
    template = render(source_template(), {**STAGES["default"], **CDN_PARAMETERS, **parameters})
    passed = template["Resources"]["Cdn"]["Properties"]["Parameters"]
    pseudo = {**PSEUDO_PARAMETERS, "AWS::StackName": "S" * 128, "AWS::StackId": stack_id}
    return render(source_template("cdn.yaml"), passed, pseudo_parameters=pseudo)


def distribution(**parameters: str) -> dict[str, Any]:
    found: dict[str, Any] = nested(**parameters)["Resources"]["Distribution"]["Properties"][
        "DistributionConfig"
    ]
    return found


@pytest.mark.parametrize("stage", STAGES)
def test_cdn_adds_a_secret_and_a_stack(stage: str) -> None:
    without = render(source_template(), STAGES[stage])
    assert with_cdn(stage)["Resources"].keys() - without["Resources"].keys() == {"Cdn", "OriginKey"}
    assert without["Globals"]["Function"]["Environment"]["Variables"]["SLUICE_ORIGIN_KEY"] == ""
    assert "DomainTarget" not in without["Outputs"]


def test_functions_check_cloudfronts_key(template: SourceTemplate) -> None:
    (origin,) = distribution()["Origins"]
    assert origin["OriginCustomHeaders"] == [
        {"HeaderName": "X-Sluice-Origin-Key", "HeaderValue": KEY}
    ]
    assert ORIGIN_KEY == "x-sluice-origin-key"
    assert with_cdn()["Globals"]["Function"]["Environment"]["Variables"]["SLUICE_ORIGIN_KEY"] == KEY
    open_to_all = {
        name for name in template.functions if "SLUICE_ORIGIN_KEY" not in template.environment(name)
    }
    assert open_to_all == {"DocsFunction"}  # serves public files and has no settings


def test_origin_is_the_gateways_own_address() -> None:
    (origin,) = distribution()["Origins"]
    assert origin["DomainName"] == "Api.execute-api.us-east-1.amazonaws.com"
    assert origin["CustomOriginConfig"]["OriginProtocolPolicy"] == "https-only"
    assert with_cdn()["Resources"]["Api"]["Properties"]["DisableExecuteApiEndpoint"] is False
    assert with_cdn()["Outputs"]["ApiUrl"]["Value"] == "https://api.example.com"
    assert with_cdn()["Outputs"]["DomainTarget"]["Value"] == "CdnOutputs.DomainName"
    assert nested()["Outputs"]["DomainName"]["Value"] == "DistributionDomainName"


def test_cdn_forwards_everything_and_caches_nothing() -> None:
    """https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html"""
    behaviour = distribution()["DefaultCacheBehavior"]
    assert behaviour["CachePolicyId"] == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"  # CachingDisabled
    assert (
        behaviour["OriginRequestPolicyId"] == "b689b0a8-53d0-40ab-baf2-68738e2966ac"
    )  # AllViewerExceptHostHeader
    assert set(behaviour["AllowedMethods"]) == {
        "GET",
        "HEAD",
        "OPTIONS",
        "PUT",
        "PATCH",
        "POST",
        "DELETE",
    }
    assert behaviour["Compress"] is False
    assert behaviour["ViewerProtocolPolicy"] == "https-only"
    assert "CacheBehaviors" not in distribution()


def test_edge_function_runs_on_each_request() -> None:
    (association,) = distribution()["DefaultCacheBehavior"]["FunctionAssociations"]
    assert association == {"EventType": "viewer-request", "FunctionARN": "ClientAddressFunctionARN"}


@pytest.mark.skipif(
    shutil.which("node") is None, reason="needs node, which runs the function of CloudFront"
)
def test_edge_function_replaces_client_address() -> None:
    """The event's form: AmazonCloudFront/latest/DeveloperGuide/functions-event-structure.html."""
    headers = {CLIENT_ADDRESS: {"value": "10.0.0.1"}, "x-api-key": {"value": "k"}}
    request = {
        "method": "GET",
        "uri": "/api/orders",
        "querystring": {},
        "headers": headers,
        "cookies": {},
    }
    event = {"version": "1.0", "viewer": {"ip": "2001:db8::7"}, "request": request}
    code = nested()["Resources"]["ClientAddress"]["Properties"]["FunctionCode"]
    printed = subprocess.run(
        ["node", "-e", f"{code}\nconsole.log(JSON.stringify(handler({json.dumps(event)})))"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(printed.stdout) == {
        **request,
        "headers": {**headers, CLIENT_ADDRESS: {"value": "2001:db8::7"}},
    }


def test_cdn_names_are_short_and_unique() -> None:
    """CloudFront's limits: names of 64 characters, 10 KB of code, comments of 128."""
    names = set()
    for id in ("0f6a1ee0-5d0e-11ee-8c99-0242ac120002", "1f6a1ee0-5d0e-11ee-8c99-0242ac120002"):
        resources = nested(stack_id=f"arn:aws:cloudformation:us-east-1:123456789012:stack/S/{id}")[
            "Resources"
        ]
        function = resources["ClientAddress"]["Properties"]
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", function["Name"])
        assert len(function["FunctionCode"]) <= 10_240
        assert len(resources["Distribution"]["Properties"]["DistributionConfig"]["Comment"]) <= 128
        names.add(function["Name"])
    assert len(names) == 2


@pytest.mark.slow
def test_cdn_template_passes_cfn_lint() -> None:
    assert lint([source_template("cdn.yaml")], ["us-east-1", "eu-south-1"]) == [[]]


def test_web_acl_is_optional() -> None:
    assert distribution()["WebACLId"] == CDN_PARAMETERS["WebAclArn"]
    assert "WebACLId" not in distribution(WebAclArn="")


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"CdnCertificateArn": ""}, "are set together"),
        ({"CdnDomainName": ""}, "are set together"),
        ({"CdnDomainName": "", "CdnCertificateArn": ""}, "WebAclArn needs both"),
        (
            {"CdnCertificateArn": "arn:aws:acm:eu-central-1:123456789012:certificate/1"},
            "must match",
        ),
        (
            {"WebAclArn": "arn:aws:wafv2:us-east-1:123456789012:regional/webacl/sluice/1"},
            "must match",
        ),
        (
            {"WebAclArn": "arn:aws:wafv2:eu-central-1:123456789012:global/webacl/sluice/1"},
            "must match",
        ),
        (
            {
                "DomainName": "a.example.com",
                "DomainCertificateArn": "arn:aws:acm:us-east-1:1:certificate/2",
            },
            "DomainName stays empty",
        ),
    ],
    ids=str,
)
def test_invalid_cdn_parameters_are_rejected(parameters: dict[str, str], error: str) -> None:
    with pytest.raises(TemplateError, match=re.escape(error)):
        render(
            source_template(),
            {**STAGES["default"], **CDN_PARAMETERS, **parameters},
        )
