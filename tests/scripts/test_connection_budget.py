"""The connection budget of each stage, and the messages if it does not fit."""

import re
import tomllib
from pathlib import Path

import pytest

from local.intrinsics import Evaluator
from scripts.connection_budget import (
    BudgetError,
    budget,
    deployments,
    main,
    replica_functions,
)
from scripts.derive.template import logical_id
from sluice import application
from tests.fixtures.template import source_template

ROOT = Path(__file__).parents[2]
TEMPLATE = source_template()
CONFIGURED = deployments(tomllib.loads((ROOT / "samconfig.toml").read_text()))


@pytest.mark.parametrize("name", CONFIGURED)
def test_every_stage_fits_its_server(name: str) -> None:
    result = budget(TEMPLATE, CONFIGURED[name])

    advice = (
        f"lower FunctionConcurrency of [{name}] in samconfig.toml, or its default in template.yaml"
    )
    assert result.fits, f"{result}: {advice}\n" + "\n".join(map(str, result.functions))


@pytest.mark.parametrize(
    ("min_capacity", "max_capacity", "max_connections"),
    [("0", "1", 189), ("0.5", "16", 2000), ("1", "16", 3360), ("2", "128", 5000)],
)
def test_aurora_limit_follows_its_capacity(
    min_capacity: str, max_capacity: str, max_connections: int
) -> None:
    parameters = {
        "DatabaseMode": "aurora",
        "AuroraMinCapacity": min_capacity,
        "AuroraMaxCapacity": max_capacity,
        "MaxConnections": "9999",
    }

    assert budget(TEMPLATE, parameters).max_connections == max_connections


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"FunctionConcurrency": "9"},
        {"PoolSize": "3", "PoolOverflow": "0"},
        *CONFIGURED.values(),
    ],
    ids=str,
)
def test_stack_output_has_the_same_sum(parameters: dict[str, str]) -> None:
    defaults = {
        name: declared.get("Default", "given") for name, declared in TEMPLATE["Parameters"].items()
    }
    evaluator = Evaluator(TEMPLATE, {**defaults, **parameters}, lambda name, attribute: name)
    formula_text, takes = (
        evaluator.value(TEMPLATE["Outputs"][name]["Value"])
        for name in ("ConnectionBudget", "MaxConnections")
    )
    result = budget(TEMPLATE, parameters)

    # the output ConnectionBudget is a formula with words in it
    formula = re.sub(r"[a-wyz][a-z]+", "", formula_text).replace("x", "*")
    assert eval(formula) == result.required, formula_text  # noqa: S307 - the template's own text
    assert int(takes) == result.max_connections


def test_function_budget_is_a_product() -> None:
    parameters = {"FunctionConcurrency": "7", "PoolSize": "2", "PoolOverflow": "3"}
    shares = {
        s.function: (s.environments, s.connections) for s in budget(TEMPLATE, parameters).functions
    }

    assert shares["GraphqlFunction"] == (7, 5)
    for function in application.current().functions:
        assert shares[logical_id(function)] == (7, 6 if function.analyst else 5)
    assert shares["MigrateFunction"] == (1, 1)
    assert shares["DocsFunction"][1] == 0
    assert shares.keys() == {
        name
        for name, resource in TEMPLATE["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }


def test_replica_budget_has_reading_functions() -> None:
    production = budget(TEMPLATE, CONFIGURED["production"])
    assert production.replica is not None
    # the functions with a pool, the analysts, and the health check
    analysts = sum(function.analyst for function in application.current().functions)
    pools = len(replica_functions()) - 1
    assert production.replica.required == pools * 60 * 2 + analysts * 60 + 2 * 2
    assert production.replica.fits
    assert production.replica.required < (production.required or 0)
    assert {share.function for share in production.replica.functions} == replica_functions()
    assert {"GraphqlFunction", "HealthFunction"} < replica_functions()
    assert not {"ImportsFunction", "CleanupFunction"} & replica_functions()
    assert budget(TEMPLATE, {}).replica is None
    assert budget(TEMPLATE, {"ReplicaHost": "replica.example.com"}).replica is not None


def test_exact_limit_fits() -> None:
    most = budget(TEMPLATE, {}).required
    assert most is not None
    server = -(-most * 100 // 80)  # the smallest of which 80 % are as many

    assert budget(TEMPLATE, {"MaxConnections": str(server)}).fits
    assert not budget(TEMPLATE, {"MaxConnections": str(server - 2)}).fits


def test_unlimited_budget_fits_new_accounts() -> None:
    uncapped = {"FunctionConcurrency": "0"}

    assert budget(TEMPLATE, uncapped).required is None
    assert budget(TEMPLATE, uncapped).fits  # ten environments at once, of all functions
    assert not budget(TEMPLATE, {**uncapped, "PoolSize": "8"}).fits


def test_provisioned_is_part_of_concurrency() -> None:
    assert budget(TEMPLATE, {"ProvisionedConcurrency": "4"}).fits
    assert budget(TEMPLATE, {"ProvisionedConcurrency": "9", "FunctionConcurrency": "0"}).fits
    with pytest.raises(BudgetError, match="part of FunctionConcurrency"):
        budget(TEMPLATE, {"ProvisionedConcurrency": "5"})


def test_budget_error_shows_the_arithmetic(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "samconfig.toml"
    config.write_text(
        "[greedy.deploy.parameters]\n"
        'parameter_overrides = "FunctionConcurrency=50 MaxConnections=200"'
    )

    assert main(["--config-file", str(config)]) == 1
    printed = capsys.readouterr().out
    assert printed.startswith("greedy: at most ")
    assert "WHICH DOES NOT FIT" in printed
    assert "Serve resources in fewer groups" in printed
    assert re.search(r"GraphqlFunction +50 x 2\n", printed)
    assert main(["--config-file", str(config), "MaxConnections=5000"]) == 0


def test_unknown_parameter_is_rejected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "samconfig.toml"
    config.write_text('[typo.deploy.parameters]\nparameter_overrides = ["FunctionConcurency=1"]')

    assert main(["--config-file", str(config)]) == 1
    assert capsys.readouterr().err == "template.yaml has no parameter FunctionConcurency\n"


def test_documented_values_fit() -> None:
    advised = re.findall(
        r"^\| ([\d,]+) \| .+ \| (\d+) \|$", (ROOT / "docs/deploy.md").read_text(), re.MULTILINE
    )

    assert len(advised) == 5
    for server, concurrency in advised:
        assert budget(
            TEMPLATE,
            {"MaxConnections": server.replace(",", ""), "FunctionConcurrency": concurrency},
        ).fits, server
