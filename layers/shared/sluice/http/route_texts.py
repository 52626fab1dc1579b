"""The descriptions that routes have by default, each one sentence."""

from sluice.resource import Resource

MAX_NAMED_FIELDS = 3  # in the text of a route


def default_text(resource: Resource, verb: str) -> str:
    """Return the description of a route, one sentence."""
    one = a_row(resource)
    match verb:
        case "list":
            return f"List {words(resource.name)}."
        case "replace":
            return f"Replace {_with_fields(resource, one, 'and')}."
        case "update":
            return f"Update {_with_fields(resource, one, 'or')} (JSON merge patch)."
        case "delete" if resource.lists:
            relations = [words(relation.name) for relation in resource.lists]
            return f"Delete {one} without {joined(relations, 'or')}."
        case _:
            return f"{verb.title()} {one}."


def _with_fields(resource: Resource, one: str, conjunction: str) -> str:
    names = [words(field.name) for field in resource.changeable]
    return one if len(names) > MAX_NAMED_FIELDS else f"{one}'s {joined(names, conjunction)}"


def a_row(resource: Resource) -> str:
    """Return `a deal`."""
    return a(words(resource.singular))


def a(noun: str) -> str:
    """Return a noun with its article."""
    return f"{'an' if noun[0] in 'aeio' else 'a'} {noun}"


def joined(names: list[str], conjunction: str) -> str:
    """Return `a, b and c`."""
    return f" {conjunction} ".join([*filter(None, [", ".join(names[:-1])]), names[-1]])


def words(name: str) -> str:
    """Return a name as it is read: `order items`."""
    return name.replace("_", " ")
