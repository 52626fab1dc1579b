"""The library's texts and examples in openapi.json."""

from sluice.openapi_texts import OpenApiTexts

TEXTS = OpenApiTexts(
    description="A library's API. The tests of Sluice run on it.",
    filters={
        "price_min": "At least this price.",
        "price_max": "At most this price.",
        "email": "The complete address, in upper or lower case.",
        "shelf": "Slugs of shelves, one of which must match.",
    },
    update_examples={
        "books": {
            "name": "Persuasion",
            "description": None,
            "price": "9.90",
            "shelf": "novels",
            "copies": 3,
        },
        "readers": {"email": "oscar.strand@example.com", "name": "Oscar Strand"},
        "shelves": {"name": "Poems", "slug": "poems"},
    },
    graphql_example="{ books { nodes { name } } }",
    row_example={"name": "Emma"},
    first_request="/api/books?limit=3",
)
