"""CloudFront and AWS WAF in front of the API, which are off by default: docs/decisions/0019."""

import json
import re
import shutil
import subprocess
import tomllib
from functools import cache
from typing import Any

import pytest

from local.intrinsics import TemplateError, load
from scripts.stages import decide, stages
from sluice.http.origin import ADDRESS_HEADER, KEY_HEADER
from tests.fixtures.template import BEHIND_CDN, ROOT, Template

CONFIGURED = stages(tomllib.loads((ROOT / "samconfig.toml").read_text()))
OF_CDN = {"Cdn", "CdnClientAddress", "OriginKey"}
KEY = "{{resolve:secretsmanager:OriginKey}}"


@cache
def with_cdn(stage: str = "default") -> dict[str, Any]:
    return decide(load(ROOT / "template.yaml"), {**CONFIGURED[stage], **BEHIND_CDN})


def distribution() -> dict[str, Any]:
    found: dict[str, Any] = with_cdn()["Resources"]["Cdn"]["Properties"]["DistributionConfig"]
    return found


@pytest.mark.parametrize("stage", CONFIGURED)
def test_cdn_adds_three_resources_and_only_if_wanted(stage: str) -> None:
    without = decide(load(ROOT / "template.yaml"), CONFIGURED[stage])
    assert with_cdn(stage)["Resources"].keys() - without["Resources"].keys() == OF_CDN
    assert without["Globals"]["Function"]["Environment"]["Variables"]["SLUICE_ORIGIN_KEY"] == ""
    assert "DomainTarget" not in without["Outputs"]


def test_functions_compare_the_key_that_cloudfront_sends(template: Template) -> None:
    (origin,) = distribution()["Origins"]
    assert origin["OriginCustomHeaders"] == [{"HeaderName": "X-Sluice-Origin-Key", "HeaderValue": KEY}]
    assert KEY_HEADER == "x-sluice-origin-key"
    assert with_cdn()["Globals"]["Function"]["Environment"]["Variables"]["SLUICE_ORIGIN_KEY"] == KEY
    open_to_all = {name for name in template.functions if "SLUICE_ORIGIN_KEY" not in template.environment(name)}
    assert open_to_all == {"DocsFunction"}  # public files, without any setting


def test_origin_is_the_gateways_own_address() -> None:
    (origin,) = distribution()["Origins"]
    assert origin["DomainName"] == "Api.execute-api.us-east-1.amazonaws.com"
    assert origin["CustomOriginConfig"]["OriginProtocolPolicy"] == "https-only"
    assert with_cdn()["Resources"]["Api"]["Properties"]["DisableExecuteApiEndpoint"] is False
    assert with_cdn()["Outputs"]["ApiUrl"]["Value"] == "https://api.example.com"
    assert with_cdn()["Outputs"]["DomainTarget"]["Value"] == "CdnDomainName"  # Cdn's attribute DomainName


def test_nothing_is_cached_and_every_method_and_header_passes() -> None:
    """https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html"""
    behaviour = distribution()["DefaultCacheBehavior"]
    assert behaviour["CachePolicyId"] == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"  # CachingDisabled
    assert behaviour["OriginRequestPolicyId"] == "b689b0a8-53d0-40ab-baf2-68738e2966ac"  # AllViewerExceptHostHeader
    assert set(behaviour["AllowedMethods"]) == {"GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"}
    assert behaviour["Compress"] is False
    assert behaviour["ViewerProtocolPolicy"] == "https-only"
    assert "CacheBehaviors" not in distribution()


def test_cloudfront_calls_the_function_for_each_request() -> None:
    (association,) = distribution()["DefaultCacheBehavior"]["FunctionAssociations"]
    assert association == {"EventType": "viewer-request", "FunctionARN": "CdnClientAddressFunctionARN"}


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node, which runs the function of CloudFront")
def test_function_replaces_the_address_that_a_client_claims() -> None:
    """The event is as AWS documents it: DeveloperGuide/functions-event-structure.html."""
    headers = {ADDRESS_HEADER: {"value": "10.0.0.1"}, "x-api-key": {"value": "k"}}
    request = {"method": "GET", "uri": "/api/orders", "querystring": {}, "headers": headers, "cookies": {}}
    event = {"version": "1.0", "viewer": {"ip": "2001:db8::7"}, "request": request}
    code = with_cdn()["Resources"]["CdnClientAddress"]["Properties"]["FunctionCode"]
    printed = subprocess.run(
        ["node", "-e", f"{code}\nconsole.log(JSON.stringify(handler({json.dumps(event)})))"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(printed.stdout) == {**request, "headers": {**headers, ADDRESS_HEADER: {"value": "2001:db8::7"}}}


def test_web_acl_is_optional() -> None:
    assert distribution()["WebACLId"] == BEHIND_CDN["WebAclArn"]
    given = {**CONFIGURED["default"], **BEHIND_CDN, "WebAclArn": ""}
    without = decide(load(ROOT / "template.yaml"), given)["Resources"]["Cdn"]["Properties"]["DistributionConfig"]
    assert "WebACLId" not in without


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        ({"CdnCertificateArn": ""}, "are set together"),
        ({"CdnDomainName": ""}, "are set together"),
        ({"CdnDomainName": "", "CdnCertificateArn": ""}, "WebAclArn needs both"),
        ({"CdnCertificateArn": "arn:aws:acm:eu-central-1:123456789012:certificate/1"}, "must match"),
        ({"WebAclArn": "arn:aws:wafv2:us-east-1:123456789012:regional/webacl/sluice/1"}, "must match"),
        ({"WebAclArn": "arn:aws:wafv2:eu-central-1:123456789012:global/webacl/sluice/1"}, "must match"),
        (
            {"DomainName": "a.example.com", "DomainCertificateArn": "arn:aws:acm:us-east-1:1:certificate/2"},
            "DomainName stays empty",
        ),
    ],
    ids=str,
)
def test_cdn_that_could_not_work_is_refused(given: dict[str, str], refused: str) -> None:
    with pytest.raises(TemplateError, match=re.escape(refused)):
        decide(load(ROOT / "template.yaml"), {**CONFIGURED["default"], **BEHIND_CDN, **given})
