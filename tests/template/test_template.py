"""Rules for the template as it is written. test_render_template.py tests the rendered template."""

import importlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from scripts.derive.template import logical_id
from sluice import application
from sluice.settings import (
    IMPORTS_MAX_RECEIVE_COUNT,
    Settings,
    SettingsError,
    application_name,
    origin_key,
    trace_settings,
)
from tests.fixtures.template import ROOT, SourceTemplate

BY_PATH = {
    path: logical_id(function)
    for function in application.current().functions
    for path in function.all_paths
}
# Path in openapi.json → the function that template.yaml must route it to.
ROUTES = {
    path: BY_PATH.get(path, f"{next(iter(methods.values()))['tags'][0].title()}Function")
    for path, methods in json.loads((ROOT / "openapi.json").read_text())["paths"].items()
} | {"/docs/{file}": "DocsFunction"}


def allow(action: str | list[str], resource: object) -> dict[str, object]:
    return {"Statement": {"Effect": "Allow", "Action": action, "Resource": resource}}


INCOMING, REJECTS = (
    {"Fn::Sub": f"${{ImportsBucket.Arn}}/{folder}/*"} for folder in ("incoming", "rejects")
)
OF_FILES = {
    "ImportsFunction": [allow("s3:PutObject", INCOMING), allow("s3:GetObject", REJECTS)],
    "ImportWorkerFunction": [
        allow("s3:GetObject", INCOMING),
        allow("s3:PutObject", REJECTS),
        allow(
            ["sqs:SendMessage", "sqs:ChangeMessageVisibility"],
            {"Fn::GetAtt": ["ImportsQueue", "Arn"]},
        ),
    ],
    "CleanupFunction": [  # may receive dead letters, but not delete them
        allow("s3:PutObject", REJECTS),
        allow(
            ["sqs:ReceiveMessage", "sqs:ChangeMessageVisibility"],
            {"Fn::GetAtt": ["ImportsDeadLetters", "Arn"]},
        ),
    ],
}


class Watched(Mapping[str, str]):
    """Environment variables that record which names were read."""

    def __init__(self, values: dict[str, str]) -> None:
        self._values = values
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def test_routes_match_openapi(
    template: SourceTemplate,
) -> None:
    assert {route: name for route, (name, _) in template.routes().items()} == {
        **{f"ANY {path}": function for path, function in ROUTES.items()},
        # It authenticates and counts the client of an unknown path.
        "ANY /api/{proxy+}": logical_id(application.current().functions[0]),
        "$default": "DocsFunction",
    }, "Events in template.yaml, and openapi.json (make derive), are not of the same routes"


def test_only_service_routes_need_no_scope(template: SourceTemplate) -> None:
    """The gateway has no authorizer by default; each function of the API authenticates."""
    assert "Auth" not in template.resources["Api"]["Properties"]
    for path, name in ROUTES.items():
        module = importlib.import_module(
            template.functions[name]["CodeUri"].replace("/", ".") + ".handler"
        )
        declared = re.sub("{(.+?)}", "<\\1>", path)
        own = [operation for operation in module.handler.routes if operation.path == declared]
        if path == "/api/graphql":  # its fields have scopes (tests/shop/graph/test_scopes.py)
            assert own
        else:
            assert all(bool(operation.scope) == path.startswith("/api/") for operation in own), path


def test_migrations_are_private_and_serial(
    template: SourceTemplate,
) -> None:
    migrate = template.functions["MigrateFunction"]
    assert "Events" not in migrate
    assert 1 in migrate["ReservedConcurrentExecutions"]["Fn::If"]


def test_functions_have_only_needed_policies(
    template: SourceTemplate,
) -> None:
    login, as_analyst = {"Ref": "DatabaseAccess"}, {"Ref": "AnalystAccess"}
    keys = {
        "Effect": "Allow",
        "Action": "dynamodb:GetItem",
        "Resource": {"Fn::GetAtt": ["ApiKeysTable", "Arn"]},
    }
    counts = {
        "Effect": "Allow",
        "Action": ["dynamodb:GetItem", "dynamodb:UpdateItem"],
        "Resource": {"Fn::GetAtt": ["RateLimitTable", "Arn"]},
    }
    for name, properties in template.functions.items():
        if name == "DocsFunction":  # reads two files and no secret
            assert "Policies" not in properties
            continue
        if name == "MigrateFunction":  # the owner
            secret = template.environment(name)["SLUICE_DB_SECRET_ARN"]
            (policy,) = properties["Policies"]
            first, key = policy["Statement"]
            assert first == allow("secretsmanager:GetSecretValue", secret)["Statement"]
            assert key["Fn::If"][0] == "HasSecretsKey"
            continue
        asks = any(
            path.startswith("/api/") for path, function in ROUTES.items() if function == name
        )
        asks = (
            asks or name == "HealthFunction"
        )  # it handles unknown paths and reports the database's state
        analyst = "SLUICE_ANALYST_USER" in template.environment(name)
        assert properties["Policies"] == [
            login,
            *([{"Fn::If": ["HasAnalyst", as_analyst, {"Ref": "AWS::NoValue"}]}] if analyst else []),
            *([{"Statement": keys}, {"Statement": counts}] if asks else []),
            *OF_FILES.get(name, []),
        ], name


