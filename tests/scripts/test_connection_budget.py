"""The connection budget: what is counted, what is compared, and what is said where it does not fit."""

import re
import tomllib
from pathlib import Path

import pytest

from local.intrinsics import Evaluator, load_template
from scripts.connection_budget import READERS, BudgetError, budget, deployments, main, overrides

ROOT = Path(__file__).parents[2]
TEMPLATE = load_template(ROOT / "template.yaml")
CONFIGURED = deployments(tomllib.loads((ROOT / "samconfig.toml").read_text()))


@pytest.mark.parametrize("name", CONFIGURED)
def test_every_stage_of_samconfig_fits_into_its_server(name: str) -> None:
    found = budget(TEMPLATE, CONFIGURED[name])

    advice = (
        f"lower FunctionConcurrency of [{name}] in samconfig.toml, or its default in template.yaml"
    )
    assert found.fits, f"{found}: {advice}\n" + "\n".join(map(str, found.shares))


@pytest.mark.parametrize(
    ("least", "most", "takes"),
    [("0", "1", 189), ("0.5", "16", 2000), ("1", "16", 3360), ("2", "128", 5000)],
)
def test_what_an_aurora_takes_follows_from_its_capacity(least: str, most: str, takes: int) -> None:
    given = {
        "DatabaseMode": "aurora",
        "AuroraMinCapacity": least,
        "AuroraMaxCapacity": most,
        "MaxConnections": "9999",
    }

    assert budget(TEMPLATE, given).max_connections == takes


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"FunctionConcurrency": "9"},
        {"PoolSize": "3", "PoolOverflow": "0"},
        *CONFIGURED.values(),
    ],
    ids=str,
)
def test_the_stack_tells_the_same_sum(given: dict[str, str]) -> None:
    """The output ConnectionBudget is arithmetic with words in it."""
    defaults = {
        name: declared.get("Default", "given") for name, declared in TEMPLATE["Parameters"].items()
    }
    here = Evaluator(TEMPLATE, {**defaults, **given}, lambda name, attribute: name)
    told, takes = (
        here.value(TEMPLATE["Outputs"][name]["Value"])
        for name in ("ConnectionBudget", "MaxConnections")
    )
    found = budget(TEMPLATE, given)

    formula = re.sub(r"[a-wyz][a-z]+", "", told).replace("x", "*")
    assert eval(formula) == found.most, told  # noqa: S307 - the template's own text
    assert int(takes) == found.max_connections


def test_a_function_counts_its_environments_times_what_each_may_hold() -> None:
    given = {"FunctionConcurrency": "7", "PoolSize": "2", "PoolOverflow": "3"}
    shares = {s.function: (s.environments, s.connections) for s in budget(TEMPLATE, given).shares}

    assert shares["ProductsFunction"] == (7, 5)
    assert shares["AnalyticsFunction"] == (7, 6)  # one as the analyst
    assert shares["MigrateFunction"] == (1, 1)
    assert shares["DocsFunction"][1] == 0
    assert shares.keys() == {
        name
        for name, resource in TEMPLATE["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }


def test_a_reader_is_asked_by_the_functions_that_read_from_it_and_fits_where_its_primary_does() -> (
    None
):
    production = budget(TEMPLATE, CONFIGURED["production"])
    assert production.reader is not None
    assert production.reader.most == 5 * 60 * 2 + 60 + 2 * 2  # of a resource; analysts; health
    assert production.reader.fits
    assert production.reader.most < (production.most or 0)
    assert {share.function for share in production.reader.shares} == set(READERS)
    assert budget(TEMPLATE, {}).reader is None
    assert budget(TEMPLATE, {"ReaderHost": "replica.example.com"}).reader is not None


def test_the_last_connection_that_fits_fits() -> None:
    most = budget(TEMPLATE, {}).most
    assert most is not None
    server = -(-most * 100 // 80)  # the smallest of which 80 % are as many

    assert budget(TEMPLATE, {"MaxConnections": str(server)}).fits
    assert not budget(TEMPLATE, {"MaxConnections": str(server - 2)}).fits


def test_without_a_cap_the_smallest_account_must_fit() -> None:
    uncapped = {"FunctionConcurrency": "0"}

    assert budget(TEMPLATE, uncapped).most is None
    assert budget(TEMPLATE, uncapped).fits  # ten environments at once, of all functions
    assert not budget(TEMPLATE, {**uncapped, "PoolSize": "8"}).fits


def test_no_more_is_kept_warm_than_may_run() -> None:
    assert budget(TEMPLATE, {"ProvisionedConcurrency": "4"}).fits
    assert budget(TEMPLATE, {"ProvisionedConcurrency": "9", "FunctionConcurrency": "0"}).fits
    with pytest.raises(BudgetError, match="more than FunctionConcurrency"):
        budget(TEMPLATE, {"ProvisionedConcurrency": "5"})


def test_what_does_not_fit_fails_and_shows_the_arithmetic(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "samconfig.toml"
    config.write_text(
        '[greedy.deploy.parameters]\nparameter_overrides = "FunctionConcurrency=50 MaxConnections=200"'
    )

    assert main(["--config-file", str(config)]) == 1
    told = capsys.readouterr().out
    assert told.startswith("greedy: at most ")
    assert "WHICH DOES NOT FIT" in told
    assert re.search(r"ProductsFunction +50 x 2\n", told)
    assert main(["--config-file", str(config), "MaxConnections=5000"]) == 0


def test_a_parameter_that_is_none_is_no_silent_default(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "samconfig.toml"
    config.write_text('[typo.deploy.parameters]\nparameter_overrides = ["FunctionConcurency=1"]')

    assert main(["--config-file", str(config)]) == 1
    assert capsys.readouterr().err == "template.yaml has no parameter FunctionConcurency\n"


def test_overrides_are_read_as_sam_writes_them() -> None:
    assert overrides('DbHost="db.example" SubnetIds="a,b" Empty=""') == {
        "DbHost": "db.example", "SubnetIds": "a,b", "Empty": "",
    }  # fmt: skip
    assert overrides(["A=1", "B='2 3'"]) == {"A": "1", "B": "2 3"}
    assert overrides({"A": 1}) == {"A": "1"}
    with pytest.raises(BudgetError, match="ParameterKey=A"):
        overrides("ParameterKey=A,ParameterValue=1")


def test_what_the_documentation_advises_fits() -> None:
    advised = re.findall(
        r"^\| ([\d,]+) \| .+ \| (\d+) \|$", (ROOT / "docs/deploy.md").read_text(), re.MULTILINE
    )

    assert len(advised) == 5
    for server, concurrency in advised:
        assert budget(
            TEMPLATE,
            {"MaxConnections": server.replace(",", ""), "FunctionConcurrency": concurrency},
        ).fits, server


def test_a_stage_takes_what_all_its_commands_take() -> None:
    given = deployments(
        {
            "version": 0.1,
            "default": {"build": {"parameters": {}}},
            "all": {
                "global": {"parameters": {"parameter_overrides": "A=1 B=1"}},
                "deploy": {"parameters": {"parameter_overrides": "B=2"}},
            },
            "local_only": {"validate": {"parameters": {}}},
        }
    )
    assert given == {"default": {}, "all": {"A": "1", "B": "2"}}
