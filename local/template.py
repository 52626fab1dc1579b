"""Which functions does template.yaml declare, with what environment, and which routes and schedules lead to them?

A small reading of what `sam deploy` would make of the template: conditions, parameters and intrinsic functions
are evaluated as CloudFormation evaluates them. Names of resources are this machine's.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.intrinsics import (
    ACCOUNT_ID,
    NO_VALUE,
    REGION,
    STACK_NAME,
    Evaluator,
    TemplateError,
    load_template,
)

POLLERS = 5  # of a queue, with which Lambda begins
UNRESERVED_CONCURRENCY = 1000  # what an account has unless it asks for more
DYNAMIC_SECRET = re.compile(r"\{\{resolve:secretsmanager:(arn:[^}]*?:secret:([^:}]+))[^}]*\}\}")
SCHEDULES = {
    "Schedule": "Schedule",
    "ScheduleV2": "ScheduleExpression",
}  # the event, and its property that says when
RATE = re.compile(r"rate\(([1-9][0-9]*) +(minute|hour|day)(s?)\)")
SECONDS = {"minute": 60, "hour": 3600, "day": 86_400}


@dataclass(frozen=True, slots=True)
class Route:
    """`key` is API Gateway's: `ANY /api/products/{id}`, or `$default`."""

    key: str
    function: str

    @property
    def method(self) -> str:
        return self.key.partition(" ")[0]

    @property
    def path(self) -> str:
        return self.key.partition(" ")[2]


@dataclass(frozen=True, slots=True)
class Schedule:
    """`arn` names what sends the event: an EventBridge rule, or a schedule of EventBridge Scheduler.

    `payload` is what the template gives as Input; None where the service sends its own account of the run.
    """

    function: str
    seconds: int  # between two runs
    arn: str
    payload: str | None = None

    @property
    def service(self) -> str:
        """`events` or `scheduler`."""
        return self.arn.split(":")[2]


@dataclass(frozen=True, slots=True)
class EventSourceMapping:
    """An event source mapping: `queue` delivers to `function`, to so many at once."""

    function: str
    queue: str
    concurrency: int


@dataclass(frozen=True, slots=True)
class LambdaFunction:
    """One AWS::Serverless::Function. Memory in MB, timeout in seconds; `layers` hold a Python path each."""

    name: str
    folder: Path
    handler: str
    runtime: str = "python3.13"
    timeout: float = 3
    memory: int = 128
    concurrency: int = UNRESERVED_CONCURRENCY
    variables: Mapping[str, str] = field(default_factory=dict)
    layers: tuple[Path, ...] = ()
    log_format: str = "Text"  # or JSON
    built: bool = False  # by `sam build`: then it gets what is in its layers, and nothing of our own environment


@dataclass(frozen=True, slots=True)
class Cors:
    """What the gateway itself answers to a preflight; absent where the functions do."""

    origins: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()
    max_age: int | None = None
    credentials: bool = False


@dataclass(frozen=True, slots=True)
class Template:
    functions: Mapping[str, LambdaFunction]
    routes: tuple[Route, ...]
    cors: Cors | None
    schedules: tuple[Schedule, ...] = ()
    tables: Mapping[str, Mapping[str, Any]] = field(
        default_factory=dict
    )  # of DynamoDB, by their names here
    queues: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # likewise
    buckets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    sources: tuple[EventSourceMapping, ...] = ()


