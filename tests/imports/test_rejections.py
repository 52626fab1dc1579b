"""One record is rejected for one fault, whoever finds it; a report that can be opened; and limits that hold."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from sluice.errors import InternalError
from sluice.imports.record_splitter import MAX_RECORD
from sluice.imports.report import harmless
from sluice.imports.row_parser import printable
from tests.imports.conftest import BUCKET, Depot
from tests.imports.test_job import HEADER, products

NO_LEAD = "IF NEW.description = 'of lead' THEN RAISE check_violation; END IF;"
REFUSALS = {
    "by a message": ("RAISE 'no';", "invalid"),
    "by a constraint": ("RAISE check_violation;", "invalid"),
    "by a missing function": ("PERFORM no_such_function();", "internal_error"),
    "by an internal error": (
        "RAISE internal_error USING MESSAGE = 'tuple concurrently updated';",
        "internal_error",
    ),
    "by a division": ("NEW.price := 1 / 0;", "internal_error"),
}


@contextmanager
def product_trigger(depot: Depot, body: str) -> Iterator[None]:
    """A trigger of the owner's, before each product is inserted."""
    function = "CREATE FUNCTION on_product() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS"
    depot.shop.sql(f"{function} $$ BEGIN {body} RETURN NEW; END $$")
    depot.shop.sql(
        "CREATE TRIGGER t BEFORE INSERT ON products FOR EACH ROW EXECUTE FUNCTION on_product()"
    )
    try:
        yield
    finally:
        depot.shop.sql("DROP FUNCTION on_product() CASCADE")


def kept_rejects(depot: Depot) -> int:
    return int(str(depot.shop.sql("SELECT count(*) FROM sluice.import_rejects")[0][0]))


def counts(job: dict[str, Any]) -> tuple[int, int, int]:
    return job["rows_read"], job["rows_written"], job["rows_rejected"]


@pytest.mark.parametrize("packed", ["file.csv", "file.jsonl"])
def test_field_that_is_too_long_rejects_its_row(depot: Depot, packed: str) -> None:
    depot.shop.add_category("mugs")
    rows = [
        ("Mug", "of clay"),
        ("Cup", "x" * 300_000),
        ("Pot", "of glass"),
        ("Jar", "y, " * 100_000),
    ]
    if packed == "file.csv":
        text = HEADER + "".join(f'{name},"{text}",1,mugs,1\n' for name, text in rows)
        rejected = [(3, "description", "too_long"), (5, "description", "too_long")]
    else:
        fields = [
            {"name": name, "description": text, "price": 1, "category": "mugs"}
            for name, text in rows
        ]
        text = "".join(f"{json.dumps(each)}\n" for each in fields)
        rejected = [(2, "description", "too_long"), (4, "description", "too_long")]
    job = depot.load(text, name=packed)
    assert depot.rejects(job["id"]) == rejected
    assert (job["status"], *counts(job)) == ("completed", 4, 2, 2)


@pytest.mark.parametrize(
    "size", [MAX_RECORD - 20, MAX_RECORD - 1, MAX_RECORD, MAX_RECORD + 1, 3 * MAX_RECORD + 7]
)
@pytest.mark.parametrize("ending", ["\n", ""])
def test_record_over_a_mebibyte_rejects_itself_alone(depot: Depot, size: int, ending: str) -> None:
    depot.shop.add_category("mugs")
    long = f"Cup,{'x' * (size - 15)},1,mugs,1"
    job = depot.load(HEADER + f"Mug,,1,mugs,1\n{long}\nPot,,1,mugs,1\n{long}{ending}")
    assert [(line, code) for line, _, code in depot.rejects(job["id"])] == [
        (3, "too_long"),
        (5, "too_long"),
    ]
    assert (job["status"], *counts(job)) == ("completed", 4, 2, 2)
    assert job["bytes_read"] == job["bytes_total"]
    first = depot.load(HEADER + f"{long}\nJar,,1,mugs,1\n")
    assert counts(first) == (2, 1, 1)
    line = json.dumps({"name": "x" * size, "price": 1, "category": "mugs"})
    assert counts(depot.load(f'{line}\n\n{line}\n{{"name": "A", "price": 1, "category": "mugs"}}', name="a.jsonl")) == (
        3, 1, 2,
    )  # fmt: skip


