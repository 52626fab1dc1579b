"""A file becomes rows, rejections and a report."""

import gzip

import pytest

from sluice.imports.resource import ImportResource
from sluice.imports.row_parser import ParsedRow, RowParser
from sluice.imports.staged_rows import ImportRowRepository
from sluice.kinds.text import Text
from tests.fixtures.imports import ImportHarness

HEADER = "name,description,price,shelf,copies\n"


def books(harness: ImportHarness) -> list[list[object]]:
    """Return name, description, price, shelf, copies and version of each book."""
    return harness.client.sql(
        """
        SELECT b.name, b.description, b.price::text, s.slug, b.copies, b.version
        FROM books b JOIN shelves s ON s.id = b.shelf_id ORDER BY b.name
        """
    )


def test_valid_file_is_imported(harness: ImportHarness) -> None:
    harness.client.add_shelf("novels")
    job = harness.load(
        HEADER + 'Emma,"Three, or four",19.99,novels,5\r\n"A ""New"" Emma",,1,novels,\n'
    )
    assert (job["status"], job["error"]) == ("completed", None)
    assert (job["rows_read"], job["rows_written"], job["rows_rejected"]) == (2, 2, 0)
    assert job["bytes_read"] == job["bytes_total"]
    assert books(harness) == [
        ['A "New" Emma', None, "1.00", "novels", 0, 1],
        ["Emma", "Three, or four", "19.99", "novels", 5, 1],
    ]


def test_empty_rows_before_the_header_are_skipped(harness: ImportHarness) -> None:
    harness.client.add_shelf("novels")
    for n, before in enumerate(("\n", "\r\n\n", " ,\t,\n,,,\r\n", "\ufeff\n\n")):
        job = harness.load(f"{before}{HEADER}Emma {n},,1,novels,1\nDune {n},,x,novels,1\n")
        assert (job["status"], job["rows_read"], job["rows_written"]) == ("completed", 2, 1)
        assert harness.rejects(job["id"]) == [(before.count("\n") + 3, "price", "type")]
    assert [row[0] for row in books(harness)] == ["Emma 0", "Emma 1", "Emma 2", "Emma 3"]


ROWS = [
    ("Emma 1,,1.00,novels,1", None),
    ("Emma 2,,1.00", (3, "", "wrong_columns")),
    ("Emma 3,,1.00,novels,1,2", (4, "", "wrong_columns")),
    (",,1.00,novels,1", (5, "name", "required")),
    ("Emma 5,,,novels,1", (6, "price", "required")),
    ("Emma 6,,cheap,novels,1", (7, "price", "type")),
    ("Emma 7,,1.999,novels,1", (8, "price", "invalid")),
    ("Emma 8,,-1,novels,1", (9, "price", "out_of_range")),
    ("Emma 9,,10000000000,novels,1", (10, "price", "out_of_range")),
    ("Emma 10,,1.00,poems,1", (11, "shelf", "unknown")),
    ("Emma 11,,1.00,Novels!,1", (12, "shelf", "invalid")),
    ("Emma 12,,1.00,novels,many", (13, "copies", "type")),
    ("Emma 13,,1.00,novels,-1", (14, "", "invalid")),  # by the table's constraint
    ("Emma 14,,1.00,novels,9999999999", (15, "copies", "out_of_range")),
    ("x" * 201 + ",,1.00,novels,1", (16, "name", "too_long")),
    ("  Emma 16  ,  x ,1,novels, 7 ", None),
    ('Emma 5" tall,,1.00,novels,1', (18, "", "malformed")),
    ('"Emma 18" tall,,1.00,novels,1', (19, "", "malformed")),
    ("Emma\x0019,,1.00,novels,1", (20, "name", "invalid")),
    ("Emma \udcff,,1.00,novels,1", (21, "name", "invalid_utf8")),
    ('"Emma\n21",,1.00,novels,1', None),
    ("Emma 22,,1.00,novels,0.5", (24, "copies", "type")),
    ("", None),
    ("Emma 24,,1.00,novels,1", None),
]


def test_invalid_rows_are_rejected_with_reason(
    harness: ImportHarness,
) -> None:
    harness.client.add_shelf("novels")
    text = HEADER + "".join(f"{row}\n" for row, _ in ROWS)
    job = harness.load(text.encode("utf-8", "surrogateescape"))
    rejected = [rejection for _, rejection in ROWS if rejection]
    assert harness.rejects(job["id"]) == rejected
    assert (job["status"], job["rows_rejected"], job["rows_read"]) == (
        "completed",
        len(rejected),
        len(ROWS) - 1,
    )
    assert [row[0] for row in books(harness)] == ["Emma\n21", "Emma 1", "Emma 16", "Emma 24"]
    assert [row[1:5] for row in books(harness) if row[0] == "Emma 16"] == [
        ["x", "1.00", "novels", 7]
    ]