def read_template(
    path: Path, *, parameters: Mapping[str, str], secret: Callable[[str], str], built: bool = False
) -> Template:
    """The template at `path` under `parameters` (those it does not declare are left aside).

    `secret(logical_id)` gives the value of a secret the template generates. Raises `TemplateError`.
    """
    document = load_template(path)
    evaluator = Evaluator(
        document, parameter_values(document, parameters), _resource(document, path.parent)
    )
    shared = evaluator.value(document.get("Globals", {}).get("Function", {}))
    functions, routes, schedules, sources = {}, [], [], []
    for name, declared in document["Resources"].items():
        if declared.get("Type") != "AWS::Serverless::Function" or not _exists(declared, evaluator):
            continue
        given = declared.get("Properties", {})
        own = evaluator.value(given)
        inherited = {key: value for key, value in shared.items() if key not in given or key in own}
        functions[name] = _function(name, inherited, own, path.parent, secret, built)
        for event_name, event in own.get("Events", {}).items():
            if event["Type"] == "HttpApi":
                routes.append(_route(name, event))
            elif event["Type"] in SCHEDULES and _is_enabled(event):
                schedules.append(_schedule(name, event_name, event))
            elif event["Type"] == "SQS" and _is_enabled(event):
                sources.append(_source(name, event))

    def declared_as(kind: str) -> dict[str, Mapping[str, Any]]:
        return {
            _name(name, declared, evaluator): evaluator.value(declared.get("Properties", {}))
            for name, declared in document["Resources"].items()
            if declared["Type"] == kind and _exists(declared, evaluator)
        }

    return Template(
        functions,
        tuple(routes),
        _cors(document, evaluator),
        tuple(schedules),
        tables=declared_as("AWS::DynamoDB::Table"),
        queues=declared_as("AWS::SQS::Queue"),
        buckets=declared_as("AWS::S3::Bucket"),
        sources=tuple(sources),
    )


def _name(logical_id: str, declared: Mapping[str, Any], evaluator: Evaluator) -> str:
    """A bucket's is its own where it has one: it is in addresses that others make up."""
    return str(
        evaluator.value(
            declared.get("Properties", {}).get("BucketName", f"{STACK_NAME}-{logical_id.lower()}")
        )
    )


def _source(function: str, event: Mapping[str, Any]) -> EventSourceMapping:
    properties = event["Properties"]
    most = properties.get("ScalingConfig", {}).get("MaximumConcurrency", POLLERS)
    return EventSourceMapping(function, properties["Queue"].rpartition(":")[2], int(most))


