"""The texts and examples that an application adds to openapi.json. scripts/openapi.py reads them.

Routes, schemas, filters and errors are not here: the declarations of the handlers have them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class OpenApiTexts:
    """The texts of an application. Without any, openapi.json has these general ones.

    description: the description of the whole API.
    tags: resource → the description of its tag; by default that of its declaration. A module with
        routes by hand describes its own.
    filters: filter → description, of the filters that only this application has.
    update_examples: resource → the example of a PUT or PATCH, which matches the first row of the
        demo data. Without: the example of a POST.
    graphql_example: a GraphQL document that the application's schema allows. Empty: a query for the
        first rows of its first connection.
    graphiql_example: the document with which GraphiQL begins. Empty: graphql_example.
    row_example: field → value, for rows of a report.
    first_request: the path that `make run` shows as an example; empty: its first collection.
    """

    description: str = (
        "A REST API over PostgreSQL on AWS Lambda. Each GET route also serves HEAD, and each path "
        "serves OPTIONS (CORS)."
    )
    tags: Mapping[str, str] = field(default_factory=dict)
    filters: Mapping[str, str] = field(default_factory=dict)
    update_examples: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    graphql_example: str = ""
    graphiql_example: str = ""
    row_example: Mapping[str, Any] = field(default_factory=dict)
    first_request: str = ""
