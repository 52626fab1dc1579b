"""Read the functions, routes, schedules, tables, queues and buckets of template.yaml.

Conditions, parameters and intrinsic functions are evaluated as CloudFormation evaluates them.
Resources have local names.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
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

POLLERS = 5  # Lambda starts with five pollers for a queue
UNRESERVED_CONCURRENCY = 1000  # the default concurrency of an AWS account
DYNAMIC_SECRET = re.compile(r"\{\{resolve:secretsmanager:(arn:[^}]*?:secret:([^:}]+))[^}]*\}\}")
# the type of an event, and its property that has the schedule
SCHEDULES = {"Schedule": "Schedule", "ScheduleV2": "ScheduleExpression"}
RATE = re.compile(r"rate\(([1-9][0-9]*) +(minute|hour|day)(s?)\)")
SECONDS = {"minute": 60, "hour": 3600, "day": 86_400}
ANY_METHOD = "x-amazon-apigateway-any-method"
INTEGRATION = "x-amazon-apigateway-integration"
ALIAS = ".Alias"  # the name of a function's alias is that of the function with this suffix


@dataclass(frozen=True, slots=True)
class HttpApiRoute:
    """A route of the HTTP API. `key` is its route key: `ANY /api/products/{id}`, or `$default`."""

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
    """A schedule of a function.

    `arn` names an EventBridge rule, or a schedule of EventBridge Scheduler. `payload` is the
    Input in the template; None: the service sends its default event.
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
    """An event source mapping of `queue` to `function`, with at most `concurrency` invocations."""

    function: str
    queue: str
    concurrency: int


@dataclass(frozen=True, slots=True)
class LambdaFunction:
    """An AWS::Serverless::Function. Memory is in MB, the timeout in seconds.

    `layers` are folders for the Python path. `variables` are its environment variables.
    """

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
    # built by `sam build`: it can import only its layers and the packages of Lambda's image
    built: bool = False


@dataclass(frozen=True, slots=True)
class CorsConfiguration:
    """The CorsConfiguration of an HTTP API. Without it, the functions answer preflight requests."""

    origins: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()
    max_age: int | None = None
    credentials: bool = False


@dataclass(frozen=True, slots=True)
class SamTemplate:
    """The parts of a template that the local system runs.

    `tables`, `queues` and `buckets` have the properties of resources, by their local names.
    """

    functions: Mapping[str, LambdaFunction]
    routes: tuple[HttpApiRoute, ...]
    cors: CorsConfiguration | None
    schedules: tuple[Schedule, ...] = ()
    tables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    queues: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    buckets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    sources: tuple[EventSourceMapping, ...] = ()


def read_template(
    path: Path,
    *,
    parameters: Mapping[str, str],
    secret: Callable[[str], str],
    edit: Callable[[str], str] = str,
    built: bool = False,
) -> SamTemplate:
    """Read the template at `path` with `parameters`; undeclared parameters are ignored.

    `secret(logical_id)` returns the value of a secret that the template generates. `edit` may
    change the template's text. Raise TemplateError.
    """
    document = load_template(path, edit)
    evaluator = Evaluator(
        document, parameter_values(document, parameters), _resource(document, path.parent)
    )
    shared = evaluator.value(document.get("Globals", {}).get("Function", {}))
    functions: dict[str, LambdaFunction] = {}
    routes: list[HttpApiRoute] = []
    schedules: list[Schedule] = []
    sources: list[EventSourceMapping] = []
    for name, declared in _resources(document, evaluator, "AWS::Serverless::Function"):
        properties = declared.get("Properties", {})
        own = evaluator.value(properties)
        # AWS::NoValue also removes the inherited property
        inherited = {
            key: value for key, value in shared.items() if key not in properties or key in own
        }
        functions[name] = _function(name, inherited, own, path.parent, secret, built)
        for event_name, event in own.get("Events", {}).items():
            if event["Type"] == "HttpApi":
                routes.append(_route(name, event))
            elif event["Type"] in SCHEDULES and _is_enabled(event):
                schedules.append(_schedule(name, event_name, event))
            elif event["Type"] == "SQS" and _is_enabled(event):
                sources.append(_source(name, event))
    routes.extend(body_routes(document))
    return SamTemplate(
        functions,
        tuple(routes),
        _cors(document, evaluator),
        tuple(schedules),
        tables=_properties_by_name(document, evaluator, "AWS::DynamoDB::Table"),
        queues=_properties_by_name(document, evaluator, "AWS::SQS::Queue"),
        buckets=_properties_by_name(document, evaluator, "AWS::S3::Bucket"),
        sources=tuple(sources),
    )


