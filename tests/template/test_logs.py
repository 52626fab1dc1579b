"""The functions' log configuration in the template that SAM translates."""

import pytest

from tests.fixtures.sam import translate


@pytest.mark.slow
def test_functions_log_json() -> None:
    (translated,) = translate({})
    functions = [
        r["Properties"]
        for r in translated["Resources"].values()
        if r["Type"] == "AWS::Lambda::Function"
    ]
    assert len(functions) > 10
    assert all(
        properties["LoggingConfig"].keys() == {"LogFormat", "LogGroup"} for properties in functions
    )
    assert {properties["LoggingConfig"]["LogFormat"] for properties in functions} == {"JSON"}