def parameter_values(document: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """What each parameter is, by `given` or its default; TemplateError where there is neither, or it is not allowed."""
    values: dict[str, Any] = {}
    for name, declared in document.get("Parameters", {}).items():
        if name not in given and "Default" not in declared:
            raise TemplateError(
                f"the parameter {name} has no default, and the local system has no value for it"
            )
        value = str(given.get(name, declared.get("Default")))
        allowed = [str(item) for item in declared.get("AllowedValues", [])]
        if allowed and value not in allowed:
            raise TemplateError(
                f"the parameter {name} is {value!r}; it may be {', '.join(allowed)}"
            )
        if not re.fullmatch(declared.get("AllowedPattern", ".*"), value, re.DOTALL):
            raise TemplateError(
                f"the parameter {name} is {value!r}; it must match {declared['AllowedPattern']}"
            )
        is_list = declared["Type"] == "CommaDelimitedList" or declared["Type"].startswith("List<")
        values[name] = value.split(",") if is_list else value
    return values


def _resource(document: Mapping[str, Any], root: Path) -> Callable[[str, str], Any]:
    """What Ref and GetAtt give for a resource: its name on this machine."""

    def physical(logical_id: str, attribute: str) -> Any:
        declared = document["Resources"][logical_id]
        kind, name = declared["Type"], f"{STACK_NAME}-{logical_id.lower()}"
        if kind == "AWS::Serverless::LayerVersion":
            return str(root / declared["Properties"]["ContentUri"])
        if kind == "AWS::SecretsManager::Secret":
            return f"arn:aws:secretsmanager:{REGION}:{ACCOUNT_ID}:secret:{logical_id}"
        if kind == "AWS::SQS::Queue" and attribute == "":
            return f"http://sqs.{REGION}.amazonaws.com/{ACCOUNT_ID}/{name}"
        if attribute == "Arn":
            return f"arn:aws:{kind.split('::')[1].lower()}:{REGION}:{ACCOUNT_ID}:{name}"
        return f"{name}-{attribute.lower()}" if attribute else name

    return physical


def _exists(declared: Mapping[str, Any], evaluator: Evaluator) -> bool:
    return "Condition" not in declared or evaluator.condition(declared["Condition"])


def _function(
    name: str,
    shared: Mapping[str, Any],
    own: Mapping[str, Any],
    root: Path,
    secret: Callable[[str], str],
    built: bool,
) -> LambdaFunction:
    merged = {**shared, **own}
    for needed in ("CodeUri", "Handler", "Runtime"):
        if needed not in merged:
            raise TemplateError(f"{name} has no {needed}")
    raw = {**_variables(shared), **_variables(own)}
    layers = tuple(Path(layer) for layer in merged.get("Layers", []))
    return LambdaFunction(
        name=name,
        folder=root / merged["CodeUri"],
        handler=merged["Handler"],
        runtime=merged["Runtime"],
        timeout=float(merged.get("Timeout", 3)),
        memory=int(merged.get("MemorySize", 128)),
        concurrency=int(merged.get("ReservedConcurrentExecutions", UNRESERVED_CONCURRENCY)),
        variables={
            key: DYNAMIC_SECRET.sub(lambda found: secret(found[2]), _string(raw[key]))
            for key in raw
        },
        layers=tuple(layer / "python" for layer in layers) if built else layers,
        log_format={**shared.get("LoggingConfig", {}), **own.get("LoggingConfig", {})}.get(
            "LogFormat", "Text"
        ),
        built=built,
    )


def _variables(properties: Mapping[str, Any]) -> Mapping[str, Any]:
    variables: Mapping[str, Any] = properties.get("Environment", {}).get("Variables", {})
    return variables


def _string(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _route(function: str, event: Mapping[str, Any]) -> Route:
    properties = event.get("Properties", {})
    path = properties.get("Path", "$default")
    if path == "$default":
        return Route("$default", function)
    return Route(f"{properties.get('Method', 'ANY').upper()} {path}", function)


def _is_enabled(event: Mapping[str, Any]) -> bool:
    properties = event.get("Properties", {})
    return (
        _string(properties.get("Enabled", True)) != "false"
        and properties.get("State") != "DISABLED"
    )


def _schedule(function: str, name: str, event: Mapping[str, Any]) -> Schedule:
    properties = event.get("Properties", {})
    expression = str(properties.get(SCHEDULES[event["Type"]], ""))
    rate = RATE.fullmatch(expression)
    if rate is None or (rate[1] == "1") == bool(
        rate[3]
    ):  # EventBridge wants the unit to agree with the number
        told = "the local system runs only rates, such as rate(1 hour) or rate(5 minutes)"
        raise TemplateError(f"{function} has the schedule {expression!r}, and {told}")
    payload = properties.get("Input")
    if payload is not None and not _is_json(payload):
        raise TemplateError(
            f"{function} has a schedule whose Input is {payload!r}; it must be JSON in a string"
        )
    if event["Type"] == "ScheduleV2":
        path = f"schedule/{properties.get('GroupName', 'default')}/{properties.get('Name', function + name)}"
        arn = f"arn:aws:scheduler:{REGION}:{ACCOUNT_ID}:{path}"
    else:
        arn = f"arn:aws:events:{REGION}:{ACCOUNT_ID}:rule/{properties.get('Name', f'{STACK_NAME}-{function}{name}')}"
    return Schedule(function, int(rate[1]) * SECONDS[rate[2]], arn, payload)


def _is_json(text: Any) -> bool:
    try:
        json.loads(text)
    except (TypeError, ValueError):
        return False
    return True


def _cors(document: Mapping[str, Any], evaluator: Evaluator) -> Cors | None:
    for declared in document["Resources"].values():
        if declared.get("Type") != "AWS::Serverless::HttpApi":
            continue
        configured = evaluator.value(declared.get("Properties", {}).get("CorsConfiguration"))
        if configured is None or configured is NO_VALUE or configured is False:
            return None
        if configured is True:
            return Cors(origins=("*",))
        return Cors(
            origins=tuple(configured.get("AllowOrigins", ())),
            methods=tuple(configured.get("AllowMethods", ())),
            headers=tuple(configured.get("AllowHeaders", ())),
            exposed=tuple(configured.get("ExposeHeaders", ())),
            max_age=configured.get("MaxAge"),
            credentials=bool(configured.get("AllowCredentials", False)),
        )
    return None
