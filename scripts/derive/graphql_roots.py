"""The derived fields of Query and Mutation."""

from collections.abc import Collection, Hashable
from typing import TypeVar

from catalog.graphql_names import type_name
from scripts.derive.graphql_functions import function_mutations
from scripts.derive.graphql_inputs import input_members
from scripts.derive.graphql_links import link_mutations
from scripts.derive.graphql_lists import (
    filter_members,
    page_arguments,
    sort_argument,
    sort_names,
)
from scripts.derive.graphql_text import (
    UNKNOWN,
    Member,
    a,
    definition,
    id_argument,
    key_name,
    version_argument,
    words,
)
from scripts.derive.scan import Found, FoundResource
from sluice.graph.part import graphql_name
from sluice.kinds.field import DeclarationError, Field
from sluice.kinds.items import Items
from sluice.resource import Resource

K = TypeVar("K", bound=Hashable)

SCALARS = '''
"""
An exact decimal number, returned as a string such as "19.99".
Accepted as a number or a string, with at most 20 digits before the point and 20 after it.
"""
scalar Decimal

"""A whole number of up to 19 digits, returned as a string. Accepted as a number or a string."""
scalar BigInt

"""A point in time in UTC, such as "2026-01-31T12:00:00.000000Z" (RFC 3339 date-time)."""
scalar DateTime

"""A calendar day, such as "2026-01-31" (RFC 3339 full-date)."""
scalar Date

"""
A floating-point number of 8 bytes. It is a number, or one of the strings "NaN", "Infinity" and
"-Infinity".
"""
scalar Double

"""A date and time without a zone, such as "2026-01-31T12:00:00.000000" (ISO 8601)."""
scalar LocalDateTime

"""A time of day without a zone, such as "12:34:56.5" (ISO 8601)."""
scalar LocalTime

"""
A duration such as "P1Y2M3DT4H5M6.5S" (ISO 8601). Each part may have a sign of its own, and months,
days and seconds are separate.
"""
scalar Duration

"""
A Decimal of any length, returned as a string. It can also be "NaN", "Infinity" or "-Infinity",
where the column can.
"""
scalar ExtendedDecimal

"""
A Date, or "infinity", "-infinity", or a day outside the years 1 to 9999 such as "0044-03-15 BC".
"""
scalar ExtendedDate

"""
A DateTime, or "infinity", "-infinity", or a time outside the years 1 to 9999 such as
"0044-03-15 12:00:00+00 BC".
"""
scalar ExtendedDateTime

"""
Any JSON value. A number with more than 17 digits is rounded in responses; REST has all digits.
"""
scalar JSON
'''
PAGES = """
"The position of a page in its list."
type PageInfo {
  "Whether there are rows after this page."
  hasNextPage: Boolean!
  "Whether there are rows before this page."
  hasPreviousPage: Boolean!
  "The cursor of the first row, for `before`. Null if the page is empty."
  startCursor: String
  "The cursor of the last row, for `after`. Null if the page is empty."
  endCursor: String
}

"The direction of a sort."
enum SortDirection {
  "The lowest value first."
  ASC
  "The highest value first."
  DESC
}
"""
QUERIES = "The root of all queries. Fields need the same scopes as the REST API."
MUTATIONS = (
    "The mutations of one request run in order, in one transaction. If one fails, none is saved."
)
ROOT_FIRST = "10"


def definitions(found: Found) -> list[str]:
    """Return Query and Mutation, as far as they have fields."""
    served = [each for each in found.resources if each.is_served]
    of_queries = [member for each in served for member in queries(each.resource).values()]
    of_mutations = [member for each in served for member in mutations(found, each).values()]
    texts = [
        definition("type", "Query", QUERIES, of_queries),
        definition("type", "Mutation", MUTATIONS, of_mutations),
    ]
    return [text for text in texts if text]


def queries(resource: Resource) -> dict[str, Member]:
    """Return the fields of Query: `list`, `row`, and `key` if the key has several columns."""
    one, many = words(resource.singular), words(resource.name)
    row = graphql_name(resource.singular)
    if resource.singular == resource.name:
        row = f"{row}ById"
    name = type_name(resource)
    key = key_name(resource)
    unsorted = f"Without `sortBy` they are sorted by {key}." if sort_names(resource) else ""
    filters = (
        [
            Member(
                "filter",
                f"{name}Filter",
                f"Return only {many} that match every condition of the filter.",
            )
        ]
        if filter_members(resource)
        else []
    )
    members = {
        "list": Member(
            graphql_name(resource.name),
            f"{name}Connection!",
            f"List {many}. {unsorted}".strip() if unsorted else f"List {many}, sorted by {key}.",
            (*page_arguments(resource, ROOT_FIRST), *filters, *sort_argument(resource)),
        ),
        "row": Member(row, name, f"Return {a(one)}, or null {UNKNOWN}.", (id_argument(one),)),
    }
    if len(resource.keys) > 1:
        text = f"Return {a(one)} by the parts of its key, or null if there is none."
        parts = tuple(input_members(resource, resource.keys))
        members["key"] = Member(f"{graphql_name(resource.singular)}ByKey", name, text, parts)
    return _chosen(resource, members, resource.graphql.queries, "query")


def mutations(found: Found, each: FoundResource) -> dict[tuple[str, ...], Member]:
    """Return the fields of Mutation by verb: (`create`,), or (`link`, name of the relation)."""
    resource = each.resource
    one, name = words(resource.singular), type_name(resource)
    members: dict[tuple[str, ...], Member] = {}
    if "create" in resource.writes:
        new = Member("input", f"Create{name}Input!", f"The new {one}.")
        members["create",] = Member(f"create{name}", f"{name}!", f"Create {a(one)}.", (new,))
    if "update" in resource.writes:
        changes = Member("input", f"Update{name}Input!", "The fields to change.")
        text = f"Update {a(one)}, and return it, or null {UNKNOWN}."
        arguments = (id_argument(one), changes, *_version(each))
        members["update",] = Member(f"update{name}", name, text, arguments)
    if "delete" in resource.writes:
        text = f"Delete {a(one)}. Return true, or false {UNKNOWN}."
        members["delete",] = Member(f"delete{name}", "Boolean!", text, (id_argument(one),))
    members |= dict(link_mutations(found, resource))
    members |= dict(function_mutations(resource))
    members = _chosen(resource, members, resource.graphql.mutations, "mutation")
    fields: dict[tuple[str, ...], tuple[Field, ...]] = {
        ("create",): resource.writable,
        ("update",): resource.changeable,
    }
    for verb in members:
        items = [field.name for field in fields.get(verb, ()) if isinstance(field, Items)]
        if items:
            raise DeclarationError(
                f"{resource.name}: {members[verb].name} cannot be derived, because of the items "
                f"{items[0]}: leave it out of GraphQL(mutations=…)"
            )
    return members


def _version(each: FoundResource) -> tuple[Member, ...]:
    one = words(each.resource.singular)
    if each.resource.etag != "version" and "update_version" not in vars(each.repository):
        return ()
    return (version_argument(one),)


def _chosen(
    resource: Resource, members: dict[K, Member], chosen: Collection[str] | None, what: str
) -> dict[K, Member]:
    if chosen is None:
        return members
    unknown = set(chosen) - {member.name for member in members.values()}
    if unknown:
        raise DeclarationError(f"{resource.name}: there is no {what} {', '.join(sorted(unknown))}")
    return {key: member for key, member in members.items() if member.name in chosen}
