"""The deploy tutorial reads outputs of the stack that template.yaml has."""

import re

import jmespath

from tests.fixtures.template import ROOT, load_template

PAGE = (ROOT / "docs/tutorial/deploy.md").read_text()


def test_documented_outputs_exist() -> None:
    outputs = load_template(ROOT / "template.yaml")["Outputs"]

    named = re.findall(r"\$\(output (\w+)\)", PAGE)
    assert named
    assert set(named) <= set(outputs)


def test_documented_query_finds_an_output() -> None:
    """The AWS CLI evaluates --query with JMESPath."""
    query = re.search(r'--query "([^"]+\$1[^"]+)"', PAGE)
    outputs = [{"OutputKey": name, "OutputValue": f"of {name}"} for name in ("ApiUrl", "Other")]

    assert query
    found = jmespath.search(query[1].replace("$1", "ApiUrl"), {"Stacks": [{"Outputs": outputs}]})
    assert found == ["of ApiUrl"]