UNREADABLE_FILES = {
    "empty": (b"", "file.csv", "the file is empty"),
    "unknown column": (b"name,colour\nEmma,red\n", "file.csv", "the column 'colour' is not one of"),
    "column twice": (b"name,name\nEmma,red\n", "file.csv", "the column 'name' occurs twice"),
    "missing column": (b"name,price\nEmma,1\n", "file.csv", "the column 'shelf' is missing"),
    "UTF-16": (HEADER.encode("utf-16"), "file.csv", "the file is UTF-16; it must be UTF-8"),
    "no header": (b'na"me\n', "file.csv", "the header line cannot be read"),
    "another format": (b"name\n", "file.xlsx", "the file's name must end in"),
    "not gzip": (HEADER.encode(), "file.csv.gz", "the file is not gzip, or is damaged"),
    "half a gzip": (
        gzip.compress(HEADER.encode() * 100)[:-10],
        "file.csv.gz",
        "the file ends within its gzip stream",
    ),
    "a bomb": (
        gzip.compress(HEADER.encode() + b"\n" * 20_000_000),
        "file.csv.gz",
        "the file unpacks to more than 200 times its size",
    ),
    "an endless header": (
        b"a" * 2_000_000,
        "file.csv",
        "the header line cannot be read: it is longer than 1,048,576",
    ),
    "CR alone": (
        b"name,price\rEmma,1\r",
        "file.csv",
        "the header line cannot be read: a line ends in CR alone",
    ),
    "CR, then LF": (
        b"name,price\rEmma,1\n",
        "file.csv",
        "the header line cannot be read: a line ends in CR alone",
    ),
    "a quote in the header": (
        b'na"me\nx\n',
        "file.csv",
        "the header line cannot be read: it has a misplaced quote",
    ),
    "empty rows alone": (
        b"\n\r\n , ,\n",
        "file.csv",
        "the header line cannot be read: the file has none",
    ),
    "UTF-32": (HEADER.encode("utf-32"), "file.csv", "the file is UTF-32; it must be UTF-8"),
    "UTF-16 without a mark": (
        HEADER.encode("utf-16-le"),
        "file.csv",
        "the header has NUL; the file must be CSV in",
    ),
    "UTF-16 of JSON": (
        HEADER.encode("utf-16"),
        "file.jsonl",
        "the file is UTF-16; it must be UTF-8",
    ),
    "gzip without .gz": (
        gzip.compress(HEADER.encode()),
        "file.csv",
        "the file is gzip; its name must end in .gz",
    ),
    "gzip twice": (
        gzip.compress(gzip.compress(HEADER.encode())),
        "file.csv.gz",
        "the file is gzip; its name must",
    ),
    "a spreadsheet": (
        b"PK\x03\x04\x14\0\6\0",
        "file.csv",
        "the file is a ZIP archive, as .xlsx is; save it as CSV",
    ),
    "semicolons": (b"name;price\nEmma;1\n", "file.csv", "the columns must be separated by commas"),
    "tabs": (b"name\tprice\nEmma\t1\n", "file.csv", "the columns must be separated by commas"),
    "a column without a name": (
        b"name,,price\nEmma,,1\n",
        "file.csv",
        "column 2 of the header has no name",
    ),
}


@pytest.mark.parametrize("name", UNREADABLE_FILES)
def test_unreadable_file_fails_with_reason(harness: ImportHarness, name: str) -> None:
    data, file, reason = UNREADABLE_FILES[name]
    job = harness.load(data, name=file)
    assert job["status"] == "failed"
    assert job["error"].startswith(reason)
    assert job["finished_at"]


@pytest.mark.parametrize(
    "text", [HEADER, HEADER.strip(), "\ufeff" + HEADER, HEADER.replace("\n", "\r\n")]
)
def test_header_alone_is_an_empty_file(harness: ImportHarness, text: str) -> None:
    job = harness.load(text)
    assert (job["status"], job["rows_read"], job["error"]) == ("completed", 0, None)


@pytest.mark.parametrize("is_gzip", [False, True])
@pytest.mark.parametrize("ending", ["\n", ""])
def test_byte_order_mark_and_last_newline_are_optional(
    harness: ImportHarness, is_gzip: bool, ending: str
) -> None:
    harness.client.add_shelf("novels")
    data = ("\ufeff" + HEADER + "Emma,,1.00,novels,1\nDune,,1.00,novels,1" + ending).encode()
    if is_gzip:
        job = harness.load(gzip.compress(data), name="file.csv.gz")
    else:
        job = harness.load(data, name="FILE.CSV")
    assert (job["status"], job["rows_written"], job["bytes_read"]) == (
        "completed",
        2,
        job["bytes_total"],
    )


