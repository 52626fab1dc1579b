"""What a file becomes: rows, rejections and a report."""

import gzip

import pytest

from tests.imports.conftest import Depot

HEADER = "name,description,price,category,inventory\n"


def products(depot: Depot) -> list[list[object]]:
    return depot.shop.sql(
        "SELECT p.name, p.description, p.price::text, c.slug, i.quantity, p.version FROM products p "
        "JOIN categories c ON c.id = p.category_id JOIN inventory i ON i.product_id = p.id ORDER BY p.name"
    )


def test_a_clean_file_is_imported_whole(depot: Depot) -> None:
    depot.shop.add_category("mugs")
    job = depot.load(HEADER + 'Mug,"Holds, well, 30 cl",19.99,mugs,5\r\n"Big ""Mug""",,1,mugs,\n')
    assert {name: job[name] for name in ("status", "rows_read", "rows_written", "rows_rejected", "error")} == {
        "status": "completed", "rows_read": 2, "rows_written": 2, "rows_rejected": 0, "error": None,
    }  # fmt: skip
    assert job["bytes_read"] == job["bytes_total"]
    assert products(depot) == [
        ['Big "Mug"', None, "1.00", "mugs", 0, 1],
        ["Mug", "Holds, well, 30 cl", "19.99", "mugs", 5, 1],
    ]


def test_the_last_of_rows_with_one_key_counts(depot: Depot) -> None:
    depot.shop.add_category("mugs")
    depot.load(HEADER + "Mug,one,1.00,mugs,1\nCup,,2.00,mugs,\nMug,two,3.00,mugs,2\n")
    assert products(depot) == [
        ["Cup", None, "2.00", "mugs", 0, 1],
        ["Mug", "two", "3.00", "mugs", 2, 1],
    ]


def test_an_unchanged_row_is_not_written_again(depot: Depot) -> None:
    depot.shop.add_category("mugs")
    text = HEADER + "".join(f"Mug {n},of clay,{n}.50,mugs,{n}\n" for n in range(50))
    for _ in range(2):
        job = depot.load(text)
        assert (job["rows_read"], job["rows_written"]) == (50, 50)
    assert {row[-1] for row in products(depot)} == {1}
    other = text.replace("Mug 7,of clay", "Mug 7,of glass").replace(
        "Mug 8,of clay,8.50,mugs,8", "Mug 8,,8.50,mugs,9"
    )
    assert depot.load(other)["rows_written"] == 50
    assert [row[0] for row in products(depot) if row[-1] == 2] == ["Mug 7", "Mug 8"]


def test_columns_that_are_not_there_leave_what_there_is(depot: Depot) -> None:
    depot.shop.add_category("mugs")
    depot.load(HEADER + "Mug,of clay,1.00,mugs,5\n")
    depot.load("category,PRICE, name\nmugs,2.00,Mug\nmugs,3.00,Cup\n")
    assert products(depot) == [
        ["Cup", None, "3.00", "mugs", 0, 1],
        ["Mug", "of clay", "2.00", "mugs", 5, 2],
    ]


def test_empty_rows_before_the_header_are_skipped(depot: Depot) -> None:
    depot.shop.add_category("mugs")
    for n, before in enumerate(("\n", "\r\n\n", " ,\t,\n,,,\r\n", "\ufeff\n\n")):
        job = depot.load(f"{before}{HEADER}Mug {n},,1,mugs,1\nCup {n},,x,mugs,1\n")
        assert (job["status"], job["rows_read"], job["rows_written"]) == ("completed", 2, 1)
        assert depot.rejects(job["id"]) == [(before.count("\n") + 3, "price", "type")]
    assert [row[0] for row in products(depot)] == ["Mug 0", "Mug 1", "Mug 2", "Mug 3"]


