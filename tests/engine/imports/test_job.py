"""A file becomes rows, rejections and a report."""

import gzip

import pytest

from tests.fixtures.imports import ImportHarness

HEADER = "name,description,price,category,inventory\n"


def products(harness: ImportHarness) -> list[list[object]]:
    """Return name, description, price, category, stock and version of each product."""
    return harness.shop.sql(
        """
        SELECT p.name, p.description, p.price::text, c.slug, i.quantity, p.version
        FROM products p
        JOIN categories c ON c.id = p.category_id JOIN inventory i ON i.product_id = p.id
        ORDER BY p.name
        """
    )


def test_valid_file_is_imported(harness: ImportHarness) -> None:
    harness.shop.add_category("mugs")
    job = harness.load(HEADER + 'Mug,"Holds, well, 30 cl",19.99,mugs,5\r\n"Big ""Mug""",,1,mugs,\n')
    assert (job["status"], job["error"]) == ("completed", None)
    assert (job["rows_read"], job["rows_written"], job["rows_rejected"]) == (2, 2, 0)
    assert job["bytes_read"] == job["bytes_total"]
    assert products(harness) == [
        ['Big "Mug"', None, "1.00", "mugs", 0, 1],
        ["Mug", "Holds, well, 30 cl", "19.99", "mugs", 5, 1],
    ]


def test_last_row_of_a_key_wins(harness: ImportHarness) -> None:
    harness.shop.add_category("mugs")
    harness.load(HEADER + "Mug,one,1.00,mugs,1\nCup,,2.00,mugs,\nMug,two,3.00,mugs,2\n")
    assert products(harness) == [
        ["Cup", None, "2.00", "mugs", 0, 1],
        ["Mug", "two", "3.00", "mugs", 2, 1],
    ]


def test_unchanged_rows_keep_their_version(harness: ImportHarness) -> None:
    harness.shop.add_category("mugs")
    text = HEADER + "".join(f"Mug {n},of clay,{n}.50,mugs,{n}\n" for n in range(50))
    for _ in range(2):
        job = harness.load(text)
        assert (job["rows_read"], job["rows_written"]) == (50, 50)
    assert {row[-1] for row in products(harness)} == {1}
    other = text.replace("Mug 7,of clay", "Mug 7,of glass").replace(
        "Mug 8,of clay,8.50,mugs,8", "Mug 8,,8.50,mugs,9"
    )
    assert harness.load(other)["rows_written"] == 50
    assert [row[0] for row in products(harness) if row[-1] == 2] == ["Mug 7", "Mug 8"]


def test_missing_columns_stay_unchanged(harness: ImportHarness) -> None:
    harness.shop.add_category("mugs")
    harness.load(HEADER + "Mug,of clay,1.00,mugs,5\n")
    harness.load("category,PRICE, name\nmugs,2.00,Mug\nmugs,3.00,Cup\n")
    assert products(harness) == [
        ["Cup", None, "3.00", "mugs", 0, 1],
        ["Mug", "of clay", "2.00", "mugs", 5, 2],
    ]


def test_empty_rows_before_the_header_are_skipped(harness: ImportHarness) -> None:
    harness.shop.add_category("mugs")
    for n, before in enumerate(("\n", "\r\n\n", " ,\t,\n,,,\r\n", "\ufeff\n\n")):
        job = harness.load(f"{before}{HEADER}Mug {n},,1,mugs,1\nCup {n},,x,mugs,1\n")
        assert (job["status"], job["rows_read"], job["rows_written"]) == ("completed", 2, 1)
        assert harness.rejects(job["id"]) == [(before.count("\n") + 3, "price", "type")]
    assert [row[0] for row in products(harness)] == ["Mug 0", "Mug 1", "Mug 2", "Mug 3"]


ROWS = [
    ("Mug 1,,1.00,mugs,1", None),
    ("Mug 2,,1.00", (3, "", "wrong_columns")),
    ("Mug 3,,1.00,mugs,1,2", (4, "", "wrong_columns")),
    (",,1.00,mugs,1", (5, "name", "required")),
    ("Mug 5,,,mugs,1", (6, "price", "required")),
    ("Mug 6,,cheap,mugs,1", (7, "price", "type")),
    ("Mug 7,,1.999,mugs,1", (8, "price", "invalid")),
    ("Mug 8,,-1,mugs,1", (9, "price", "out_of_range")),
    ("Mug 9,,10000000000,mugs,1", (10, "price", "out_of_range")),
    ("Mug 10,,1.00,cups,1", (11, "category", "unknown")),
    ("Mug 11,,1.00,Mugs!,1", (12, "category", "invalid")),
    ("Mug 12,,1.00,mugs,many", (13, "inventory", "type")),
    ("Mug 13,,1.00,mugs,-1", (14, "inventory", "out_of_range")),
    ("Mug 14,,1.00,mugs,9999999999", (15, "inventory", "out_of_range")),
    ("x" * 201 + ",,1.00,mugs,1", (16, "name", "too_long")),
    ("  Mug 16  ,  x ,1,mugs, 7 ", None),
    ('Mug 5" tall,,1.00,mugs,1', (18, "", "malformed")),
    ('"Mug 18" tall,,1.00,mugs,1', (19, "", "malformed")),
    ("Mug\x0019,,1.00,mugs,1", (20, "name", "invalid")),
    ("Mug \udcff,,1.00,mugs,1", (21, "name", "invalid_utf8")),
    ('"Mug\n21",,1.00,mugs,1', None),
    ("Mug 22,,1.00,mugs,0.5", (24, "inventory", "type")),
    ("", None),
    ("Mug 24,,1.00,mugs,1", None),
]