def _resources(
    document: Mapping[str, Any], evaluator: Evaluator, kind: str
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the resources of a type whose condition is true."""
    for name, declared in document["Resources"].items():
        if declared.get("Type") == kind and _exists(declared, evaluator):
            yield name, declared


def _properties_by_name(
    document: Mapping[str, Any], evaluator: Evaluator, kind: str
) -> dict[str, Mapping[str, Any]]:
    return {
        _name(name, declared, evaluator): evaluator.value(declared.get("Properties", {}))
        for name, declared in _resources(document, evaluator, kind)
    }


def _name(logical_id: str, declared: Mapping[str, Any], evaluator: Evaluator) -> str:
    """Return the local name of a resource: its BucketName, or one derived from the logical id."""
    local_name = f"{STACK_NAME}-{logical_id.lower()}"
    return str(evaluator.value(declared.get("Properties", {}).get("BucketName", local_name)))


def _source(function: str, event: Mapping[str, Any]) -> EventSourceMapping:
    properties = event["Properties"]
    concurrency = properties.get("ScalingConfig", {}).get("MaximumConcurrency", POLLERS)
    return EventSourceMapping(function, properties["Queue"].rpartition(":")[2], int(concurrency))


def parameter_values(document: Mapping[str, Any], parameters: Mapping[str, str]) -> dict[str, Any]:
    """Return the value of each parameter: the one in `parameters`, or its default.

    Raise TemplateError if a parameter has neither, or if its value is not allowed.
    """
    values: dict[str, Any] = {}
    for name, declared in document.get("Parameters", {}).items():
        if name not in parameters and "Default" not in declared:
            raise TemplateError(
                f"the parameter {name} has no default, and no value is given for it"
            )
        value = str(parameters.get(name, declared.get("Default")))
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
    """Return a function that evaluates Ref and GetAtt of a resource to its local name."""

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
    logging = {**shared.get("LoggingConfig", {}), **own.get("LoggingConfig", {})}
    layers = tuple(Path(layer) for layer in merged.get("Layers", []))
    if built:
        layers = tuple(layer / "python" for layer in layers)
    return LambdaFunction(
        name=name,
        folder=root / merged["CodeUri"],
        handler=merged["Handler"],
        runtime=merged["Runtime"],
        timeout=float(merged.get("Timeout", 3)),
        memory=int(merged.get("MemorySize", 128)),
        concurrency=int(merged.get("ReservedConcurrentExecutions", UNRESERVED_CONCURRENCY)),
        variables={
            key: DYNAMIC_SECRET.sub(lambda match: secret(match[2]), _string(raw[key]))
            for key in raw
        },
        layers=layers,
        log_format=logging.get("LogFormat", "Text"),
        built=built,
    )


def _variables(properties: Mapping[str, Any]) -> Mapping[str, Any]:
    variables: Mapping[str, Any] = properties.get("Environment", {}).get("Variables", {})
    return variables


def _string(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _route(function: str, event: Mapping[str, Any]) -> HttpApiRoute:
    properties = event.get("Properties", {})
    path = properties.get("Path", "$default")
    if path == "$default":
        return HttpApiRoute("$default", function)
    return HttpApiRoute(f"{properties.get('Method', 'ANY').upper()} {path}", function)


def body_routes(document: Mapping[str, Any]) -> Iterator[HttpApiRoute]:
    """Yield the routes of DefinitionBody that have their integration there.

    The others are events of functions.
    """
    for declared in document["Resources"].values():
        if declared["Type"] == "AWS::Serverless::HttpApi":
            body = declared.get("Properties", {}).get("DefinitionBody", {})
            for path, item in body.get("paths", {}).items():
                integration = item.get(ANY_METHOD, {}).get(INTEGRATION)
                if integration:
                    _, names = integration["uri"]["Fn::Sub"]
                    function = names["Function"]["Ref"].removesuffix(ALIAS)
                    yield HttpApiRoute(f"ANY {path}", function)


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
    # EventBridge requires the singular for 1, and the plural for other numbers
    if rate is None or (rate[1] == "1") == bool(rate[3]):
        raise TemplateError(
            f"{function} has the schedule {expression!r}, and the local system runs only rates, "
            "such as rate(1 hour) or rate(5 minutes)"
        )
    payload = properties.get("Input")
    if payload is not None and not _is_json(payload):
        raise TemplateError(
            f"{function} has a schedule whose Input is {payload!r}; it must be JSON in a string"
        )
    if event["Type"] == "ScheduleV2":
        group = properties.get("GroupName", "default")
        schedule = properties.get("Name", function + name)
        arn = f"arn:aws:scheduler:{REGION}:{ACCOUNT_ID}:schedule/{group}/{schedule}"
    else:
        rule = properties.get("Name", f"{STACK_NAME}-{function}{name}")
        arn = f"arn:aws:events:{REGION}:{ACCOUNT_ID}:rule/{rule}"
    return Schedule(function, int(rate[1]) * SECONDS[rate[2]], arn, payload)


def _is_json(text: Any) -> bool:
    try:
        json.loads(text)
    except (TypeError, ValueError):
        return False
    return True


def _cors(document: Mapping[str, Any], evaluator: Evaluator) -> CorsConfiguration | None:
    for declared in document["Resources"].values():
        if declared.get("Type") != "AWS::Serverless::HttpApi":
            continue
        configured = evaluator.value(declared.get("Properties", {}).get("CorsConfiguration"))
        if configured is None or configured is NO_VALUE or configured is False:
            return None
        if configured is True:
            return CorsConfiguration(origins=("*",))
        return CorsConfiguration(
            origins=tuple(configured.get("AllowOrigins", ())),
            methods=tuple(configured.get("AllowMethods", ())),
            headers=tuple(configured.get("AllowHeaders", ())),
            exposed=tuple(configured.get("ExposeHeaders", ())),
            max_age=configured.get("MaxAge"),
            credentials=bool(configured.get("AllowCredentials", False)),
        )
    return None
