"""GraphQL over HTTP: queries, connections, mutations, limits and errors."""

from tests.e2e.conftest import Products
from tests.e2e.deployment import Deployment

PAGE = """
query Page($category: ID!, $after: String) {
  products(first: 2, after: $after, filter: { categoryId: $category }) {
    totalCount
    nodes { id name price inventory category { slug } }
    pageInfo { hasNextPage endCursor }
  }
}
"""
CREATE = """
mutation Create($input: CreateProductInput!) {
  createProduct(input: $input) { id name version }
}
"""


def category_id(api: Deployment, category: str) -> str:
    (found,) = api("GET", f"/api/categories?slug={category}").json["data"]
    return str(found["id"])


def test_connection_visits_all_products(api: Deployment, products: Products, category: str) -> None:
    made = {str(products().json["id"]) for _ in range(3)}
    variables: dict[str, object] = {"category": category_id(api, category)}
    seen: list[str] = []
    while True:
        page = api.graphql(PAGE, variables)["products"]
        assert {node["category"]["slug"] for node in page["nodes"]} == {category}
        seen += [node["id"] for node in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        variables["after"] = page["pageInfo"]["endCursor"]
    assert len(seen) == len(set(seen)) == page["totalCount"]
    assert made <= set(seen)


def test_mutation_with_a_key_runs_once(api: Deployment, category: str) -> None:
    product = {
        "name": f"{api.run} graph",
        "price": "2.50",
        "categoryId": category_id(api, category),
        "inventory": 1,
    }
    first = api.graphql(CREATE, {"input": product}, idempotency_key=f"{api.run}-graph")[
        "createProduct"
    ]
    again = api.graphql(CREATE, {"input": product}, idempotency_key=f"{api.run}-graph")[
        "createProduct"
    ]
    assert first == again
    assert api("GET", f"/api/products/{first['id']}").json["price"] == "2.50"


def test_field_error_has_code_and_problem(api: Deployment, category: str) -> None:
    product = {"name": "", "price": "1", "categoryId": category_id(api, category)}
    response = api("POST", "/api/graphql", {"query": CREATE, "variables": {"input": product}})
    assert response.status == 200
    (error,) = response.json["errors"]
    assert error["extensions"]["code"] == "validation_failed"
    assert error["extensions"]["problem"]["errors"]


def test_get_allows_queries_but_no_mutation(api: Deployment) -> None:
    assert api("GET", "/api/graphql?query=%7B__typename%7D").json["data"] == {"__typename": "Query"}
    rejected = api("GET", "/api/graphql?query=mutation%7BdeleteProduct(id%3A0)%7D")
    assert rejected.status == 405


def test_too_deep_query_is_rejected(api: Deployment) -> None:
    query = (
        "{ products { nodes { category "
        + "{ products { nodes { category " * 6
        + "{ id }"
        + " } } }" * 6
        + " } } }"
    )
    response = api("POST", "/api/graphql", {"query": query})
    assert response.status in (200, 400)
    assert response.json["errors"][0]["extensions"]["code"].startswith("query_too_")


def test_invalid_document_is_an_error(api: Deployment) -> None:
    response = api(
        "POST", "/api/graphql", {"query": "{ products"}, accept="application/graphql-response+json"
    )
    assert response.status == 400
    assert response.json["errors"]
