"""The shop's texts and examples in openapi.json."""

from sluice.openapi_texts import OpenApiTexts

TEXTS = OpenApiTexts(
    description=(
        "A shop's REST API over PostgreSQL on AWS Lambda. Each GET route also serves HEAD, and "
        "each path serves OPTIONS (CORS)."
    ),
    tags={
        "users": ("/api/users: the customers who order. Emails are unique without regard to case."),
    },
    filters={
        "below": "Less than this.",
        "price_min": "At least this price.",
        "price_max": "At most this price.",
        "email": "The complete address, in upper or lower case.",
        "category": "Slugs of categories, one of which must match.",
    },
    update_examples={
        "categories": {"name": "Kitchen", "slug": "kitchen"},
        "orders": {"status": "delivered"},
        "products": {
            "name": "Pocket Notebook Set of Three",
            "description": "Stapled, plain, and thin enough to forget about. 48 pages each.",
            "price": "9.90",
            "category": "stationery",
        },
        "users": {"email": "oscar.strand@example.com", "name": "Oscar Strand"},
    },
    graphql_example="{ products { nodes { name } } }",
    graphiql_example="""query MostExpensive($first: Int = 3) {
  products(first: $first, sortBy: {field: PRICE, direction: DESC}) {
    edges {
      cursor
      node { id name price inventory category { name slug } }
    }
    pageInfo { hasNextPage endCursor }
    totalCount
  }
}
""",
    row_example={"name": "Stoneware Mug"},
    first_request="/api/products?limit=3",
)
