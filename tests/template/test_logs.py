"""What every function's log looks like, in what SAM makes of the template."""

import pytest

from tests.fixtures.sam import translate


@pytest.mark.slow
def test_every_function_that_sam_makes_logs_json() -> None:
    (made,) = translate({})
    functions = [
        r["Properties"] for r in made["Resources"].values() if r["Type"] == "AWS::Lambda::Function"
    ]
    assert len(functions) > 10
    assert all(
        properties["LoggingConfig"].keys() == {"LogFormat", "LogGroup"} for properties in functions
    )
    assert {properties["LoggingConfig"]["LogFormat"] for properties in functions} == {"JSON"}
