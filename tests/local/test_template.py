"""Reading a template: intrinsic functions, functions, routes, schedules and CORS."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.intrinsics import Evaluator, TemplateError, load_template
from local.template import Schedule, read_template

ROOT = Path(__file__).parents[2]
RULE = "arn:aws:events:us-east-1:123456789012:rule/"
SCHEDULE = "arn:aws:scheduler:us-east-1:123456789012:schedule/"
ScheduleReader = Callable[[str], tuple[Schedule, ...]]
FUNCTION = """
Parameters:
  Stage: {Type: String, Default: dev, AllowedValues: [dev, local]}
  Size: {Type: Number, Default: 1}
  Name: {Type: String, AllowedPattern: "[a-z]+"}
Conditions:
  IsLocal: !Equals [!Ref Stage, local]
Globals:
  Function:
    Runtime: python3.13
    Handler: handler.handler
    Timeout: 9
    Environment: {Variables: {A: shared, SIZE: !Ref Size, FLAG: true}}
Resources:
  Key: {Type: "AWS::SecretsManager::Secret"}
  Layer: {Type: "AWS::Serverless::LayerVersion", Properties: {ContentUri: layers/shared}}
  EchoFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/echo
      Layers: [!Ref Layer]
      MemorySize: !If [IsLocal, 512, 256]
      ReservedConcurrentExecutions: !If [IsLocal, !Ref AWS::NoValue, 3]
      Environment:
        Variables:
          A: own
          KEY: !Sub "{{resolve:secretsmanager:${Key}}}"
          GONE: !Ref AWS::NoValue
      Events:
        Get: {Type: HttpApi, Properties: {Method: get, Path: "/echo/{id}"}}
        Rest: {Type: HttpApi}
        Timer: {Type: Schedule, Properties: {Schedule: rate(1 day)}}
        Queue: {Type: SQS, Properties: {Queue: "arn:aws:sqs:us-east-1:123456789012:jobs"}}
  AbsentFunction: {Type: "AWS::Serverless::Function", Condition: IsLocal}
