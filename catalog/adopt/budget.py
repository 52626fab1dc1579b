"""The connections that the functions of an application would open, before it has a template."""

import tomllib
from functools import cache
from typing import NamedTuple

from local.intrinsics import load_template
from scripts.connection_budget import ROOT, Budget, FunctionBudget, budget, deployments
from scripts.derive.template import logical_id
from sluice.application import ENGINE_FUNCTIONS, ApplicationFunction

STAGE = "default"
# It has as many execution environments and connections as a function that serves resources.
LIKE_RESOURCES = "graphql"


class GroupBudget(NamedTuple):
    """A number of functions that serve resources, and the most connections of such a deployment.

    allowed: those that the server has for it. required: None without a limit.
    """

    functions: int
    required: int | None
    allowed: int

    @property
    def fits(self) -> bool:
        """Whether the server has enough connections."""
        return self.required is None or self.required <= self.allowed


def budget_of(functions: int) -> GroupBudget:
    """Return the budget of the engine's functions and this number of functions for resources."""
    of_all = _budget()
    shares = {share.function: share for share in of_all.functions}
    engine = [shares[_logical_id(name)] for name in ENGINE_FUNCTIONS]
    one = shares[_logical_id(LIKE_RESOURCES)]
    required = sum(map(_connections, engine)) + functions * _connections(one)
    is_limited = one.environments is not None
    return GroupBudget(functions, required if is_limited else None, of_all.allowed)


@cache
def _budget() -> Budget:
    """Return the budget of the default application with the parameters of the default stage."""
    stages = deployments(tomllib.loads((ROOT / "samconfig.toml").read_text()))
    return budget(load_template(ROOT / "template.yaml"), stages[STAGE])


def _connections(share: FunctionBudget) -> int:
    return (share.environments or 0) * share.connections


def _logical_id(name: str) -> str:
    return logical_id(ApplicationFunction(f"functions/{name}", {}))
