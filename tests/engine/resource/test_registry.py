"""`make derive` finds the declarations of an application, and names those that contradict."""

import itertools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import pytest

from scripts.derive import registry
from scripts.derive.checks import require_valid
from scripts.derive.scan import Found, scan
from sluice.application import with_resources
from sluice.kinds.date import Date
from sluice.kinds.field import DeclarationError
from sluice.kinds.integer import BigInt
from sluice.resource import Many, Resource

HEAD = """
from sluice.kinds.integer import BigInt, Integer
from sluice.kinds.ref import Ref
from sluice.kinds.text import Email, Slug, Text
from sluice.resource import Constraint, Function, Many, One, Resource
from sluice.sql.resource_repository import ResourceRepository
"""
SHELVES = """
SHELVES = Resource(
    name="shelves", singular="shelf", table="public.shelves", group="shelves",
    key=BigInt("id", read_only=True), scope="library",
    fields=[Slug("slug", unique=True), Text("label")], analytics=True,
)


class ShelfRepository(ResourceRepository):
    reads_replica = True
    resource = SHELVES
"""
BOOKS = """
BOOKS = Resource(
    name="books", singular="book", table="lib.books", group="shelves", scope="library",
    key=BigInt("id", read_only=True), writes=["create", "update"],
    fields=[Text("title"), Ref("shelf_id", resource="shelves")],
)


class BookRepository(ResourceRepository):
    resource = BOOKS
"""
AUTHORS = """
AUTHORS = Resource(
    name="authors", singular="author", table="lib.authors", group="lib",
    key=BigInt("id", read_only=True), writes=["delete"],
    fields=[
        Text("name"), Text("link", nullable=True), Text("code", column="Code"),
        Ref("teacher_id", resource="authors"),
        Ref("shelf_id", resource="shelves", shown_as="shelf", by="slug", kind=Slug, read_only=True),
    ],
    constraints=[
        Constraint(["name", "Code"], name="authors_name_code"), Constraint(["name", "teacher_id"]),
    ],
    relations=[
        Many("pupils", "authors", "teacher_id"), Function("retire", "lib.retire"),
    ],
)


class AuthorRepository(ResourceRepository):
    resource = AUTHORS
    column_sql = {"shelf": "(SELECT slug FROM shelves WHERE id = a.shelf_id)"}
"""
ROUTES = """
from sluice.http.router import Api

api = Api(scope="library")


@api.delete("/api/shelves/<id>")
def delete_shelf(request, id): ...


@api.delete("/api/shelves/<id>/clear")
def clear_shelf(request, id): ...
"""
ERRORS = {
    "lib.books": {"id": "id", "title": "title", "shelf_id": "shelf_id"},
    "public.shelves": {"id": "id", "slug": "slug", "label": "label"},
}
BOOK_PRIVILEGES = {
    "SELECT": ("id", "title", "shelf_id"),
    "INSERT": ("title", "shelf_id"),
    "UPDATE": ("title", "shelf_id"),
}
ANALYST_TABLE = (
    {
        "id": (20, False, "", None),
        "slug": (200, True, "", None),
        "label": (1_048_576, True, "", None),
    },
    (("id",), ("slug",)),
)
COUNTER = itertools.count()
Write = Callable[..., Found]


