"""Evaluate CloudFormation's intrinsic functions in a template, without an AWS account.

`load_template` reads the YAML with its short forms (`!Ref x` is `{"Ref": x}`). `Evaluator`
evaluates the intrinsic functions. In each section of a template it accepts only the functions that
CloudFormation allows there; any other function is an error.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from yaml.constructor import SafeConstructor

REGION = "us-east-1"
ACCOUNT_ID = "123456789012"
STACK_NAME = "sluice-local"
PSEUDO_PARAMETERS: Mapping[str, str] = {
    "AWS::AccountId": ACCOUNT_ID,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackName": STACK_NAME,
    "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT_ID}:stack/{STACK_NAME}/local",
    "AWS::URLSuffix": "amazonaws.com",
}
NO_VALUE = object()

# The functions that each section may use. CloudFormation rejects a template with any other one.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-rules.html
# (Rules also allow Fn::RefAll, Fn::ValueOf and Fn::ValueOfAll, but these need an account.)
IN_RULES = frozenset(
    f"Fn::{name}"
    for name in ("And", "Contains", "EachMemberEquals", "EachMemberIn", "Equals", "Not", "Or")
) | {"Ref"}
IN_CONDITIONS = frozenset(
    f"Fn::{name}"
    for name in ("And", "Equals", "FindInMap", "Join", "Not", "Or", "Select", "Split", "Sub")
) | {"Ref", "Condition"}
IN_RESOURCES = frozenset(  # also in Outputs, Globals and the values of Fn::If
    f"Fn::{name}"
    for name in ("FindInMap", "GetAZs", "GetAtt", "If", "Join", "Select", "Split", "Sub")
) | {"Ref"}


class TemplateError(Exception):
    """The template or a parameter is not valid. The message names the place."""


def _tagged(loader: SafeConstructor, suffix: str, node: yaml.Node) -> dict[str, Any]:
    """Return the intrinsic function that CloudFormation's tag is short for."""
    value: Any = None
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


def _make_loader() -> Any:
    """Return a loader of YAML with CloudFormation's tags.

    libyaml reads the template in a tenth of the time, and every package of PyYAML for Linux and
    macOS has it.
    """
    base = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
    loader: Any = type("_Loader", (base,), {})
    loader.add_multi_constructor("!", _tagged)
    return loader


_LOADER = _make_loader()