def test_worker_knows_max_receive_count(template: SourceTemplate) -> None:
    """After its last attempt it marks the job as failed."""
    tries = template.environment("ImportWorkerFunction")["SLUICE_IMPORTS_MAX_RECEIVE_COUNT"]
    queue = template.resources["ImportsQueue"]["Properties"]
    assert queue["RedrivePolicy"]["maxReceiveCount"] == tries == IMPORTS_MAX_RECEIVE_COUNT


def test_only_migrations_use_the_owner_role(template: SourceTemplate) -> None:
    owners = {
        name
        for name in template.functions
        if {"Ref": "DbOwnerSecretArn"} in template.environment(name).values()
        or {"Ref": "DbOwnerUser"} in template.environment(name).values()
    }
    assert owners == {"MigrateFunction"}


def test_only_analytics_uses_the_analyst_role(template: SourceTemplate) -> None:
    parameters = {
        name
        for name in template.functions
        if {"Ref": "AnalystSecretArn"} in template.environment(name).values()
    }
    functions = application.current().functions
    assert parameters == {logical_id(function) for function in functions if function.analyst}


def test_functions_have_all_required_settings(template: SourceTemplate) -> None:
    with pytest.raises(SettingsError) as nothing_set:
        Settings.from_env({})
    required = {
        problem.split()[0]
        for problem in nothing_set.value.problems
        if problem.endswith("is not set")
    }
    assert required
    for name in template.functions:
        if name != "DocsFunction":  # it reads no settings
            assert required <= template.environment(name).keys(), name


def test_functions_have_no_unknown_settings(template: SourceTemplate) -> None:
    watched = Watched({})
    with pytest.raises(SettingsError):
        Settings.from_env(watched)
    trace_settings(watched)
    origin_key(watched)
    application_name(watched)
    for name in template.functions:
        parameters = {
            variable for variable in template.environment(name) if variable.startswith("SLUICE_")
        }
        assert parameters <= watched.asked, name


def test_functions_have_folder_and_handler(template: SourceTemplate, root: Path) -> None:
    for name, properties in template.functions.items():
        module, _, attribute = properties["Handler"].rpartition(".")
        source = root / properties["CodeUri"] / f"{module}.py"
        assert source.is_file(), name
        text = source.read_text()
        assert (
            f"def {attribute}(" in text or f"\n{attribute} = " in text or f"\n{attribute}: " in text
        ), name


def test_shipped_versions_are_the_tested_ones(root: Path) -> None:
    tested = _pins(root / "requirements/run.txt")
    layer = _pins(root / "layers/shared/requirements.txt")
    migrations = _pins(root / "functions/migrate/requirements.txt")
    graphql = _pins(root / "functions/graphql/requirements.txt")
    tokens = _pins(root / "layers/tokens/requirements.txt")
    analytics = _pins(root / "functions/analytics/requirements.txt")
    decisive = {
        "sqlalchemy",
        "pg8000",
        "aws-lambda-powertools",
    }  # other packages are their dependencies; moto may require other versions
    assert {name: layer[name] for name in decisive} == {name: tested[name] for name in decisive}
    assert tokens == {name: tested[name] for name in ("cffi", "cryptography", "pycparser", "pyjwt")}
    assert graphql == {"graphql-core": tested["graphql-core"]}
    assert analytics == {"pgparse": tested["pgparse"]}
    shared = layer.keys() - {"aws-lambda-powertools", "jmespath"}
    own = {name: tested[name] for name in ("alembic", "mako", "markupsafe")}
    assert migrations == own | {name: layer[name] for name in shared}


def _pins(requirements: Path) -> dict[str, str]:
    pins = (
        line.split(" ")[0].split("==")
        for line in requirements.read_text().splitlines()
        if line[:1].isalpha()
    )
    return dict(pins)


def test_docs_function_has_no_secret_or_network(template: SourceTemplate) -> None:
    docs = template.functions["DocsFunction"]
    assert template.environment("DocsFunction") == {}
    assert docs["VpcConfig"] == {"Ref": "AWS::NoValue"}