DIRT = [
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


def test_every_dirty_row_is_rejected_with_its_line_and_its_reason_and_no_other(
    depot: Depot,
) -> None:
    depot.shop.add_category("mugs")
    text = HEADER + "".join(f"{row}\n" for row, _ in DIRT)
    job = depot.load(text.encode("utf-8", "surrogateescape"))
    rejected = [rejection for _, rejection in DIRT if rejection]
    assert depot.rejects(job["id"]) == rejected
    assert (job["status"], job["rows_rejected"], job["rows_read"]) == (
        "completed",
        len(rejected),
        len(DIRT) - 1,
    )
    assert [row[0] for row in products(depot)] == ["Mug\n21", "Mug 1", "Mug 16", "Mug 24"]
    assert [row[1:5] for row in products(depot) if row[0] == "Mug 16"] == [["x", "1.00", "mugs", 7]]


FAILURES = {
    "empty": (b"", "file.csv", "the file is empty"),
    "unknown column": (b"name,colour\nMug,red\n", "file.csv", "the column 'colour' is not one of"),
    "column twice": (b"name,name\nMug,red\n", "file.csv", "the column 'name' stands there twice"),
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
        "the header line cannot be read: it has a quote where none",
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


@pytest.mark.parametrize("name", FAILURES)
def test_a_file_that_cannot_be_read_fails_and_says_why(depot: Depot, name: str) -> None:
    data, file, reason = FAILURES[name]
    job = depot.load(data, name=file)
    assert job["status"] == "failed"
    assert job["error"].startswith(reason)
    assert job["finished_at"]


@pytest.mark.parametrize(
    "text", [HEADER, HEADER.strip(), "\ufeff" + HEADER, HEADER.replace("\n", "\r\n")]
)
def test_a_header_alone_is_a_file_of_no_rows(depot: Depot, text: str) -> None:
    job = depot.load(text)
    assert (job["status"], job["rows_read"], job["error"]) == ("completed", 0, None)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("ending", ["\n", ""])
def test_a_mark_and_a_missing_last_newline_do_not_matter(
    depot: Depot, packed: bool, ending: str
) -> None:
    depot.shop.add_category("mugs")
    data = ("\ufeff" + HEADER + "Mug,,1.00,mugs,1\nCup,,1.00,mugs,1" + ending).encode()
    job = depot.load(
        gzip.compress(data) if packed else data, name="file.csv.gz" if packed else "FILE.CSV"
    )
    assert (job["status"], job["rows_written"], job["bytes_read"]) == (
        "completed",
        2,
        job["bytes_total"],
    )


def test_lines_of_json(depot: Depot) -> None:
    depot.shop.add_category("mugs")
    lines = [
        '{"name": "Mug", "price": 1.5, "category": "mugs", "inventory": 3, "description": "a\\tb\\\\n"}',
        "",
        '{"name": "Cup", "price": "2.00", "category": "mugs", "description": null}',
        '{"name": "Cup", "colour": 1}',
        "[1]",
        "{",
        '{"name": "Pot", "price": 1.999, "category": "mugs"}',
        '{"name": "Pot", "price": 1, "category": "pots"}',
        '{"name": 3, "price": 1, "category": "mugs"}',
    ]
    job = depot.load("\n".join(lines), name="file.jsonl")
    assert depot.rejects(job["id"]) == [
        (4, "colour", "unknown_field"), (5, "", "malformed"), (6, "", "malformed"), (7, "price", "invalid"),
        (8, "category", "unknown"), (9, "name", "type"),
    ]  # fmt: skip
    assert [row[:3] for row in products(depot)] == [
        ["Cup", None, "2.00"],
        ["Mug", "a\tb\\n", "1.50"],
    ]


def test_stock_is_set_by_name_or_id(depot: Depot) -> None:
    mug, cup = depot.shop.add_product("Mug"), depot.shop.add_product("Cup")
    by_name = depot.load("product,quantity\nMug,7\nPot,1\nMug,8\n", "inventory")
    assert depot.rejects(by_name["id"]) == [(3, "product", "unknown")]
    by_id = depot.load(f"quantity,product_id\n9,{cup}\n1,999999999\n1,x\n,{mug}\n", "inventory")
    assert depot.rejects(by_id["id"]) == [
        (3, "product_id", "unknown"), (4, "product_id", "type"), (5, "quantity", "required")
    ]  # fmt: skip
    assert depot.shop.sql("SELECT product_id, quantity FROM inventory ORDER BY 1") == [
        [mug, 8],
        [cup, 9],
    ]
    both = depot.load("product,product_id,quantity\nMug,1,1\n", "inventory")
    assert both["error"] == "one of the columns product, product_id must be there"


def test_users_are_known_by_their_email_in_any_case(depot: Depot) -> None:
    depot.shop.add_user("Ada@Example.com", "Ada")
    job = depot.load(
        "email,name\nada@example.com,Ada Byron\nbob@example.com,Bob\nnobody,N\nBOB@example.com,Rob\n",
        "users",
    )
    assert depot.rejects(job["id"]) == [(4, "email", "invalid")]
    assert depot.shop.sql("SELECT email, name FROM users ORDER BY lower(email)") == [
        ["Ada@Example.com", "Ada Byron"], ["BOB@example.com", "Rob"]
    ]  # fmt: skip


def test_a_category_without_a_slug_gets_one(depot: Depot) -> None:
    job = depot.load("name,slug\nTea & Coffee,\nMugs,cups\n!!!,\n", "categories")
    assert depot.rejects(job["id"]) == [(4, "slug", "required")]
    depot.load("name\nTea and Coffee\nTea & Coffee\n", "categories")
    assert depot.shop.sql("SELECT name, slug FROM categories ORDER BY slug") == [
        ["Mugs", "cups"], ["Tea and Coffee", "tea-and-coffee"], ["Tea & Coffee", "tea-coffee"]
    ]  # fmt: skip
