"""The effects of single parameters, and the combinations that the template rejects."""

import re
from typing import Any

import pytest

from local.intrinsics import TemplateError
from scripts.render_template import REQUIRED_PARAMETERS, render
from tests.fixtures.template import source_template
from tests.template.rendered import PROXY, STAGES, as_list, rendered, statements

REPLICA_PARAMETERS = {"ReplicaHost": "replica.internal:5433", "ReplicaResourceId": "db-REPLICA"}


@pytest.mark.parametrize(
    ("parameters", "host", "logins"),
    [
        (STAGES["default"], "", []),
        (STAGES["aurora"], "", ["cluster-ABCDEFGHIJKL"]),
        (PROXY, "DbProxyReadOnlyEndpoint", ["prx-0123456789abcdef0"]),
        (STAGES["production"], "DbClusterReadEndpoint.Address", ["cluster-ABCDEFGHIJKL"]),
        (
            {**STAGES["existing-vpc"], **REPLICA_PARAMETERS},
            "replica.internal:5433",
            ["db-ABCDEFGHIJKL", "db-REPLICA"],
        ),
    ],
    ids=["none", "aurora", "proxy", "no proxy", "existing"],
)
def test_replica_host_and_its_iam_login(
    parameters: dict[str, str], host: str, logins: list[str]
) -> None:
    template = render(source_template(), parameters)
    replica_host = template["Globals"]["Function"]["Environment"]["Variables"][
        "SLUICE_REPLICA_HOST"
    ]
    resources = template["Resources"]
    assert replica_host == host
    access = [
        to
        for s in statements(resources["DatabaseAccess"]["Properties"])
        for to in as_list(s["Resource"])
    ]
    assert [server for to in access for server in re.findall(r"dbuser:([^/]+)/", to)] == logins
    if host == "DbProxyReadOnlyEndpoint":
        reader = resources["DbProxyReadOnly"]["Properties"]
        assert reader["TargetRole"] == "READ_ONLY"
        assert (
            reader["VpcSecurityGroupIds"]
            == resources["DbProxy"]["Properties"]["VpcSecurityGroupIds"]
        )


AURORA_PARAMETERS = {
    "DatabaseMode": "aurora",
    "DbAuth": "iam",
    "DbCaFile": "/opt/certificates/rds.pem",
}


@pytest.mark.parametrize(
    ("parameters", "error"),
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
            "set ReplicaHost to your own replica",
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
        ({**AURORA_PARAMETERS, "UseReplica": "true"}, "Stage production"),
        (
            {
                **AURORA_PARAMETERS,
                "ReplicaHost": "replica.example.com",
                "ReplicaResourceId": "db-A",
            },
            "by UseReplica",
        ),
        ({**AURORA_PARAMETERS, "DbHost": "db.example.com"}, "stay empty"),
        (
            {**AURORA_PARAMETERS, "SubnetIds": "subnet-1", "SecurityGroupIds": "sg-1"},
            "creates the network",
        ),
        ({**AURORA_PARAMETERS, "DbCaFile": ""}, "DbCaFile"),
        ({**AURORA_PARAMETERS, "UseProxy": "true"}, "never pauses"),
        (
            {**AURORA_PARAMETERS, "UseProxy": "true", "AuroraMinCapacity": "1", "Rls": "true"},
            "Rls is not for RDS Proxy",
        ),
        (
            {**REQUIRED_PARAMETERS["default"], "DbPooler": "rds-proxy", "Rls": "true"},
            "Rls is not for RDS Proxy",
        ),
        ({**REQUIRED_PARAMETERS["default"], "TenantClaim": "org"}, "TenantClaim needs JwtIssuer"),
        ({**AURORA_PARAMETERS, "ZoneA": "us-east-1a"}, "are set together"),
        (
            {**AURORA_PARAMETERS, "ZoneA": "us-east-1a", "ZoneB": "us-east-1a"},
            "two different zones",
        ),
        (
            {**REQUIRED_PARAMETERS["default"], "ZoneA": "us-east-1a", "ZoneB": "us-east-1b"},
            "those of SubnetIds",
        ),
        ({**AURORA_PARAMETERS, "AuroraEngineVersion": "17"}, "must match"),
        ({**REQUIRED_PARAMETERS["default"], "DomainName": "api.example.com"}, "are set together"),
        (
            {**AURORA_PARAMETERS, "JwtIssuer": "https://issuer.example/", "JwtAudience": "shop"},
            "no route to JwtIssuer's keys",
        ),
    ],
    ids=str,
)
def test_invalid_parameters_are_rejected(parameters: dict[str, str], error: str) -> None:
    with pytest.raises(TemplateError, match=re.escape(error)):
        render(source_template(), parameters)