def test_long_lines_in_quotes_are_skipped_to_their_end(depot: Depot) -> None:
    depot.shop.add_category("mugs")
    long = '"Cup\nand saucer",' + "x" * (2 * MAX_RECORD) + ",1,mugs,1"
    job = depot.load(HEADER + f"{long}\nPot,,1,mugs,1\nBad,,x,mugs,1\n")
    assert [(line, code) for line, _, code in depot.rejects(job["id"])] == [
        (2, "too_long"),
        (5, "type"),
    ]
    assert counts(job) == (3, 1, 2)


def test_record_that_only_the_server_refuses_is_rejected(depot: Depot) -> None:
    """The owner has a constraint that is no rule of the API's."""
    depot.shop.add_category("mugs")
    rows = [f"Mug {n},{'of lead' if n % 400 == 7 else 'of clay'},1,mugs,1\n" for n in range(2_000)]
    with product_trigger(depot, NO_LEAD):
        job = depot.load(HEADER + "".join(rows))
    assert depot.rejects(job["id"]) == [
        (n + 2, "", "invalid") for n in range(2_000) if n % 400 == 7
    ]
    assert counts(job) == (2_000, 1_995, 5)
    assert len(products(depot)) == 1_995


@pytest.mark.parametrize("refusal", REFUSALS)
def test_record_that_a_trigger_refuses_is_rejected(depot: Depot, refusal: str) -> None:
    depot.shop.add_category("mugs")
    raised, code = REFUSALS[refusal]
    names = ["Bad 0", *(f"Mug {n}" for n in range(500)), "Bad 1", "Bad 2", "Cup", "Bad 3"]
    with product_trigger(depot, f"IF NEW.name LIKE 'Bad%' THEN {raised} END IF;"):
        job = depot.load(HEADER + "".join(f"{name},,1,mugs,1\n" for name in names))
    lines = [n for n, name in enumerate(names, 2) if name.startswith("Bad")]
    assert [(line, found) for line, _, found in depot.rejects(job["id"])] == [
        (line, code) for line in lines
    ]
    assert (job["status"], *counts(job)) == ("completed", 505, 501, 4)
    assert len(products(depot)) == 501


def test_broken_schema_rejects_no_row(depot: Depot) -> None:
    """What the server has against every row, and against none, is no row's fault."""
    depot.shop.sql("ALTER TABLE users RENAME COLUMN name TO called")
    try:
        key = depot.put("incoming/users/a.csv", b"email,name\na@x.y,A\n")
        with pytest.raises(InternalError):
            depot.importer.run(key, 60.0)
    finally:
        depot.shop.sql("ALTER TABLE users RENAME COLUMN called TO name")
    assert counts(depot.job(key)) == (0, 0, 0)
    assert depot.importer.run(key, 60.0)
    assert counts(depot.job(key)) == (1, 1, 0)


NAMES = [
    "\ud800",
    "\x00",
    "a\x00b",
    "=cmd|'/c calc'!A1",
    "\r\n",
    ";=1",
    "x" * 5_000,
    "",
    "\u202e",
    "\\",
    "\t@",
]


def test_field_names_that_cannot_be_stored_are_reported(depot: Depot) -> None:
    lines = [json.dumps({name: 1}).encode() for name in NAMES]
    lines += [b'{"\xff": 1}', b'{"\xff": 1, "\xff": 2}']
    job = depot.load(b"\n".join(lines), "users", "file.jsonl")
    assert (job["status"], *counts(job)) == ("completed", len(lines), 0, len(lines))
    rows = list(csv.reader(io.StringIO(report(depot, job["id"]), newline="")))[1:]
    assert [int(line) for line, *_ in rows] == list(range(1, len(lines) + 1))
    assert {code for _, _, code, _ in rows[:-1]} == {"unknown_field"}
    for row in rows:
        for cell in row:
            assert not cell.lstrip(" \"'").startswith(
                ("=", "+", "-", "@", "\t", "\r")
            ) or cell.startswith("'")
            assert len(cell) <= 102
            assert ";" not in cell or cell is row[3]