@pytest.fixture(name="write")
def write_application(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Return a function that writes an application with these modules, and scans it."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(order: tuple[str, ...] = (), **modules: str) -> Found:
        name = f"written{next(COUNTER)}"
        folder = tmp_path / name
        folder.mkdir()
        (folder / "application.py").write_text(
            "from sluice.application import Application\n"
            f"APPLICATION = Application(format=1, name={name!r}, order={order!r})\n"
        )
        for module, text in modules.items():
            (folder / f"{module}.py").write_text(HEAD + text)
        return scan(name)

    return write


def problem(found: Found) -> str:
    with pytest.raises(DeclarationError) as raised:
        require_valid(found)
    return str(raised.value)


def test_resources_are_in_the_order_of_the_application(write: Write) -> None:
    found = write(order=("shelves",), books=BOOKS, shelves=SHELVES)

    assert [each.resource.name for each in found.resources] == ["shelves", "books"]


def test_registry_names_what_there_is(write: Write) -> None:
    found = write(books=BOOKS, shelves=SHELVES)
    name = found.app.name
    constants = registry.constants(found)
    named = {each: constants[each] for each in constants if not each.startswith("GRAPHQL")}

    require_valid(found)
    assert named == {
        "REPOSITORIES": {
            "books": f"{name}.books:BookRepository",
            "shelves": f"{name}.shelves:ShelfRepository",
        },
        "ROUTES": {},
        "DECLARATIONS": {"books": f"{name}.books:BOOKS", "shelves": f"{name}.shelves:SHELVES"},
        "GROUPS": {
            "shelves": {
                "books": ("/api/books", "/api/books/{id}"),
                "shelves": ("/api/shelves", "/api/shelves/{id}"),
            }
        },
        "SCOPES": ("library:read", "library:write"),
        "REPLICA_SCOPES": ("library:read",),
        "IMPORTS": ("books", "shelves"),
        "ERRORS": ERRORS,
        "CONSTRAINTS": {},
        "SELF_REFERENCES": {},
        "KEYS": {},
        "FUNCTIONS": (),
        "TABLES": (
            ("lib.books", BOOK_PRIVILEGES, False),
            ("public.shelves", dict.fromkeys(("SELECT", "INSERT", "UPDATE", "DELETE"), ()), True),
        ),
        "ANALYST_TABLES": {"shelves": ANALYST_TABLE},
    }


def test_registry_has_what_stands_below_a_row(write: Write) -> None:
    found = write(authors=AUTHORS, books=BOOKS, shelves=SHELVES)

    constants = registry.constants(found)

    assert constants["GROUPS"]["lib"] == {"authors": ("/api/authors", "/api/authors/{proxy+}")}
    assert constants["ERRORS"]["lib.authors"] == {
        "id": "id",
        "name": "name",
        "link": "link",
        "teacher_id": "teacher_id",
        "Code": "code",
        "shelf_id": "shelf.slug",
    }
    assert constants["CONSTRAINTS"] == {
        "lib.authors_name_code": ("lib.authors", ("name", "Code")),
    }
    assert constants["SELF_REFERENCES"] == {"lib.authors": ("teacher_id",)}
    assert constants["FUNCTIONS"] == ("lib.retire",)
    of_authors = {"SELECT": (), "DELETE": (), "UPDATE": ()}
    assert constants["TABLES"][0] == ("lib.authors", of_authors, False)


def test_junction_tables_have_privileges_and_names() -> None:
    link = Many("tags", "tags", "book_id", through="lib.tagged", other_key="tag_id")
    dated = link._replace(through="lib.dated", payload=[Date("since", column="Since")])
    resource = Resource(
        name="books",
        singular="book",
        table="lib.books",
        group="lib",
        key=BigInt("id"),
        fields=[],
        writes=["delete"],
        soft_delete="gone_at",
        relations=[link, dated._replace(name="dated")],
    )

    dated_columns = ("book_id", "tag_id", "Since")
    assert list(registry.privileges([resource])) == [
        ("lib.books", {"SELECT": ("id", "gone_at"), "UPDATE": ("gone_at",)}, False),
        (
            "lib.tagged",
            {"SELECT": ("book_id", "tag_id"), "INSERT": ("book_id", "tag_id"), "DELETE": ()},
            False,
        ),
        (
            "lib.dated",
            {
                "SELECT": dated_columns,
                "INSERT": dated_columns,
                "UPDATE": ("Since",),
                "DELETE": (),
            },
            False,
        ),
    ]
    (books, *_) = registry.privileges([resource], ["lib.books"])
    assert books == ("lib.books", {"SELECT": (), "UPDATE": ()}, False)
    assert registry.names_in_errors([resource])["lib.dated"] == {"Since": "since"}


def test_registry_names_the_graphql_fields_to_resolve(write: Write) -> None:
    found = write(books=BOOKS, shelves=SHELVES)

    assert registry.constants(found)["GRAPHQL"] == {
        "Book": {
            "resource": "books",
            "scope": "library",
            "queries": {"list": "books", "row": "book"},
            "mutations": {"create": "createBook", "update": "updateBook"},
            "rows": {"shelf": ("shelves", "shelf_id")},
        },
        "Shelf": {
            "resource": "shelves",
            "scope": "library",
            "replica": True,
            "queries": {"list": "shelves", "row": "shelf"},
            "mutations": {
                "create": "createShelf",
                "update": "updateShelf",
                "delete": "deleteShelf",
            },
        },
    }


def test_registry_is_valid_python_of_these_values(write: Write) -> None:
    found = write(books=BOOKS, shelves=SHELVES)
    registry.path(found).write_text(registry.text(found))

    module = run_path(str(registry.path(found)))

    values = registry.constants(found)
    assert {name: module[name] for name in values} == values
    assert max(len(line) for line in registry.text(found).splitlines()) <= 100


def test_registry_is_as_ruff_formats_it(write: Write) -> None:
    found = write(books=BOOKS, shelves=SHELVES)
    file = registry.path(found)
    file.write_text(registry.text(found))
    subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--quiet", "--line-length=100", str(file)],
        check=True,
    )

    assert file.read_text() == registry.text(found)
    assert 'REPLICA_SCOPES: tuple[str, ...] = ("library:read",)' in registry.text(found)


