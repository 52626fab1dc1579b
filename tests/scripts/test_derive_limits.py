"""The template of an application with many tables is within the quotas of AWS, or is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from local.intrinsics import load_template
from scripts.connection_budget import budget
from scripts.derive.template import TARGET, render
from scripts.derive.template_limits import require_within_limits
from sluice.application import Application, ApplicationFunction
from sluice.kinds.field import DeclarationError

POLICY_BYTES = 20_480
STATEMENT_BYTES = 300  # what Lambda adds to each permission


def paths(name: str) -> tuple[str, str]:
    return f"/api/{name}", f"/api/{name}/{{proxy+}}"


def template_of(folder: Path, tables: int, groups: int = 1) -> dict[str, Any]:
    """Return the template of an application with this number of tables in each of the groups."""
    functions = []
    for group in range(groups):
        more = {name: paths(name) for name in (f"table_{group}_{n}" for n in range(1, tables))}
        collection, row = paths(f"first_{group}")
        first = {"Collection": collection, "Item": row}
        functions.append(
            ApplicationFunction(f"functions/big/group_{group}", first, more_resources=more)
        )
    path = folder / "template.yaml"
    app = Application(format=1, name="big", functions=tuple(functions))
    path.write_text(render(TARGET.read_text(), app))
    return load_template(path)


def policy_bytes(template: dict[str, Any]) -> int:
    return sum(
        len(json.dumps(each["Properties"])) + STATEMENT_BYTES
        for each in template["Resources"].values()
        if each["Type"] == "AWS::Lambda::Permission"
    )


@pytest.mark.parametrize("tables", [2, 21, 40, 100, 1_000])
def test_policy_of_a_group_is_small_enough(tmp_path: Path, tables: int) -> None:
    template = template_of(tmp_path, tables)

    require_within_limits(template, "big")
    assert 0 < policy_bytes(template) < POLICY_BYTES * 3 / 4


def test_large_group_is_invoked_for_the_whole_api(tmp_path: Path) -> None:
    permission = template_of(tmp_path, 40)["Resources"]["Group0GroupPermission"]["Properties"]

    assert permission["SourceArn"]["Fn::Sub"][1] == {"Path": "api/*"}


def test_forty_tables_in_a_group_fit_into_the_default_stage(tmp_path: Path) -> None:
    assert budget(template_of(tmp_path, 40), {}).fits
    assert not budget(template_of(tmp_path, 1, groups=40), {}).fits


def test_too_many_routes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match=r"big: the API has \d+ routes, .* allows 300"):
        require_within_limits(template_of(tmp_path, 100, groups=3), "big")


def test_group_of_many_tables_is_reached_by_one_route(tmp_path: Path) -> None:
    template = template_of(tmp_path, 150)
    functions = template["Resources"]
    assert "/api/table_0_1" not in functions["Api"]["Properties"]["DefinitionBody"]["paths"]
    elsewhere = functions["Group0Function"]["Properties"]["Events"]["Elsewhere"]
    assert elsewhere["Properties"]["Path"] == "/api/{proxy+}"


def test_too_many_functions_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match=r"the stack has \d+ resources, .* allows 500"):
        require_within_limits(template_of(tmp_path, 1, groups=40), "big")