"""


@pytest.fixture
def template(tmp_path: Path) -> Path:
    path = tmp_path / "template.yaml"
    path.write_text(FUNCTION)
    return path


@pytest.fixture
def schedules(tmp_path: Path) -> ScheduleReader:
    """`schedules(event)` returns the schedules of a function with the event Timer."""

    def schedules_of(event: str) -> tuple[Schedule, ...]:
        path = tmp_path / "template.yaml"
        path.write_text(
            "Parameters: {Often: {Type: Number, Default: 5}}\n"
            "Conditions: {IsOff: !Equals [!Ref Often, 5]}\n"
            "Resources:\n"
            "  EchoFunction:\n"
            "    Type: AWS::Serverless::Function\n"
            "    Properties:\n"
            "      {CodeUri: echo, Handler: handler.handler, Runtime: python3.13, Events: {Timer: "
            + event
            + "}}\n"
        )
        return read_template(path, parameters={}, secret=str).schedules

    return schedules_of


def evaluate(tmp_path: Path, value: str) -> Any:
    path = tmp_path / "template.yaml"
    path.write_text(
        "Mappings: {Sizes: {eu: {large: 9}}}\n"
        "Conditions: {Holds: !Equals [1, '1'], Fails: !Not [!Condition Holds]}\n"
        f"Resources: {{Table: {{Type: 'AWS::DynamoDB::Table'}}}}\nValue: {value}\n"
    )
    document = load_template(path)
    evaluator = Evaluator(
        document, {"P": "p", "List": ["a", "b"]}, lambda name, attribute: f"<{name}.{attribute}>"
    )
    return evaluator.value(document["Value"])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("!Ref P", "p"),
        ("!Ref AWS::Region", "us-east-1"),
        ("!Ref Table", "<Table.>"),
        ("!GetAtt Table.Arn", "<Table.Arn>"),
        ("!GetAtt [Table, Arn]", "<Table.Arn>"),
        ("{'Fn::GetAtt': [Table, Arn]}", "<Table.Arn>"),
        (
            "!Sub '${P}-${Table}-${Table.Arn}-${!P}-${AWS::Partition}'",
            "p-<Table.>-<Table.Arn>-${P}-aws",
        ),
        ("!Sub ['${X}${P}', {X: !Ref P}]", "pp"),
        ("!Join ['-', [a, !Ref P, 1]]", "a-p-1"),
        ("!Join [',', !Ref List]", "a,b"),
        ("!Select [1, !Ref List]", "b"),
        ("!Split ['.', 'a.b']", ["a", "b"]),
        ("!If [Holds, a, b]", "a"),
        ("!If [Fails, a, !Ref P]", "p"),
        ("!FindInMap [Sizes, eu, large]", 9),
        ("{a: !Ref AWS::NoValue, b: [!Ref AWS::NoValue, 1]}", {"b": [1]}),
    ],
)
def test_intrinsic_function_values(tmp_path: Path, value: str, expected: object) -> None:
    assert evaluate(tmp_path, value) == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("!ImportValue x", "does not evaluate Fn::ImportValue"),
        ("!Base64 x", "does not evaluate Fn::Base64"),
        ("!And [!Condition Holds, !Condition Fails]", "does not evaluate Fn::And in Resources"),
        ("!Contains [!Ref List, a]", "does not evaluate Fn::Contains in Resources"),
        ("!If [!Equals [1, 1], a, b]", "needs the name of a condition"),
        ("!Ref Nothing", "Nothing is neither a parameter nor a resource"),
        ("!If [Maybe, a, b]", "the condition Maybe is not declared"),
        ("!FindInMap [Sizes, us, large]", "Sizes.us.large does not exist"),
    ],
)
def test_unknown_name_is_an_error(tmp_path: Path, value: str, message: str) -> None:
    with pytest.raises(TemplateError, match=message):
        evaluate(tmp_path, value)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("!And [!Condition Holds, !Condition Fails]", False),
        ("!Or [!Condition Holds, !Condition Fails]", True),
        ("!Equals [!Join ['', !Ref List], ab]", True),
        ("!Equals [!FindInMap [Sizes, eu, large], 9]", True),
        ("!Equals [!Select [0, !Split ['.', '17.7']], '17']", True),
        ("!Equals [!Ref List, a]", "not lists or objects"),
        ("!Equals [!If [Holds, a, b], a]", "does not evaluate Fn::If in Conditions"),
        ("!Equals [!GetAtt Table.Arn, a]", "does not evaluate Fn::GetAtt in Conditions"),
        ("!Equals [!Ref Table, a]", "Conditions can refer to parameters only"),
        ("!And [!Condition Holds]", "a list of 2 to 10 conditions"),
        ("!Not [maybe]", "neither true nor false"),
        ("!Contains [!Ref List, a]", "does not evaluate Fn::Contains in Conditions"),
    ],
)
def test_conditions_allow_only_their_functions(
    tmp_path: Path, condition: str, expected: bool | str
) -> None:
    evaluator = evaluator_of(
        tmp_path,
        f"Conditions: {{Holds: !Equals [1, 1], Fails: !Equals [1, 2], Asked: {condition}}}\n",
    )
    if isinstance(expected, bool):
        assert evaluator.condition("Asked") is expected
    else:
        with pytest.raises(TemplateError, match=expected):
            evaluator.condition("Asked")


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("!Contains [!Ref List, b]", True),
        ("!Contains [!Ref List, c]", False),
        ("!EachMemberEquals [!Ref List, a]", False),
        ("!EachMemberEquals [!Ref None, '']", True),
        ("!EachMemberIn [!Ref List, [a, b, c]]", True),
        ("!EachMemberIn [[a, z], !Ref List]", False),
        ("!Not [!Equals [!Ref P, p]]", False),
        (
            "!And [!Equals [1, 1], !Or [!Equals [1, 2], !Equals [!Ref AWS::Region, us-east-1]]]",
            True,
        ),
        ("!Equals [!Join ['', !Ref List], ab]", "does not evaluate Fn::Join in Rules"),
        ("!Equals [!Sub 'a', a]", "does not evaluate Fn::Sub in Rules"),
        ("!Equals [!Select [0, !Ref List], a]", "does not evaluate Fn::Select in Rules"),
        ("!If [Holds, a, b]", "does not evaluate Fn::If in Rules"),
        ("!Condition Holds", "does not evaluate Condition in Rules"),
        ("!Equals [!Ref Table, a]", "Rules can refer to parameters only"),
        ("!Contains [!Ref P, p]", "must be a list of strings"),
    ],
)
def test_rules_allow_only_their_functions(tmp_path: Path, rule: str, expected: bool | str) -> None:
    evaluator = evaluator_of(tmp_path, f"Conditions: {{Holds: !Equals [1, 1]}}\nAsked: {rule}\n")
    node = load_template(tmp_path / "template.yaml")["Asked"]
    if isinstance(expected, bool):
        assert evaluator.rule(node) is expected
    else:
        with pytest.raises(TemplateError, match=expected):
            evaluator.rule(node)


def evaluator_of(folder: Path, sections: str) -> Evaluator:
    path = folder / "template.yaml"
    path.write_text(
        "Mappings: {Sizes: {eu: {large: 9}}}\n"
        "Resources: {Table: {Type: 'AWS::DynamoDB::Table'}}\n"
        f"{sections}"
    )
    given = {"P": "p", "List": ["a", "b"], "None": [""]}
    return Evaluator(load_template(path), given, lambda name, attribute: f"<{name}.{attribute}>")


def test_function_inherits_globals(template: Path) -> None:
    found = read_template(
        template,
        parameters={"Name": "x", "Size": "7", "Unknown": "?"},
        secret=lambda name: f"secret of {name}",
    )
    function = found.functions["EchoFunction"]
    assert (function.memory, function.timeout, function.concurrency) == (256, 9, 3)
    assert function.folder == template.parent / "functions/echo"
    assert function.layers == (template.parent / "layers/shared",)
    assert function.variables == {"A": "own", "SIZE": "7", "FLAG": "true", "KEY": "secret of Key"}
    assert [route.key for route in found.routes] == ["GET /echo/{id}", "$default"]
    assert "AbsentFunction" not in found.functions


def test_text_is_edited_before_it_is_read(template: Path) -> None:
    read = read_template(
        template,
        parameters={"Name": "x"},
        secret=str,
        edit=lambda text: text.replace("EchoFunction", "OtherFunction"),
    )

    assert "OtherFunction" in read.functions


def test_built_layer_is_its_python_folder(template: Path) -> None:
    function = read_template(template, parameters={"Name": "x"}, secret=str, built=True).functions[
        "EchoFunction"
    ]
    assert function.layers == (template.parent / "layers/shared/python",)
    assert function.built


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "the parameter Name has no default"),
        ({"Name": "x", "Stage": "prod"}, "the parameter Stage is 'prod'; it may be dev, local"),
        ({"Name": "X"}, "the parameter Name is 'X'; it must match"),
        ({"Name": "x", "Stage": "local"}, "AbsentFunction has no CodeUri"),
    ],
)
def test_undeployable_template_is_rejected(
    template: Path, parameters: dict[str, str], message: str
) -> None:
    with pytest.raises(TemplateError, match=message):
        read_template(template, parameters=parameters, secret=str)


def test_schedule_is_read_with_routes(template: Path) -> None:
    found = read_template(template, parameters={"Name": "x"}, secret=str)
    assert found.schedules == (
        Schedule("EchoFunction", 86_400, f"{RULE}sluice-local-EchoFunctionTimer"),
    )


@pytest.mark.parametrize(
    ("event", "seconds", "arn", "payload"),
    [
        (
            "{Type: Schedule, Properties: {Schedule: rate(1 minute), Name: tick}}",
            60,
            f"{RULE}tick",
            None,
        ),
        (
            "{Type: Schedule, Properties: {Schedule: rate(10 days), Enabled: true}}",
            864_000,
            f"{RULE}sluice-local-EchoFunctionTimer",
            None,
        ),
        (
            "{Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 hour)}}",
            3600,
            f"{SCHEDULE}default/EchoFunctionTimer",
            None,
        ),
        (
            "{Type: ScheduleV2, Properties: {ScheduleExpression: !Sub 'rate(${Often} minutes)',"
            " State: ENABLED, GroupName: own, Name: tick, Input: '{\"a\": 1}'}}",
            300,
            f"{SCHEDULE}own/tick",
            '{"a": 1}',
        ),
    ],
)
def test_schedule_has_period_name_and_input(
    schedules: ScheduleReader, event: str, seconds: int, arn: str, payload: str | None
) -> None:
    assert schedules(event) == (Schedule("EchoFunction", seconds, arn, payload),)


@pytest.mark.parametrize(
    "event",
    [
        "{Type: Schedule, Properties: {Schedule: rate(1 hour), Enabled: false}}",
        "{Type: Schedule, Properties: {Schedule: rate(1 hour), State: DISABLED}}",
        "{Type: ScheduleV2, Properties: {ScheduleExpression: 'cron(0 3 * * ? *)',"
        " State: !If [IsOff, DISABLED, x]}}",
        "!If [IsOff, !Ref AWS::NoValue, {Type: Schedule, Properties: {Schedule: rate(1 hour)}}]",
    ],
)
def test_disabled_schedule_is_ignored(schedules: ScheduleReader, event: str) -> None:
    assert schedules(event) == ()


@pytest.mark.parametrize(
    "expression",
    [
        "cron(0 3 * * ? *)",
        "at(2030-01-01T00:00:00)",
        "rate(1 hours)",
        "rate(2 hour)",
        "rate(0 minutes)",
        "rate(9)",
        "",
    ],
)
def test_unsupported_schedule_is_rejected(schedules: ScheduleReader, expression: str) -> None:
    message = re.escape(
        f"EchoFunction has the schedule {expression!r}, and the local system runs only rates"
    )
    with pytest.raises(TemplateError, match=message):
        schedules(f"{{Type: ScheduleV2, Properties: {{ScheduleExpression: '{expression}'}}}}")


@pytest.mark.parametrize("given", ["'{'", "{a: 1}"])
def test_input_must_be_json_text(schedules: ScheduleReader, given: str) -> None:
    with pytest.raises(TemplateError, match="EchoFunction has a schedule whose Input is"):
        schedules(f"{{Type: Schedule, Properties: {{Schedule: rate(1 hour), Input: {given}}}}}")


def test_cors_needs_configuration(template: Path) -> None:
    assert read_template(template, parameters={"Name": "x"}, secret=str).cors is None
    cors_configuration = "CorsConfiguration: {AllowOrigins: [a], MaxAge: 5}"
    api = f"  Api: {{Type: 'AWS::Serverless::HttpApi', Properties: {{{cors_configuration}}}}}\n"
    template.write_text(FUNCTION + api)
    cors = read_template(template, parameters={"Name": "x"}, secret=str).cors
    assert cors is not None
    assert (cors.origins, cors.max_age) == (("a",), 5)


@pytest.mark.parametrize("text", ["", "Resources: 1", "a: [", "a: !Ref [b"])
def test_invalid_template_is_rejected(tmp_path: Path, text: str) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(text)
    with pytest.raises(TemplateError, match=r"template\.yaml"):
        load_template(path)