def test_application_has_its_resources(write: Write) -> None:
    found = write(books=BOOKS, shelves=SHELVES)

    constants = registry.constants(found)

    app = with_resources(found.app, SimpleNamespace(**constants))

    (function,) = app.functions
    assert function.code == "functions/shelves"
    assert function.paths == {"Collection": "/api/books", "Item": "/api/books/{id}"}
    assert function.more_resources == {"shelves": ("/api/shelves", "/api/shelves/{id}")}
    assert app.scopes == ("library:read", "library:write")
    assert app.imports == constants["REPOSITORIES"]


def test_registry_is_never_read(write: Write) -> None:
    found = write(shelves=SHELVES, registry="<<<<<<< HEAD")

    assert [each.resource.name for each in found.resources] == ["shelves"]


def test_routes_by_hand_are_found(write: Write) -> None:
    found = write(shelves=SHELVES)
    (found.folder / "routes").mkdir()
    (found.folder / "routes" / "shelves.py").write_text(ROUTES)

    constants = registry.constants(scan(found.app.name))

    assert constants["ROUTES"] == {"shelves": f"{found.app.name}.routes.shelves:api"}
    assert constants["GROUPS"]["shelves"]["shelves"] == (
        "/api/shelves",
        "/api/shelves/{id}",
        "/api/shelves/{id}/clear",
    )
    (function,) = with_resources(found.app, SimpleNamespace(**constants)).functions
    assert list(function.paths) == ["Collection", "Item", "Clear"]


