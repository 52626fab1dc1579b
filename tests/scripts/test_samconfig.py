"""samconfig.toml is read as SAM reads it."""

import pytest

from scripts.connection_budget import deployments
from scripts.samconfig import SamconfigError, overrides


@pytest.mark.parametrize(
    ("written", "parameters"),
    [
        (
            'DbHost="db.example" SubnetIds="a,b" Empty=""',
            {"DbHost": "db.example", "SubnetIds": "a,b", "Empty": ""},
        ),
        (["A=1", "B='2 3'"], {"A": "1", "B": "2 3"}),
        ({"A": 1}, {"A": "1"}),
        ("ParameterKey=A,ParameterValue=1 B=x=y", {"A": "1", "B": "x=y"}),
        ([], {}),
    ],
)
def test_overrides_have_all_forms_of_sam(written: object, parameters: dict[str, str]) -> None:
    assert overrides(written) == parameters


@pytest.mark.parametrize("written", ["A", "A=1 B", ["A"], "ParameterKey=A"])
def test_parameter_without_value_is_rejected(written: object) -> None:
    with pytest.raises(SamconfigError, match="form NAME=VALUE, not "):
        overrides(written)


def test_command_replaces_the_overrides_of_global() -> None:
    """SAM merges the options, and not the parameters in one of them."""
    parameters = deployments(
        {
            "version": 0.1,
            "default": {"build": {"parameters": {}}},
            "all": {
                "global": {"parameters": {"parameter_overrides": "A=1 B=1"}},
                "deploy": {"parameters": {"parameter_overrides": "B=2"}},
            },
            "shared": {
                "global": {"parameters": {"parameter_overrides": "A=1"}},
                "deploy": {"parameters": {}},
            },
            "local_only": {"validate": {"parameters": {}}},
        }
    )
    assert parameters == {"default": {}, "all": {"B": "2"}, "shared": {"A": "1"}}
