"""Users, at /api/users: the customers who order.

The declaration is USERS. UserRepository has the SQL by hand. A rule is one of its methods:
`before_create` or `before_write`.
"""

from sluice.kinds.integer import BigInt, Integer
from sluice.kinds.text import Email, Text
from sluice.kinds.timestamp import Timestamp
from sluice.resource import GraphQL, Many, Resource
from sluice.sql.resource_repository import ResourceRepository

USERS = Resource(
    name="users",
    singular="user",
    description="A user who can place orders.",
    table="public.users",
    group="users",
    key=BigInt("id", minimum=1, read_only=True, sort=True),
    fields=[
        Email(
            "email",
            ignore_case=True,
            unique=True,
            filter="equal",
            sort=True,
            search=True,
            description="The user's email address, which is unique in any letter case.",
            example="ada.sample@example.com",
        ),
        Text("name", min_length=1, max_length=200, sort=True, search=True, example="Ada Byron"),
        Timestamp("created_at", read_only=True, sort=True),
        Timestamp("updated_at", read_only=True),
        Integer("version", read_only=True),
    ],
    relations=[Many("orders", resource="orders", foreign_key="user_id", rest=False)],
    etag="version",
    import_key=["email"],
    analytics=True,
    graphql=GraphQL(queries=["user"], mutations=[], hidden=["updated_at", "version"]),
)

# The text of the index users_search_idx.
FILTERS = {"search": "sluice.words(u.name || ' ' || u.email) @> sluice.search_words(:search)"}


class UserRepository(ResourceRepository):
    """Reads and writes users."""

    resource = USERS
    filter_sql = FILTERS
