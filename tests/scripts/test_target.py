"""A deployment has the same target as SAM with the same samconfig.toml and arguments."""

from pathlib import Path

import pytest

from scripts.target import DeployError, check_certificate, read_target

CONFIG = """
version = 0.1
[shop.global.parameters]
stack_name = "from-global"
region = "eu-west-1"
[shop.deploy.parameters]
region = "eu-central-1"
profile = "admin"
confirm_changeset = true
parameter_overrides = [
  "DbAuth=iam", 'CorsOrigins="https://a https://b"', "DbCaFile=/opt/certificates/rds.pem",
]
[text.deploy.parameters]
stack_name = "text"
parameter_overrides = 'DbAuth=iam ParameterKey=Stage,ParameterValue=production DbName="my shop"'
[table.deploy.parameters]
stack_name = "table"
parameter_overrides = { DbAuth = "iam", DbPort = 5433 }
[nameless.deploy.parameters]
region = "eu-central-1"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "samconfig.toml"
    path.write_text(CONFIG)
    return path


def test_command_section_precedes_global(config: Path) -> None:
    target = read_target("shop", [], config)
    assert (target.stack, target.region, target.profile) == ("from-global", "eu-central-1", "admin")
    assert target.confirm_changeset


def test_other_application_names_its_stack(config: Path) -> None:
    with pytest.raises(DeployError, match="name the stack of crm"):
        read_target("shop", [], config, other_app="crm")
    named = read_target("shop", ["--stack-name", "crm"], config, other_app="crm")
    assert named.stack == "crm"


def test_arguments_precede_the_file(config: Path) -> None:
    arguments = [
        "--region=us-east-2",
        "--stack-name",
        "other",
        "--no-confirm-changeset",
        "--profile",
        "me",
        "--force",
    ]
    target = read_target("shop", arguments, config)
    assert (target.stack, target.region, target.profile) == ("other", "us-east-2", "me")
    assert target.confirm_changeset is False


def test_region_and_profile_are_optional(config: Path) -> None:
    target = read_target("text", [], config)
    assert (target.region, target.profile, target.confirm_changeset) == (None, None, False)


def test_config_file_argument_is_used(config: Path) -> None:
    assert read_target("text", ["--config-file", str(config)]).stack == "text"


@pytest.mark.parametrize(
    ("stage", "arguments", "parameters"),
    [
        (
            "shop",
            [],
            {
                "DbAuth": "iam",
                "CorsOrigins": "https://a https://b",
                "DbCaFile": "/opt/certificates/rds.pem",
            },
        ),
        ("text", [], {"DbAuth": "iam", "Stage": "production", "DbName": "my shop"}),
        ("table", [], {"DbAuth": "iam", "DbPort": "5433"}),
        (
            "shop",
            ["--parameter-overrides", "DbAuth=password", "DbName=shop"],
            {"DbAuth": "password", "DbName": "shop"},
        ),
        (
            "shop",
            ["--parameter-overrides", "DbAuth=password DbName=shop"],
            {"DbAuth": "password", "DbName": "shop"},
        ),
    ],
)
def test_parameters_are_read_in_every_form(
    config: Path, stage: str, arguments: list[str], parameters: dict[str, str]
) -> None:
    assert read_target(stage, arguments, config).parameters == parameters


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        ("nameless", "samconfig.toml has no stack_name for nameless"),
        ("staging", "no stage staging; it has shop, text, table, nameless"),
    ],
)
def test_unusable_stage_is_rejected(config: Path, stage: str, message: str) -> None:
    with pytest.raises(DeployError, match=message):
        read_target(stage, [], config)


def test_invalid_file_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "samconfig.toml").write_text("[")
    with pytest.raises(DeployError, match="cannot be read"):
        read_target("shop", [], tmp_path / "samconfig.toml")


def test_every_stage_has_a_stack() -> None:
    stacks = {
        stage: read_target(stage, []).stack
        for stage in ("default", "existing-vpc", "aurora", "production")
    }
    assert stacks["production"] == "sluice-production"


@pytest.mark.parametrize("path", ["", "/etc/pki/tls/certs/ca-bundle.crt"])
def test_system_certificate_needs_no_file(tmp_path: Path, path: str) -> None:
    check_certificate({"DbCaFile": path}, tmp_path)


@pytest.mark.parametrize("content", [None, "", "<html>not found</html>"])
def test_layer_certificate_must_be_valid(tmp_path: Path, content: str | None) -> None:
    (tmp_path / "certificates").mkdir()
    if content is not None:
        (tmp_path / "certificates/rds.pem").write_text(content)
    with pytest.raises(DeployError, match=r"layers/shared/certificates/rds\.pem"):
        check_certificate({"DbCaFile": "/opt/certificates/rds.pem"}, tmp_path)


def test_existing_certificate_is_accepted(tmp_path: Path) -> None:
    (tmp_path / "certificates").mkdir()
    (tmp_path / "certificates/rds.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    check_certificate({"DbCaFile": "/opt/certificates/rds.pem"}, tmp_path)
