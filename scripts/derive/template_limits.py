"""The quotas of AWS that an application with many tables could exceed.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
"""

from collections.abc import Iterator, Mapping
from typing import Any

from sluice.kinds.field import DeclarationError

MAX_ROUTES = 300  # of an HTTP API; AWS raises it on request
MAX_RESOURCES = 500  # of a stack
# SAM adds a role, a version, an alias and a deployment group to a function, and a permission to
# each of its events.
RESOURCES_OF_FUNCTION = 4


def require_within_limits(template: Mapping[str, Any], app: str) -> None:
    """Raise DeclarationError if a deployment of the template would exceed a quota."""
    wrong = list(_problems(template))
    if wrong:
        raise DeclarationError("\n".join(f"{app}: {problem}" for problem in wrong))


def _problems(template: Mapping[str, Any]) -> Iterator[str]:
    resources = template["Resources"]
    functions = [each for each in resources.values() if each["Type"] == "AWS::Serverless::Function"]
    events = [
        event
        for function in functions
        for event in function["Properties"].get("Events", {}).values()
        if event["Type"] == "HttpApi"
    ]
    routes = set(resources["Api"]["Properties"]["DefinitionBody"]["paths"])
    routes |= {event["Properties"].get("Path", "$default") for event in events}
    if len(routes) > MAX_ROUTES:
        yield (
            f"the API has {len(routes)} routes, and API Gateway allows {MAX_ROUTES}: remove "
            'declarations, or serve fewer of them (group="")'
        )
    made = len(resources) + RESOURCES_OF_FUNCTION * len(functions) + len(events)
    if made > MAX_RESOURCES:
        yield (
            f"the stack has {made} resources, and CloudFormation allows {MAX_RESOURCES}: put more "
            "declarations into one group"
        )