def test_invalid_rows_are_rejected_with_reason(
    harness: ImportHarness,
) -> None:
    harness.shop.add_category("mugs")
    text = HEADER + "".join(f"{row}\n" for row, _ in ROWS)
    job = harness.load(text.encode("utf-8", "surrogateescape"))
    rejected = [rejection for _, rejection in ROWS if rejection]
    assert harness.rejects(job["id"]) == rejected
    assert (job["status"], job["rows_rejected"], job["rows_read"]) == (
        "completed",
        len(rejected),
        len(ROWS) - 1,
    )
    assert [row[0] for row in products(harness)] == ["Mug\n21", "Mug 1", "Mug 16", "Mug 24"]
    assert [row[1:5] for row in products(harness) if row[0] == "Mug 16"] == [
        ["x", "1.00", "mugs", 7]
    ]


UNREADABLE_FILES = {
    "empty": (b"", "file.csv", "the file is empty"),
    "unknown column": (b"name,colour\nMug,red\n", "file.csv", "the column 'colour' is not one of"),
    "column twice": (b"name,name\nMug,red\n", "file.csv", "the column 'name' occurs twice"),
    "missing column": (b"name,price\nMug,1\n", "file.csv", "the column 'category' is missing"),
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
        b"name,price\rMug,1\r",
        "file.csv",
        "the header line cannot be read: a line ends in CR alone",
    ),
    "CR, then LF": (
        b"name,price\rMug,1\n",
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
    "semicolons": (b"name;price\nMug;1\n", "file.csv", "the columns must be separated by commas"),
    "tabs": (b"name\tprice\nMug\t1\n", "file.csv", "the columns must be separated by commas"),
    "a column without a name": (
        b"name,,price\nMug,,1\n",
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
    harness.shop.add_category("mugs")
    data = ("\ufeff" + HEADER + "Mug,,1.00,mugs,1\nCup,,1.00,mugs,1" + ending).encode()
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
    harness.shop.add_category("mugs")
    lines = [
        '{"name": "Mug", "price": 1.5, "category": "mugs", "inventory": 3, '
        '"description": "a\\tb\\\\n"}',
        "",
        '{"name": "Cup", "price": "2.00", "category": "mugs", "description": null}',
        '{"name": "Cup", "colour": 1}',
        "[1]",
        "{",
        '{"name": "Pot", "price": 1.999, "category": "mugs"}',
        '{"name": "Pot", "price": 1, "category": "pots"}',
        '{"name": 3, "price": 1, "category": "mugs"}',
    ]
    job = harness.load("\n".join(lines), name="file.jsonl")
    assert harness.rejects(job["id"]) == [
        (4, "colour", "unknown_field"),
        (5, "", "malformed"),
        (6, "", "malformed"),
        (7, "price", "invalid"),
        (8, "category", "unknown"),
        (9, "name", "type"),
    ]
    assert [row[:3] for row in products(harness)] == [
        ["Cup", None, "2.00"],
        ["Mug", "a\tb\\n", "1.50"],
    ]


def test_stock_is_set_by_name_or_id(harness: ImportHarness) -> None:
    mug, cup = harness.shop.add_product("Mug"), harness.shop.add_product("Cup")
    by_name = harness.load("product,quantity\nMug,7\nPot,1\nMug,8\n", "inventory")
    assert harness.rejects(by_name["id"]) == [(3, "product", "unknown")]
    by_id = harness.load(f"quantity,product_id\n9,{cup}\n1,999999999\n1,x\n,{mug}\n", "inventory")
    assert harness.rejects(by_id["id"]) == [
        (3, "product_id", "unknown"), (4, "product_id", "type"), (5, "quantity", "required")
    ]  # fmt: skip
    assert harness.shop.sql("SELECT product_id, quantity FROM inventory ORDER BY 1") == [
        [mug, 8],
        [cup, 9],
    ]
    both = harness.load("product,product_id,quantity\nMug,1,1\n", "inventory")
    assert both["error"] == "exactly one of the columns product, product_id is required"


def test_users_are_matched_by_email_in_any_case(harness: ImportHarness) -> None:
    harness.shop.add_user("Ada@Example.com", "Ada")
    job = harness.load(
        "email,name\nada@example.com,Ada Byron\nbob@example.com,Bob\ninvalid,N\n"
        "BOB@example.com,Rob\n",
        "users",
    )
    assert harness.rejects(job["id"]) == [(4, "email", "invalid")]
    assert harness.shop.sql("SELECT email, name FROM users ORDER BY lower(email)") == [
        ["Ada@Example.com", "Ada Byron"], ["BOB@example.com", "Rob"]
    ]  # fmt: skip


def test_missing_slug_is_made_from_the_name(harness: ImportHarness) -> None:
    job = harness.load("name,slug\nTea & Coffee,\nMugs,cups\n!!!,\n", "categories")
    assert harness.rejects(job["id"]) == [(4, "slug", "required")]
    harness.load("name\nTea and Coffee\nTea & Coffee\n", "categories")
    assert harness.shop.sql("SELECT name, slug FROM categories ORDER BY slug") == [
        ["Mugs", "cups"], ["Tea and Coffee", "tea-and-coffee"], ["Tea & Coffee", "tea-coffee"]
    ]  # fmt: skip
