"""/api/graphql: the GraphQL API, as the GraphQL-over-HTTP specification defines it.

Each field requires its own scope.
"""

from sluice import application, runtime
from sluice.graph.field_info import current_fields
from sluice.graph.handler import GRAPHQL_RESPONSE, handle_request
from sluice.graph.request import BODY, GraphQLQueryString, GraphQLRequest
from sluice.http.request import Request
from sluice.http.response import Response
from sluice.http.router import Api

handler = api = Api(
    runtime=runtime.current,
    authenticate_only=True,
    unmatched="This application has no GraphQL types",
)

if application.current().has_graphql:
    current_fields()  # builds the schema here, so that the first request does not wait for it

    @api.get("/api/graphql", query=GraphQLQueryString(), response=GRAPHQL_RESPONSE)
    def run_query(request: Request, graphql_request: GraphQLRequest) -> Response:
        """Run a GraphQL query."""
        return handle_request(runtime.current(), request, graphql_request, api.to_api_error)

    @api.post("/api/graphql", body=BODY, response=GRAPHQL_RESPONSE)
    def run_operation(request: Request, graphql_request: GraphQLRequest) -> Response:
        """Run a GraphQL query or mutations. If one mutation fails, none takes effect."""
        return handle_request(runtime.current(), request, graphql_request, api.to_api_error)