def report(depot: Depot, id: int) -> str:
    return str(depot.s3.get_object(Bucket=BUCKET, Key=f"rejects/{id}.csv")["Body"].read().decode())


@pytest.mark.parametrize(
    "cell", ["=1", "+1", "-1", "@a", "\t=1", "\r=1", ' "=1', "'=1", "  +1", "\n-1", "＝1", '""=1']
)
def test_cells_of_reports_are_no_formulas(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"


def test_ordinary_cells_of_reports_stay_as_they_are() -> None:
    for cell in ("name", "must be from 0 to 9", "a=b", "1-2", "", "é"):
        assert harmless(cell) == cell
    assert harmless(None) == ""
    assert printable("Größe (cm)") == "Größe (cm)"


def test_json_lines_name_a_product_by_name_or_id(depot: Depot) -> None:
    mug, cup = depot.shop.add_product("Tin Mug"), depot.shop.add_product("Cup")
    lines: list[dict[str, object]] = [
        {"product": "Tin Mug", "quantity": 3},
        {"product_id": cup, "quantity": 4},
        {"product": "Pot", "quantity": 1},
        {"product_id": 999_999_999, "quantity": 1},
        {"quantity": 1},
        {"product": "Cup", "product_id": cup, "quantity": 1},
        {"product": None, "product_id": cup, "quantity": 5},
        {"product": "Cup"},
        {"product": "Tin Mug", "product_id": None, "quantity": 6},
    ]
    job = depot.load("\n".join(map(json.dumps, lines)), "inventory", "file.jsonl")
    assert depot.rejects(job["id"]) == [
        (3, "product", "unknown"), (4, "product_id", "unknown"), (5, "product", "required"),
        (6, "product_id", "invalid"), (8, "quantity", "required"),
    ]  # fmt: skip
    assert counts(job) == (9, 4, 5)
    assert depot.shop.sql("SELECT product_id, quantity FROM inventory ORDER BY 1") == [
        [mug, 6],
        [cup, 5],
    ]


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ('{"name":"x","price":1,"price":2,"category":"mugs"}', "price"),
        ('{"name":"x","price":{"a":1,"a":2},"category":"mugs"}', "a"),
        ('{"name":[{"b":1,"b":1}]}', "b"),
        ('{"name":"x","name":"x","price":1,"category":"mugs"}', "name"),
        ('{"n\\u0061me":"x","name":"y","price":1,"category":"mugs"}', "name"),
    ],
)
def test_field_that_is_there_twice_rejects_the_line(depot: Depot, line: str, column: str) -> None:
    depot.shop.add_category("mugs")
    job = depot.load(line + '\n{"name":"y","price":1,"category":"mugs"}', name="file.jsonl")
    assert depot.rejects(job["id"]) == [(1, column, "duplicate_field")]
    assert [row[0] for row in products(depot)] == ["y"]


NOT_JSON = [
    "NaN",
    '{"name": NaN}',
    '{"a":1}{"b":2}',
    "[" * 100_000,
    '{"price": 1' + "0" * 5_000 + "}",
    "\ufeff{}",
    "1",
]


def test_lines_that_are_no_json_objects_are_rejected(depot: Depot) -> None:
    job = depot.load("\n" + "\n".join(NOT_JSON), name="file.jsonl")
    assert depot.rejects(job["id"]) == [(n, "", "malformed") for n in range(2, len(NOT_JSON) + 2)]


def test_rejections_never_exceed_their_limit(depot: Depot) -> None:
    depot.shop.add_category("mugs")
    depot.importer = replace(depot.importer, max_rejections=10)
    text = HEADER + "".join(f"Mug {n},,{'x' if n % 3 else '1'},mugs,1\n" for n in range(40))
    id = depot.put("incoming/products/a.csv", text.encode())
    assert depot.importer.run(id, 60.0)
    job = depot.job(id)
    assert (job["status"], job["error"]) == ("failed", "more than 10 rows are rejected")
    assert counts(job) == (16, 6, 10)
    assert len(depot.rejects(id)) == 10
    just = depot.load(HEADER + "Cup,,x,mugs,1\n" * 10 + "Cup,,1,mugs,1\n")
    assert (just["status"], *counts(just)) == ("completed", 11, 1, 10)


