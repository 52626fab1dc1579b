"""Write the parts of template.yaml that the application determines: functions, paths and alarms.

Such a part is between the lines `# <application: NAME>` and `# </application>`. `make derive` runs
this. A test fails if the template is not what this script writes.
"""

import re
from collections.abc import Callable
from pathlib import Path

from sluice import application
from sluice.application import Application, ApplicationFunction

TARGET = Path(__file__).parents[1] / "template.yaml"
REGION = re.compile(
    r"^(?P<start> *# <application: (?P<name>\w+)>\n)(?P<body>.*?)(?P<end> *# </application>\n)",
    re.MULTILINE | re.DOTALL,
)
PATH = """\
          <path>:
            x-amazon-apigateway-any-method:
              security: !If [GatewayVerifiesTokens, [Tokens: []], !Ref AWS::NoValue]
"""
FUNCTION = """\
  <name>Function:
    Type: AWS::Serverless::Function
<metadata>    Properties:
      CodeUri: <code>
      AutoPublishAliasAllProperties: true
      DeploymentPreference:
        Alarms: !If [UsesCanary, [!Ref <name>CanaryAlarm], [!Ref AWS::NoValue]]
      ProvisionedConcurrencyConfig: !If
        - KeepsWarm
        - ProvisionedConcurrentExecutions: !Ref ProvisionedConcurrency
        - !Ref AWS::NoValue
      ReservedConcurrentExecutions:
        !If [LimitsConcurrency, !Ref FunctionConcurrency, !Ref AWS::NoValue]
      LoggingConfig: { LogGroup: !Ref <name>Logs }
<environment>      Policies:
        - !Ref DatabaseAccess<analyst_access>
        - Statement: { Effect: Allow, Action: dynamodb:GetItem, Resource: !GetAtt ApiKeysTable.Arn }
        - Statement:
            Effect: Allow
            Action: [dynamodb:GetItem, dynamodb:UpdateItem]
            Resource: !GetAtt RateLimitTable.Arn
      Events:
<events>
  <name>Logs:
    Type: AWS::Logs::LogGroup
    Properties: { <<: *logs, LogGroupName: !Sub "/aws/lambda/${AWS::StackName}/<log_name>" }
"""
EVENT = """\
        <event>:
          Type: HttpApi
          Properties: { ApiId: !Ref Api, Method: ANY, Path: <path> }
"""
# Unknown paths under /api: the client is authenticated and counted before the 404.
FALLBACK = ("Elsewhere", "/api/{proxy+}")
ANALYST_METADATA = """\
    Metadata:
      BuildMethod: makefile # <code>/Makefile: adds pgparse, which only ad-hoc SQL needs
"""
ANALYST_ENVIRONMENT = """\
      Environment:
        Variables:
          SLUICE_ANALYST_USER: !Ref AnalystUser
          SLUICE_ANALYST_AUTH: !Ref AnalystAuth
          SLUICE_ANALYST_SECRET_ARN: !Ref AnalystSecretArn
          SLUICE_ANALYST_PASSWORD: !Ref AWS::NoValue # local only, as SLUICE_DB_PASSWORD
          SLUICE_ANALYST_MAX_COST: !Ref AnalystMaxCost
"""
ANALYST_ACCESS = "\n        - !If [HasAnalyst, !Ref AnalystAccess, !Ref AWS::NoValue]"
ALARM = """\
  <name><kind>Alarm:
    Type: AWS::CloudWatch::Alarm
<condition>    Properties:
      <<: *<anchor>
      Dimensions: [{ Name: FunctionName, Value: !Ref <name>Function }]
"""
CANARY = """\
  <name>CanaryAlarm:
    Type: AWS::CloudWatch::Alarm
    Condition: UsesCanary
    Properties:
      <<: *canary
      Metrics:
        - *failedShare
        - Id: broken # ended without a response
          ReturnData: false
          MetricStat:
            Metric:
              Namespace: AWS/Lambda
              MetricName: Errors
              Dimensions: &version<name>
                - { Name: FunctionName, Value: !Ref <name>Function }
                - { Name: Resource, Value: !Sub "${<name>Function}:live" }
                - { Name: ExecutedVersion, Value: !GetAtt <name>Function.Version.Version }
            Stat: Sum
            Period: 60
        - Id: faults # responses with status 500
          ReturnData: false
          MetricStat:
            Metric:
              Namespace: Sluice
              MetricName: internal_error
              Dimensions:
                - { Name: service, Value: !Ref AWS::StackName }
                - { Name: function_name, Value: !Ref <name>Function }
                - { Name: executed_version, Value: !GetAtt <name>Function.Version.Version }
            Stat: Sum
            Period: 60
        - Id: invocations
          ReturnData: false
          MetricStat:
            Metric:
              Namespace: AWS/Lambda
              MetricName: Invocations
              Dimensions: *version<name>
            Stat: Sum
            Period: 60
"""
BUDGET = """\
      - !Sub >-
        (<resources> x ${FunctionConcurrency} resources + 2 health + 2 imports + 1 cleanup)
        x (${PoolSize} + ${PoolOverflow})<analysts>
        + ${ImportConcurrency} import workers + 1 migration
"""


