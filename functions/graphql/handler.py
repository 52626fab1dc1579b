"""/api/graphql: the shop as a graph, after GraphQL over HTTP. Which scopes a request needs, its fields decide."""

from aws_lambda_powertools.event_handler import Response

from sluice import runtime
from sluice.graph.handler import GRAPHQL, answer
from sluice.graph.request import BODY, Asked, QueryString
from sluice.http.request import Request
from sluice.http.router import Api

handler = api = Api(shop=runtime.current, scopes_within=True)


@api.get("/api/graphql", query=QueryString(), gives=GRAPHQL)
def run_query(request: Request, asked: Asked) -> Response[str]:
    """Run a query."""
    return answer(runtime.current(), request, asked, api.judge)


@api.post("/api/graphql", takes=BODY, gives=GRAPHQL)
def run_operation(request: Request, asked: Asked) -> Response[str]:
    """Run a query, or mutations: all of a request's, or none."""
    return answer(runtime.current(), request, asked, api.judge)
