"""What CloudFormation refuses, or two stacks in one account cannot share, and cfn-lint does not report."""

from collections.abc import Iterator
from typing import Any

from tests.fixtures.template import Template

# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-rules.html
OF_RULES = {
    "And",
    "Contains",
    "EachMemberEquals",
    "EachMemberIn",
    "Equals",
    "Not",
    "Or",
    "RefAll",
    "ValueOf",
    "ValueOfAll",
}


def functions_in(node: Any) -> Iterator[tuple[str, Any]]:
    """Every intrinsic function under `node`, with its argument."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("Ref", "Condition") or str(key).startswith("Fn::"):
                yield key, value
            yield from functions_in(value)
    elif isinstance(node, list):
        for item in node:
            yield from functions_in(item)


def test_rules_use_no_function_that_aws_refuses(template: Template) -> None:
    for name, rule in template.body["Rules"].items():
        assert rule.keys() <= {"RuleCondition", "Assertions"}, name
        asked = [rule.get("RuleCondition"), *(assertion["Assert"] for assertion in rule["Assertions"])]
        for function, argument in functions_in(asked):
            if function == "Ref":
                assert argument in template.parameters or argument == "AWS::Region", (name, argument)
            else:
                assert function.removeprefix("Fn::") in OF_RULES, (name, function)
            if function in ("Fn::ValueOf", "Fn::ValueOfAll"):
                assert list(functions_in(argument)) == [], (name, function)