def main() -> None:
    TARGET.write_text(render(TARGET.read_text(), application.current()))
    print(TARGET.name)


def render(template: str, app: Application) -> str:
    """Return the template with the application's parts. Raise KeyError for an unknown part."""
    return REGION.sub(
        lambda region: region["start"] + PARTS[region["name"]](app) + region["end"], template
    )


def logical_id(function: ApplicationFunction) -> str:
    """Return the name of the function in the template, such as ProductsFunction."""
    return f"{_name(function)}Function"


def _name(function: ApplicationFunction) -> str:
    return "".join(word.title() for word in Path(function.code).name.split("_"))


def _fill(text: str, **values: str) -> str:
    """Return the text with each `<name>` replaced by its value."""
    for name, value in values.items():
        text = text.replace(f"<{name}>", value)
    return text


def _path(path: str) -> str:
    return f'"{path}"' if "{" in path else path


def _app_name(app: Application) -> str:
    return f"        SLUICE_APP: {app.name}\n"


def _paths(app: Application) -> str:
    paths = sorted(path for function in app.functions for path in function.paths.values())
    return "".join(_fill(PATH, path=_path(path)) for path in paths)


def _functions(app: Application) -> str:
    blocks = []
    for number, function in enumerate(app.functions):
        paths = [*function.paths.items(), *([FALLBACK] if number == 0 else [])]
        analyst = function.analyst
        block = _fill(
            FUNCTION,
            metadata=ANALYST_METADATA if analyst else "",
            environment=ANALYST_ENVIRONMENT if analyst else "",
            analyst_access=ANALYST_ACCESS if analyst else "",
            events="".join(_fill(EVENT, event=event, path=_path(path)) for event, path in paths),
            code=function.code,
            name=_name(function),
            log_name=Path(function.code).name.replace("_", "-"),
        )
        blocks.append(block)
    return "\n".join(blocks)


def _alarms(kind: str, condition: str = "") -> Callable[[Application], str]:
    """Return the function that writes an alarm for each function."""
    text = _fill(ALARM, kind=kind, anchor=kind.lower(), condition=condition)
    return lambda app: "".join(_fill(text, name=_name(function)) for function in app.functions)


def _canary_alarms(app: Application) -> str:
    return "\n".join(_fill(CANARY, name=_name(function)) for function in app.functions)


def _logs(app: Application) -> str:
    return "".join(f"        - !Ref {_name(function)}Logs\n" for function in app.functions)


def _budget(app: Application) -> str:
    analysts = sum(function.analyst for function in app.functions)
    times = f"{analysts} x " if analysts > 1 else ""
    return _fill(
        BUDGET,
        resources=str(len(app.functions) + 1),  # and GraphQL
        analysts=f" + {times}${{FunctionConcurrency}} analysts" if analysts else "",
    )


IN_PRODUCTION = "    Condition: IsProduction\n"
PARTS: dict[str, Callable[[Application], str]] = {
    "name": _app_name,
    "paths": _paths,
    "functions": _functions,
    "errors": _alarms("Errors"),
    "canary": _canary_alarms,
    "throttles": _alarms("Throttles", IN_PRODUCTION),
    "slow": _alarms("Slow", IN_PRODUCTION),
    "logs": _logs,
    "budget": _budget,
}


if __name__ == "__main__":
    main()