def test_json_lines_are_imported(harness: ImportHarness) -> None:
    harness.client.add_shelf("novels")
    lines = [
        '{"name": "Emma", "price": 1.5, "shelf": "novels", "copies": 3, '
        '"description": "a\\tb\\\\n"}',
        "",
        '{"name": "Dune", "price": "2.00", "shelf": "novels", "description": null}',
        '{"name": "Dune", "colour": 1}',
        "[1]",
        "{",
        '{"name": "Ulysses", "price": 1.999, "shelf": "novels"}',
        '{"name": "Ulysses", "price": 1, "shelf": "plays"}',
        '{"name": 3, "price": 1, "shelf": "novels"}',
    ]
    job = harness.load("\n".join(lines), name="file.jsonl")
    assert harness.rejects(job["id"]) == [
        (4, "colour", "unknown_field"),
        (5, "", "malformed"),
        (6, "", "malformed"),
        (7, "price", "invalid"),
        (8, "shelf", "unknown"),
        (9, "name", "type"),
    ]
    assert [row[:3] for row in books(harness)] == [
        ["Dune", None, "2.00"],
        ["Emma", "a\tb\\n", "1.50"],
    ]


def test_missing_value_gets_its_default(harness: ImportHarness) -> None:
    job = harness.load("name,slug\nTea & Coffee,\nNovels,fiction\n!!!,\n", "shelves")
    assert harness.rejects(job["id"]) == [(4, "slug", "required")]
    harness.load("name\nTea and Coffee\nTea & Coffee\n", "shelves")
    assert harness.client.sql("SELECT name, slug FROM shelves ORDER BY slug") == [
        ["Novels", "fiction"], ["Tea and Coffee", "tea-and-coffee"], ["Tea & Coffee", "tea-coffee"]
    ]  # fmt: skip


def test_value_made_by_a_rule_is_no_column_of_the_file(harness: ImportHarness) -> None:
    """The sample renames a shelf only if the file has its slug: `:has_slug`."""
    named = []
    for text in (
        "name,slug\nNovels,novels\n",
        "name\nNOVELS\n",
        "name,slug\nNOVELS,novels\n",
        "name\nNovels\n",
        "name,slug\n Novels ,novels\n",
    ):
        assert harness.load(text, "shelves")["rows_written"] == 1
        named += harness.client.sql("SELECT name FROM shelves")
    assert named == [["Novels"], ["Novels"], ["NOVELS"], ["NOVELS"], ["Novels"]]


def test_default_is_no_column_of_the_file(harness: ImportHarness) -> None:
    resource = ImportResource(
        fields={"name": Text("name"), "slug": Text("slug")},
        required=("name",),
        defaults={"slug": lambda row: row["name"].lower()},
        trusted_when="true",
        write="SELECT CASE WHEN :has_slug THEN 2 ELSE 1 END AS rows FROM import_rows",
    )
    for header, fields, rows in ((["name"], ["A"], 1), (["name", "slug"], ["A", "a"], 2)):
        parser = RowParser(resource, header)
        row = parser.parse_fields(2, fields)
        assert isinstance(row, ParsedRow)
        assert (row.values, parser.columns([row])) == ({"name": "A", "slug": "a"}, ["name", "slug"])
        with harness.importer.connect() as begin, begin() as transaction:
            staged = ImportRowRepository(transaction, resource)
            staged.copy_rows(["name", "slug"], [(2, ["A", "a"])])
            staged.write(parser.columns([row]), parser.changed([row]), rows)


def test_column_may_be_a_word_of_sql(harness: ImportHarness) -> None:
    field = Text("any", max_length=9)
    resource = ImportResource(
        fields={"order": field, "User Id": field, 'a"b': field},
        required=("order",),
        trusted_when="true",
        write='SELECT count(*) AS rows FROM import_rows WHERE "User Id" IS NULL',
        references={"order": "SELECT WHERE r.\"order\" = 'a'"},
    )
    with harness.importer.connect() as begin, begin() as transaction:
        staged = ImportRowRepository(transaction, resource)
        assert staged.copy_file(["order", 'a"b'], b"a,b\n", 1)
        staged.copy_rows(["order", "User Id"], [(2, ["a", None]), (3, ["b", None])])
        assert staged.delete_unresolved(["order"]) == [(3, "order")]
        staged.write(["order"], ["order"], 2)