@pytest.mark.parametrize(
    ("changed", "place", "message"),
    [
        (("books", "shelves"), "shelves.py:8", "books.py:8 has a resource of this name"),
        (('name="books"', 'name="imports"'), "books.py:9", "the name is reserved"),
        (('group="shelves"', 'group="health"'), "books.py:9", "a function that serves no resource"),
        (("    resource = BOOKS", "    table = BOOKS"), "books.py:8", "needs a repository class"),
        (('resource="shelves"', 'resource="rooms"'), "books.py:11", "no such resource: rooms"),
        (
            ("key=", 'relations=[Many("notes", "notes", "book_id")], key='),
            "books.py:10",
            "no such resource: notes",
        ),
        (
            ("key=", 'relations=[Many("tags", "shelves", "book_id")], key='),
            "books.py:10",
            "shelves declares no foreign key of book_id: add a Ref or One",
        ),
        (
            (
                "key=",
                'relations=[Many("tags", "authors", "b", "lib.t", "a", payload=[Text("c")])], key=',
            ),
            "books.py:10",
            "authors has a field link, as the payload of this relation is named",
        ),
        (
            ("key=", 'relations=[Many("lent", "books", "shelf_id")], key='),
            "books.py:10",
            "shelf_id of books references shelves",
        ),
        (
            (
                "key=",
                'relations=[Many("tags", "shelves", "a", "lib.t", other_key=["b", "c"])], key=',
            ),
            "books.py:10",
            "b, c: the key of shelves has 1 columns",
        ),
        (
            ("key=", 'relations=[One("place", "shelves", ["title", "shelf_id"])], key='),
            "books.py:10",
            "the key of shelves is BigInt, and the columns are Text, BigInt",
        ),
        (
            (
                "key=",
                'import_key="title", constraints=[Constraint(["title"], deferrable=True)], key=',
            ),
            "books.py:8",
            "an import cannot find rows by title: the constraint is deferrable",
        ),
        (
            ('resource="shelves"', 'resource="shelves", kind=Integer'),
            "books.py:11",
            "the reference is Integer, and shelves.id is BigInt",
        ),
        (
            ('resource="shelves"', 'resource="shelves", shown_as="shelf", by="name", kind=Slug'),
            "books.py:11",
            "shelves has no field name",
        ),
        (
            ('resource="shelves"', 'resource="shelves", shown_as="shelf", by="label", kind=Text'),
            "books.py:11",
            "shelves.label is not unique",
        ),
        (
            ('resource="shelves"', 'resource="shelves", shown_as="shelf", by="slug", kind=Text'),
            "books.py:11",
            "the field is Text, and shelves.slug is Slug",
        ),
        (
            ('Text("title")', 'Text("title", column="works.title")'),
            "books.py:8",
            "BookRepository.column_sql has no title",
        ),
        (
            ("key=", 'filters=[Integer("below")], key='),
            "books.py:8",
            "BookRepository.filter_sql has no below",
        ),
        (('singular="book"', 'singular="shelf"'), "shelves.py:8", "the GraphQL name Shelf"),
        (('singular="book"', 'singular="shelves"'), "shelves.py:8", "the GraphQL name shelves"),
        (
            ("key=", 'relations=[Function("create", "lib.create", returns="")], key='),
            "books.py:8",
            "the GraphQL name createBook is also that of books",
        ),
        (
            ("key=", 'relations=[Function("get", "lib.get", stable=True)], key='),
            "books.py:8",
            "the operationId get_book is also that of books: rename the singular, the relation",
        ),
        (
            ('singular="book"', 'singular="import"'),
            "books.py:8",
            "the operationId create_import is also that of the engine",
        ),
        (
            ('name="books"', 'name="pupils_of_author"'),
            "books.py:8",
            "the operationId list_pupils_of_author is also that of authors",
        ),
    ],
)
def test_contradiction_is_named(
    changed: tuple[str, str], place: str, message: str, write: Write
) -> None:
    found = write(shelves=SHELVES, books=BOOKS.replace(*changed), authors=AUTHORS)

    assert f"{place}: " in problem(found)
    assert message in problem(found)


def test_expanded_resource_needs_routes(write: Write) -> None:
    found = write(shelves=SHELVES.replace('group="shelves"', 'group=""'), books=BOOKS)

    assert "books.py:11: books: shelves has no routes, so `?expand=` cannot" in problem(found)


def test_listed_resource_needs_routes(write: Write) -> None:
    books = BOOKS.partition("class")[0].replace('group="shelves"', 'group=""')
    lists = 'relations=[Many("books", "books", "shelf_id")], analytics=True'
    found = write(shelves=SHELVES.replace("analytics=True", lists), books=books)

    assert "shelves: books has no routes, so its rows cannot be listed" in problem(found)


def test_key_of_several_columns_needs_one(write: Write) -> None:
    key = 'key=[BigInt("id", read_only=True), Text("room")]'
    shelves = SHELVES.replace('key=BigInt("id", read_only=True)', key)

    message = "the key of shelves has 2 columns: use One in `relations`"
    assert message in problem(write(shelves=shelves, books=BOOKS))


def test_resource_without_a_repository_is_checked(write: Write) -> None:
    declaration = BOOKS.partition("class")[0].replace('group="shelves"', 'group=""')

    found = write(shelves=SHELVES, books=declaration.replace('"title"', '"limit", filter="equal"'))

    assert "books.py:8: books: the filter limit is a parameter of every list" in problem(found)


def test_contradiction_in_one_declaration_is_located(write: Write) -> None:
    with pytest.raises(DeclarationError, match=r"books.py:8: books: the table lib has no schema"):
        write(books=BOOKS.replace("lib.books", "lib"))


def test_all_problems_are_named_at_once(write: Write) -> None:
    found = write(books=BOOKS.replace('name="books"', 'name="graphql"'))

    assert len(problem(found).splitlines()) == 2
