"""What does a value in template.yaml come to, once CloudFormation has resolved its functions?

Reads the YAML with its short forms (`!Ref x` is `{"Ref": x}`) and evaluates the functions a template of ours
uses. One that is not known here is an error, never a guess.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

REGION, ACCOUNT, STACK = "us-east-1", "123456789012", "sluice-local"
PSEUDO_PARAMETERS: Mapping[str, str] = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackName": STACK,
    "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{STACK}/local",
    "AWS::URLSuffix": "amazonaws.com",
}
NO_VALUE = object()


class TemplateError(Exception):
    """The template, or a parameter given to it, cannot be used here; the message names the place."""


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's tags."""


def _tagged(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
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


_Loader.add_multi_constructor("!", _tagged)


def load(path: Path) -> dict[str, Any]:
    """The template with its functions still in it; fails where it is not readable YAML."""
    try:
        document = yaml.load(path.read_text(), Loader=_Loader)  # noqa: S506 - a subclass of SafeLoader
    except FileNotFoundError as error:
        raise TemplateError(f"{path} does not exist") from error
    except yaml.YAMLError as error:
        raise TemplateError(f"{path} is not readable: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("Resources"), dict):
        raise TemplateError(f"{path} has no Resources")
    return document


class Evaluator:
    """Evaluates values of one template. `resource(logical_id, attribute)` gives Ref (attribute "") and GetAtt."""

    def __init__(
        self,
        document: Mapping[str, Any],
        parameters: Mapping[str, Any],
        resource: Callable[[str, str], Any],
    ) -> None:
        self._conditions = document.get("Conditions", {})
        self._mappings = document.get("Mappings", {})
        self._resources = document["Resources"]
        self._parameters = parameters
        self._resource = resource
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Condition": self.condition,
            "Fn::And": lambda parts: all(self.value(part) for part in parts),
            "Fn::Equals": lambda pair: _text(self.value(pair[0])) == _text(self.value(pair[1])),
            "Fn::FindInMap": self._find_in_map,
            "Fn::GetAZs": lambda _: [f"{REGION}{zone}" for zone in "abc"],
            "Fn::GetAtt": lambda path: self._attribute(path[0], path[1]),
            "Fn::If": lambda parts: self.value(parts[1] if self.condition(parts[0]) else parts[2]),
            "Fn::Join": lambda parts: _text(self.value(parts[0])).join(map(_text, self.value(parts[1]))),
            "Fn::Not": lambda parts: not self.value(parts[0]),
            "Fn::Or": lambda parts: any(self.value(part) for part in parts),
            "Fn::Select": lambda parts: self.value(parts[1])[int(self.value(parts[0]))],
            "Fn::Split": lambda parts: _text(self.value(parts[1])).split(parts[0]),
            "Fn::Sub": self._sub,
        }

    def value(self, node: Any) -> Any:
        """`node` with every function in it evaluated; NO_VALUE where it is to be left out."""
        if isinstance(node, list):
            return [value for item in node if (value := self.value(item)) is not NO_VALUE]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            name, argument = next(iter(node.items()))
            if name in self._functions:
                return self._functions[name](argument)
            if str(name).startswith("Fn::"):
                raise TemplateError(f"{name} is not known to the local system")
        values = {key: self.value(item) for key, item in node.items()}
        return {key: value for key, value in values.items() if value is not NO_VALUE}

    def condition(self, name: str) -> bool:
        """Whether a named condition holds; fails for one that is not declared."""
        if name not in self._conditions:
            raise TemplateError(f"the condition {name} is not declared")
        return bool(self.value(self._conditions[name]))

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in PSEUDO_PARAMETERS:
            return PSEUDO_PARAMETERS[name]
        if name in self._parameters:
            return self._parameters[name]
        return self._attribute(name, "")

    def _attribute(self, logical_id: str, attribute: str) -> Any:
        if logical_id not in self._resources:
            raise TemplateError(f"{logical_id} is neither a parameter nor a resource")
        return self._resource(logical_id, attribute)

    def _find_in_map(self, path: list[Any]) -> Any:
        name, first, second = (_text(self.value(part)) for part in path)
        try:
            return self._mappings[name][first][second]
        except KeyError as error:
            raise TemplateError(f"Fn::FindInMap: there is no {name}.{first}.{second}") from error

    def _sub(self, argument: Any) -> str:
        text, names = (argument, {}) if isinstance(argument, str) else argument
        own = {name: self.value(value) for name, value in names.items()}

        def put(match: re.Match[str]) -> str:
            name = match[1]
            if name.startswith("!"):  # ${!Literal}
                return "${" + name[1:] + "}"
            if name in own:
                return _text(own[name])
            if "." in name:
                return _text(self._attribute(*name.split(".", 1)))
            return _text(self._ref(name))

        return re.sub(r"\$\{([^}]+)\}", put, text)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