def test_limit_holds_for_what_the_server_rejects(depot: Depot) -> None:
    depot.shop.add_category("mugs")
    depot.importer = replace(depot.importer, max_rejections=3)
    with product_trigger(depot, NO_LEAD):
        for category in ("cups", "mugs"):
            job = depot.load(
                HEADER + "".join(f"Mug {n},of lead,1,{category},1\n" for n in range(9))
            )
            assert (job["status"], *counts(job)) == ("failed", 3, 0, 3)


def test_rejected_rows_are_deleted_when_the_report_is_there(depot: Depot) -> None:
    depot.shop.add_category("mugs")
    done = depot.load(HEADER + "Mug,,x,mugs,1\n" * 5)
    assert len(depot.rejects(done["id"])) == done["rows_rejected"] == 5
    assert done["rejects_url"]
    failed = depot.load(HEADER + "Mug,,x,mugs,1\n" * 5, name="file.csv.gz")
    assert failed["status"] == "failed"
    assert kept_rejects(depot) == 0


def test_many_short_rows_are_read_in_little_memory(depot: Depot) -> None:
    """A chunk has at most 50,000 lines, however short they are."""
    depot.importer = replace(depot.importer, max_rejections=1_000)
    job = depot.load(b'"\n' + b"a\n" * 700_000, "users")
    assert job["error"].startswith(
        "the header line cannot be read: it is longer than 1,048,576 bytes"
    )
    job = depot.load(b"email,name\n" + b"a\n" * 700_000, "users")
    assert (job["status"], *counts(job)) == ("failed", 1_000, 0, 1_000)
    blank = depot.load(b"email,name\n" + b"\n" * 700_000 + b"a@x.y,A\n", "users")
    assert (blank["status"], *counts(blank)) == ("completed", 1, 1, 0)


def test_file_over_the_size_limit_fails_when_it_is_received(depot: Depot) -> None:
    depot.importer = replace(depot.importer, max_bytes=100)
    job = depot.load(HEADER + "Mug,,1,mugs,1\n" * 10)
    assert (job["status"], *counts(job)) == ("failed", 0, 0, 0)
    assert job["error"] == "the file has 182 bytes; at most 100 are imported. Split it"


class Interrupted:
    """A transaction of the worker's: before its first write of products, another session does something."""

    def __init__(self, work: Any, interrupt: Callable[[], object]) -> None:
        self._work = work
        self._interrupt = interrupt

    def __getattr__(self, name: str) -> Any:
        return getattr(self._work, name)

    def write(self, sql: str, params: Any = None) -> Any:
        if "INSERT INTO products" in sql:
            self._interrupt()
        return self._work.write(sql, params)


@pytest.mark.parametrize("clean", [True, False])
def test_row_whose_category_goes_meanwhile_is_rejected(depot: Depot, clean: bool) -> None:
    """Between the look for categories and the write another session deletes one: nothing is lost silently."""
    depot.shop.sql("INSERT INTO categories (name, slug) VALUES ('M', 'mugs'), ('C', 'cups')")
    connect = depot.importer.connect

    @contextmanager
    def interrupted() -> Iterator[Any]:
        with connect() as begin:

            @contextmanager
            def begin_interrupted() -> Iterator[Any]:
                with begin() as work:
                    yield Interrupted(
                        work, lambda: depot.shop.sql("DELETE FROM categories WHERE slug = 'cups'")
                    )

            yield begin_interrupted

    depot.importer = replace(depot.importer, connect=interrupted)
    text = HEADER + "Cup,,1,cups,1\nMug,,1,mugs,1\n" + ("" if clean else "Pot,,x,mugs,1\n")
    job = depot.load(text)
    assert (job["status"], *counts(job)) == (
        ("completed", 2, 1, 1) if clean else ("completed", 3, 1, 2)
    )
    assert depot.rejects(job["id"])[0] == (2, "category", "unknown")
    assert [row[0] for row in products(depot)] == ["Mug"]