@pytest.mark.parametrize("by_gateway", [True, False])
def test_claims_are_trusted_only_behind_authorizer(by_gateway: bool) -> None:
    """With the authorizer, the gateway fetches the issuer's keys, and functions need no tokens
    layer.
    """
    stage = "aurora" if by_gateway else "default"
    parameters = {"JwtIssuer": "https://issuer.example/", "JwtAudience": "sluice"}
    parameters |= {"GatewayJwtAuthorizer": "true"} if by_gateway else {}
    template = render(source_template(), {**STAGES[stage], **parameters})
    variables = template["Globals"]["Function"]["Environment"]["Variables"]
    assert variables["SLUICE_JWT_VERIFIED_BY"] == ("gateway" if by_gateway else "function")
    assert ("TokensLayer" in template["Resources"]) != by_gateway
    routes = template["Resources"]["Api"]["Properties"]["DefinitionBody"]["paths"]
    guarded = {
        path
        for path, item in routes.items()
        if item["x-amazon-apigateway-any-method"].get("security")
    }
    assert guarded == (set(routes) if by_gateway else set())


@pytest.mark.parametrize(("given", "setting"), [("true", "on"), ("false", "off")])
def test_tenant_parameters_become_settings(given: str, setting: str) -> None:
    parameters = {"Rls": given, "TenantClaim": "app.org", "JwtIssuer": "https://issuer.example/"}
    template = render(
        source_template(), {**STAGES["default"], **parameters, "JwtAudience": "sluice"}
    )
    variables = template["Globals"]["Function"]["Environment"]["Variables"]
    assert variables["SLUICE_RLS"] == setting
    assert variables["SLUICE_TENANT_CLAIM"] == "app.org"


def test_domain_disables_the_default_endpoint() -> None:
    certificate = "arn:aws:acm:us-east-1:123456789012:certificate/1"
    parameters = {
        **STAGES["default"],
        "DomainName": "api.example.com",
        "DomainCertificateArn": certificate,
    }
    template = render(source_template(), parameters)
    assert template["Resources"]["Api"]["Properties"]["DisableExecuteApiEndpoint"] is True
    assert template["Outputs"]["ApiUrl"]["Value"] == "https://api.example.com"
    assert "ApiDomainMapping" in template["Resources"]
    assert (
        rendered("default")["Resources"]["Api"]["Properties"]["DisableExecuteApiEndpoint"] is False
    )
    assert "ApiDomain" not in rendered("default")["Resources"]


@pytest.mark.parametrize(
    ("parameters", "version", "family"),
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
def test_restored_cluster_keeps_snapshot_version(
    parameters: Any, version: str | None, family: str
) -> None:
    """RDS rejects a version older than the snapshot's, and upgrades minor versions itself."""
    resources = render(source_template(), {**STAGES["aurora"], **parameters})["Resources"]
    assert resources["DbCluster"]["Properties"].get("EngineVersion") == version
    for name in ("DbClusterParameters", "DbInstanceParameters"):
        assert resources[name]["Properties"]["Family"] == family
