"""Do the connections that a deployment may open fit into its PostgreSQL? `make check` asks for all of samconfig.toml.

    environments of each function x the connections each may hold <= 80 % of max_connections

CloudFormation cannot add, so a template cannot refuse a sum. The fifth that is left is for what no parameter bounds:
operators, monitoring, the server's own reserve, and what environments held that Lambda took away without a word.
"""

import argparse
import shlex
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.intrinsics import NO_VALUE, Evaluator, load_template

ROOT = Path(__file__).parents[1]
MAX_CONNECTIONS_PERCENT = 80  # percent of max_connections
READERS = (  # the functions that may read from a replica
    "ProductsFunction",
    "CategoriesFunction",
    "InventoryFunction",
    "AnalyticsFunction",
    "GraphqlFunction",
    "HealthFunction",
)
SMALLEST_ACCOUNT = 10  # environments at once, of all functions: what AWS gives a new account


class BudgetError(Exception):
    """The numbers do not fit, or cannot be read; the message shows them."""


@dataclass(frozen=True)
class Share:
    """What one function may take: so many environments, None where nothing caps them, with so many connections each."""

    function: str
    environments: int | None
    connections: int

    def __str__(self) -> str:
        environments = "any number" if self.environments is None else self.environments
        return f"{self.function:22} {environments} x {self.connections}"


@dataclass(frozen=True)
class Budget:
    """Of one deployment."""

    shares: tuple[Share, ...]
    max_connections: int
    has_reader: bool = False

    @property
    def most(self) -> int | None:
        """Connections that all functions together may hold; None where nothing caps them."""
        if any(share.environments is None and share.connections for share in self.shares):
            return None
        return sum((share.environments or 0) * share.connections for share in self.shares)

    @property
    def reader(self) -> "Budget | None":
        """That of the replica. It takes no fewer than its primary: PostgreSQL would not let it serve."""
        if not self.has_reader:
            return None
        return Budget(
            tuple(share for share in self.shares if share.function in READERS), self.max_connections
        )

    @property
    def allowed(self) -> int:
        return self.max_connections * MAX_CONNECTIONS_PERCENT // 100

    @property
    def environments(self) -> int:
        """How many environments of whichever function fit, for an account whose own limit is the cap."""
        return self.allowed // max(share.connections for share in self.shares)

    @property
    def fits(self) -> bool:
        return (
            self.environments >= SMALLEST_ACCOUNT
            if self.most is None
            else self.most <= self.allowed
        )

    def __str__(self) -> str:
        of = f"{self.allowed}, {MAX_CONNECTIONS_PERCENT} % of max_connections = {self.max_connections}"
        if self.most is None:
            return f"nothing caps environments; {self.environments} at once, of all functions, would fit into {of}"
        beside = "" if self.reader is None else f"; of its reader at most {self.reader.most}"
        return f"at most {self.most} connections of {of}{beside}"


def budget(template: Mapping[str, Any], given: Mapping[str, str]) -> Budget:
    """The arithmetic of `template` with the parameters `given`. A function's `Metadata.Connections` is how many each of
    its environments may hold, where its pool does not say."""
    unknown = given.keys() - template["Parameters"].keys()
    if unknown:
        raise BudgetError(f"template.yaml has no parameter {', '.join(sorted(unknown))}")
    values = {
        name: given.get(name, declared.get("Default", "given"))
        for name, declared in template["Parameters"].items()
    }
    if 0 < int(values["FunctionConcurrency"]) < int(values["ProvisionedConcurrency"]):
        raise BudgetError(
            "ProvisionedConcurrency is more than FunctionConcurrency, of which it is a part"
        )
    here = Evaluator(template, values, lambda name, attribute: f"{name}.{attribute}")
    pool = int(values["PoolSize"]) + int(values["PoolOverflow"])
    shares = []
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            cap = here.value(
                resource["Properties"].get("ReservedConcurrentExecutions", {"Ref": "AWS::NoValue"})
            )
            variables = resource["Properties"].get("Environment", {}).get("Variables", {})
            analysts = 1 if "SLUICE_ANALYST_USER" in variables else 0  # beside the pool
            connections = int(resource.get("Metadata", {}).get("Connections", pool + analysts))
            shares.append(Share(name, None if cap is NO_VALUE else int(cap), connections))
    variables = template["Globals"]["Function"]["Environment"]["Variables"]
    has_reader = bool(here.value(variables["SLUICE_REPLICA_HOST"]))
    return Budget(
        tuple(shares), int(here.value(template["Outputs"]["MaxConnections"]["Value"])), has_reader
    )


def deployments(samconfig: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Each environment of samconfig.toml that can be deployed, with the parameters it gives."""
    found = {}
    for name, commands in samconfig.items():
        if isinstance(commands, dict) and (name == "default" or "deploy" in commands):
            settings = [
                commands.get(command, {}).get("parameters", {}) for command in ("global", "deploy")
            ]
            given = [overrides(values.get("parameter_overrides", [])) for values in settings]
            found[name] = {**given[0], **given[1]}
    return found


def overrides(written: str | list[str] | Mapping[str, Any]) -> dict[str, str]:
    """`parameter_overrides` as SAM takes it: `A=1 B="2 3"`, a list of such, or a table."""
    if isinstance(written, Mapping):
        return {name: str(value) for name, value in written.items()}
    pairs = [
        pair
        for part in ([written] if isinstance(written, str) else written)
        for pair in shlex.split(part)
    ]
    if any("=" not in pair or pair.startswith("ParameterKey=") for pair in pairs):
        raise BudgetError(f"parameter_overrides are read as NAME=VALUE here, not as {written!r}")
    return dict(pair.split("=", 1) for pair in pairs)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n")[0])
    parser.add_argument("--template", type=Path, default=ROOT / "template.yaml")
    parser.add_argument("--config-file", type=Path, default=ROOT / "samconfig.toml")
    parser.add_argument(
        "--verbose", action="store_true", help="every function's share, where all fits too"
    )
    parser.add_argument(
        "parameters", nargs="*", metavar="NAME=VALUE", help="over what samconfig.toml gives"
    )
    options = parser.parse_args(arguments)
    fits = True
    try:
        more = overrides(options.parameters)
        for name, given in deployments(tomllib.loads(options.config_file.read_text())).items():
            found = budget(load_template(options.template), {**given, **more})
            fits &= found.fits
            print(f"{name}: {found}{'' if found.fits else ', WHICH DOES NOT FIT'}")
            for share in found.shares if options.verbose or not found.fits else ():
                print(f"  {share}")
    except BudgetError as error:
        print(error, file=sys.stderr)
        return 1
    return 0 if fits else 1


if __name__ == "__main__":
    sys.exit(main())
