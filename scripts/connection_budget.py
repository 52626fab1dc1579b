"""Check that the connections of a deployment fit into its PostgreSQL server.

    environments of each function x connections of each <= 80 % of max_connections

`make check` runs it for all stages of samconfig.toml. CloudFormation cannot add, so a template
cannot check a sum. The remaining 20 % are for operators, monitoring, the server's own reserve, and
for connections of execution environments that Lambda stopped without closing them.
"""

import argparse
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from local.intrinsics import NO_VALUE, Evaluator, load_template
from scripts.derive.template import document, logical_id
from scripts.samconfig import SamconfigError, options_of_deploy, overrides
from sluice import application

ROOT = Path(__file__).parents[1]
MAX_CONNECTIONS_PERCENT = 80  # of max_connections
REMEDY = (
    "Serve resources in fewer groups, lower FunctionConcurrency or PoolSize, or use a server with "
    "a larger max_connections."
)
ENGINE_REPLICA_FUNCTIONS = ("GraphqlFunction", "HealthFunction")  # may read from a replica
# The concurrent execution environments of all functions that AWS allows a new account.
MIN_ACCOUNT_CONCURRENCY = 10


class BudgetError(Exception):
    """The parameters cannot be read, or contradict each other. The message shows them."""


@dataclass(frozen=True)
class FunctionBudget:
    """The limits of a function: its environments (None: no limit), and the connections of each."""

    function: str
    environments: int | None
    connections: int

    def __str__(self) -> str:
        environments = "any number" if self.environments is None else self.environments
        return f"{self.function:22} {environments} x {self.connections}"


@dataclass(frozen=True)
class Budget:
    """The connections that the functions of a deployment may open, and the server's limit."""

    functions: tuple[FunctionBudget, ...]
    max_connections: int
    has_replica: bool = False

    @property
    def required(self) -> int | None:
        """The maximum number of connections of all functions; None without a limit."""
        if any(share.environments is None and share.connections for share in self.functions):
            return None
        return sum((share.environments or 0) * share.connections for share in self.functions)

    @property
    def replica(self) -> "Budget | None":
        """The budget of the replica. Its max_connections must be at least the primary's."""
        if not self.has_replica:
            return None
        readers = replica_functions()
        return Budget(
            tuple(share for share in self.functions if share.function in readers),
            self.max_connections,
        )

    @property
    def allowed(self) -> int:
        return self.max_connections * MAX_CONNECTIONS_PERCENT // 100

    @property
    def environments(self) -> int:
        """The number of environments that fit if no function has a limit."""
        return self.allowed // max(share.connections for share in self.functions)

    @property
    def fits(self) -> bool:
        if self.required is None:
            return self.environments >= MIN_ACCOUNT_CONCURRENCY
        return self.required <= self.allowed

    def __str__(self) -> str:
        allowed = (
            f"{self.allowed} ({MAX_CONNECTIONS_PERCENT} % of max_connections = "
            f"{self.max_connections})"
        )
        if self.required is None:
            return (
                "the number of environments is not limited; "
                f"{self.environments} concurrent environments of all functions fit into {allowed}"
            )
        text = f"at most {self.required} connections of {allowed}"
        if self.replica is not None:
            text += f"; at most {self.replica.required} of the replica's"
        return text


@cache
def replica_functions() -> frozenset[str]:
    """Return the functions that may read from a replica: one of their scopes allows it."""
    app = application.current()
    names = {
        logical_id(function)
        for function in app.functions
        if any(
            route.scope in app.all_replica_scopes
            for route in import_module(function.module).handler.routes
        )
    }
    return frozenset({*names, *ENGINE_REPLICA_FUNCTIONS})


def budget(template: Mapping[str, Any], parameters: Mapping[str, str]) -> Budget:
    """Compute the budget of `template` with these parameters.

    `Metadata.Connections` of a function replaces the number of connections that an environment
    opens: those of the pool, and one more for the analyst's role. Raise BudgetError.
    """
    unknown = parameters.keys() - template["Parameters"].keys()
    if unknown:
        raise BudgetError(f"template.yaml has no parameter {', '.join(sorted(unknown))}")
    values = {
        name: parameters.get(name, declared.get("Default", "given"))
        for name, declared in template["Parameters"].items()
    }
    if 0 < int(values["FunctionConcurrency"]) < int(values["ProvisionedConcurrency"]):
        raise BudgetError(
            "ProvisionedConcurrency is part of FunctionConcurrency, so it must not be more"
        )
    evaluator = Evaluator(template, values, lambda name, attribute: f"{name}.{attribute}")
    pool = int(values["PoolSize"]) + int(values["PoolOverflow"])
    functions = []
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            reserved = evaluator.value(
                resource["Properties"].get("ReservedConcurrentExecutions", {"Ref": "AWS::NoValue"})
            )
            variables = resource["Properties"].get("Environment", {}).get("Variables", {})
            analysts = 1 if "SLUICE_ANALYST_USER" in variables else 0  # in addition to the pool
            connections = int(resource.get("Metadata", {}).get("Connections", pool + analysts))
            environments = None if reserved is NO_VALUE else int(reserved)
            functions.append(FunctionBudget(name, environments, connections))
    variables = template["Globals"]["Function"]["Environment"]["Variables"]
    has_replica = bool(evaluator.value(variables["SLUICE_REPLICA_HOST"]))
    return Budget(
        tuple(functions),
        int(evaluator.value(template["Outputs"]["MaxConnections"]["Value"])),
        has_replica,
    )


def deployments(samconfig: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return the parameters of each stage in samconfig.toml that can be deployed.

    Raise SamconfigError.
    """
    return {
        name: overrides(options_of_deploy(commands).get("parameter_overrides", []))
        for name, commands in samconfig.items()
        if isinstance(commands, dict) and (name == "default" or "deploy" in commands)
    }


def main(arguments: list[str] | None = None) -> int:
    """Print the budget of each stage; return 1 if one does not fit."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n")[0])
    parser.add_argument("--template", type=Path, help="default: that of the application")
    parser.add_argument("--config-file", type=Path, default=ROOT / "samconfig.toml")
    parser.add_argument(
        "--verbose", action="store_true", help="print every function, also if the budget fits"
    )
    parser.add_argument(
        "parameters", nargs="*", metavar="NAME=VALUE", help="override values of samconfig.toml"
    )
    options = parser.parse_args(arguments)
    fits = True
    try:
        template = load_template(options.template) if options.template else document()
        more = overrides(options.parameters)
        stages = deployments(tomllib.loads(options.config_file.read_text()))
        for name, parameters in stages.items():
            result = budget(template, {**parameters, **more})
            fits &= result.fits
            print(f"{name}: {result}{'' if result.fits else ', WHICH DOES NOT FIT'}")
            if options.verbose or not result.fits:
                for function in result.functions:
                    print(f"  {function}")
    except (BudgetError, SamconfigError) as error:
        print(error, file=sys.stderr)
        return 1
    if not fits:
        print(REMEDY)
    return 0 if fits else 1


if __name__ == "__main__":
    sys.exit(main())