def load_template(path: Path, edit: Callable[[str], str] = str) -> dict[str, Any]:
    """Return the template with its intrinsic functions. `edit` may change its text before.

    Raise TemplateError if it is invalid.
    """
    try:
        text = edit(path.read_text())
        document = yaml.load(text, Loader=_LOADER)  # noqa: S506 - it is a SafeLoader
    except FileNotFoundError as error:
        raise TemplateError(f"{path} does not exist") from error
    except yaml.YAMLError as error:
        raise TemplateError(f"{path} is not readable: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("Resources"), dict):
        raise TemplateError(f"{path} has no Resources")
    return document


@dataclass(frozen=True)
class _Section:
    """A section of a template, with the functions that CloudFormation evaluates in it."""

    name: str
    functions: frozenset[str]


_RULES = _Section("Rules", IN_RULES)
_CONDITIONS = _Section("Conditions", IN_CONDITIONS)
_RESOURCES = _Section("Resources and Outputs", IN_RESOURCES)


class Evaluator:
    """Evaluates the values of one template.

    `resource(logical_id, attribute)` returns the value of a Ref (attribute "") or a GetAtt. Use
    `value` for Globals, Resources and Outputs, `condition` for a named condition, and `rule` for a
    part of Rules. All raise TemplateError.
    """

    def __init__(
        self,
        document: Mapping[str, Any],
        parameters: Mapping[str, Any],
        resource: Callable[[str, str], Any],
        pseudo_parameters: Mapping[str, str] = PSEUDO_PARAMETERS,
    ) -> None:
        self._pseudo_parameters = pseudo_parameters
        self._conditions = document.get("Conditions", {})
        self._mappings = document.get("Mappings", {})
        self._resources = document["Resources"]
        self._parameters = parameters
        self._resource = resource
        self._functions: dict[str, Callable[[Any, _Section], Any]] = {
            "Ref": self._ref,
            "Condition": lambda name, _: self.condition(name),
            "Fn::And": lambda parts, section: all(self._booleans("Fn::And", parts, section)),
            "Fn::Contains": self._contains,
            "Fn::EachMemberEquals": self._each_member_equals,
            "Fn::EachMemberIn": self._each_member_in,
            "Fn::Equals": self._equals,
            "Fn::FindInMap": self._find_in_map,
            "Fn::GetAZs": lambda _, section: [
                f"{pseudo_parameters['AWS::Region']}{zone}" for zone in "abc"
            ],
            "Fn::GetAtt": lambda path, section: self._attribute(path[0], path[1]),
            "Fn::If": self._if,
            "Fn::Join": self._join,
            "Fn::Not": lambda parts, section: not self._booleans("Fn::Not", parts, section)[0],
            "Fn::Or": lambda parts, section: any(self._booleans("Fn::Or", parts, section)),
            "Fn::Select": self._select,
            "Fn::Split": lambda parts, section: _text(self._evaluate(parts[1], section)).split(
                parts[0]
            ),
            "Fn::Sub": self._sub,
        }

    def value(self, node: Any) -> Any:
        """Evaluate all functions in `node`, a part of Globals, Resources or Outputs.

        Return NO_VALUE for AWS::NoValue.
        """
        return self._evaluate(node, _RESOURCES)

    def condition(self, name: str) -> bool:
        """Return whether a named condition is true. Raise TemplateError if it is not declared."""
        if name not in self._conditions:
            raise TemplateError(f"the condition {name} is not declared")
        return _boolean(
            self._evaluate(self._conditions[name], _CONDITIONS), f"the condition {name}"
        )

    def rule(self, node: Any) -> bool:
        """Evaluate a RuleCondition or an Assert of Rules."""
        return _boolean(self._evaluate(node, _RULES), "a rule")

    def _evaluate(self, node: Any, section: _Section) -> Any:
        if isinstance(node, list):
            return [
                value for item in node if (value := self._evaluate(item, section)) is not NO_VALUE
            ]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            name, argument = next(iter(node.items()))
            if name in section.functions:
                return self._functions[name](argument, section)
            if str(name).startswith("Fn::") or (section is not _RESOURCES and name == "Condition"):
                raise TemplateError(
                    f"CloudFormation does not evaluate {name} in {section.name}, "
                    "or needs an account for it"
                )
        values = {key: self._evaluate(item, section) for key, item in node.items()}
        return {key: value for key, value in values.items() if value is not NO_VALUE}

    def _booleans(self, name: str, parts: Any, section: _Section) -> list[bool]:
        minimum, maximum = (1, 1) if name == "Fn::Not" else (2, 10)
        if not isinstance(parts, list) or not minimum <= len(parts) <= maximum:
            raise TemplateError(f"{name} needs a list of {minimum} to {maximum} conditions")
        return [_boolean(self._evaluate(part, section), f"an operand of {name}") for part in parts]

    def _equals(self, pair: Any, section: _Section) -> bool:
        if not isinstance(pair, list) or len(pair) != 2:
            raise TemplateError("Fn::Equals needs a list of two values")
        left, right = (self._evaluate(part, section) for part in pair)
        if isinstance(left, list | dict) or isinstance(right, list | dict):
            raise TemplateError("Fn::Equals compares two strings, not lists or objects")
        return _text(left) == _text(right)

    def _contains(self, pair: Any, section: _Section) -> bool:
        members, value = self._members("Fn::Contains", pair, section)
        return _text(value) in members

    def _each_member_equals(self, pair: Any, section: _Section) -> bool:
        members, value = self._members("Fn::EachMemberEquals", pair, section)
        return all(member == _text(value) for member in members)

    def _each_member_in(self, pair: Any, section: _Section) -> bool:
        members, allowed = self._members("Fn::EachMemberIn", pair, section)
        return set(members) <= set(map(_text, allowed))

    def _members(self, name: str, pair: Any, section: _Section) -> tuple[list[str], Any]:
        """Return both arguments of a rule function. The first one is a list of strings."""
        if not isinstance(pair, list) or len(pair) != 2:
            raise TemplateError(f"{name} needs a list of two values")
        members, other = (self._evaluate(part, section) for part in pair)
        if not isinstance(members, list) or isinstance(other, list) != (name == "Fn::EachMemberIn"):
            raise TemplateError(f"the first argument of {name} must be a list of strings")
        return [_text(member) for member in members], other

    def _if(self, parts: Any, section: _Section) -> Any:
        if not isinstance(parts, list) or len(parts) != 3 or not isinstance(parts[0], str):
            raise TemplateError("Fn::If needs the name of a condition and two values")
        return self._evaluate(parts[1] if self.condition(parts[0]) else parts[2], section)

    def _join(self, parts: Any, section: _Section) -> str:
        return _text(parts[0]).join(map(_text, self._evaluate(parts[1], section)))

    def _select(self, parts: Any, section: _Section) -> Any:
        return self._evaluate(parts[1], section)[int(self._evaluate(parts[0], section))]

    def _ref(self, name: str, section: _Section) -> Any:
        if name == "AWS::NoValue" and section is _RESOURCES:
            return NO_VALUE
        if name in self._pseudo_parameters:
            return self._pseudo_parameters[name]
        if name in self._parameters:
            return self._parameters[name]
        if section is not _RESOURCES:
            raise TemplateError(
                f"{section.name} can refer to parameters only, and {name} is not a parameter"
            )
        logical_id, _, generated = name.partition(".")
        if generated in ("", "Alias", "Version", "Stage"):  # SAM generates these resources
            return self._attribute(logical_id, generated)
        raise TemplateError(f"{name} is neither a parameter nor a resource")

    def _attribute(self, logical_id: str, attribute: str) -> Any:
        if logical_id not in self._resources:
            raise TemplateError(f"{logical_id} is neither a parameter nor a resource")
        return self._resource(logical_id, attribute)

    def _find_in_map(self, path: list[Any], section: _Section) -> Any:
        name, first, second = (_text(self._evaluate(part, section)) for part in path)
        try:
            return self._mappings[name][first][second]
        except KeyError as error:
            raise TemplateError(f"Fn::FindInMap: {name}.{first}.{second} does not exist") from error

    def _sub(self, argument: Any, section: _Section) -> str:
        text, names = (argument, {}) if isinstance(argument, str) else argument
        own = {name: self._evaluate(value, section) for name, value in names.items()}

        def substitute(match: re.Match[str]) -> str:
            name = match[1]
            if name.startswith("!"):  # ${!Literal}
                return "${" + name[1:] + "}"
            if name in own:
                return _text(own[name])
            if "." in name:
                return _text(self._attribute(*name.split(".", 1)))
            return _text(self._ref(name, section))

        return re.sub(r"\$\{([^}]+)\}", substitute, text)


def _boolean(value: Any, label: str) -> bool:
    if not isinstance(value, bool):
        raise TemplateError(f"{label} is {value!r}, which is neither true nor false")
    return value


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
