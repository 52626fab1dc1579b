"""`make adopt NAME=deals`: a diff that merges the database's changes into an edited file."""

import random
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from testing.copied_repository import run
from tests.fixtures.adopt import ForeignSchema, adopted_copy, commit, restore

FOLDER = Path("layers/shared/crm")
DEALS = FOLDER / "deals.py"
EDITS = 50
Edit = Callable[[str, int], str]


@pytest.fixture(name="adopted", scope="module")
def crm_in_a_copy() -> Iterator[ForeignSchema]:
    with adopted_copy() as database:
        yield database


@pytest.fixture(name="crm")
def crm_as_adopted(adopted: ForeignSchema) -> Iterator[ForeignSchema]:
    yield adopted
    restore(adopted)


def patched(folder: Path, diff: str) -> str:
    """Apply a diff to the file, and return its text."""
    if diff:
        subprocess.run(["git", "apply"], cwd=folder, input=diff, text=True, check=True)
    return (folder / DEALS).read_text()


def test_merge_prints_a_diff_and_writes_nothing(crm: ForeignSchema) -> None:
    path = crm.folder / DEALS
    edited = path.read_text().replace('Text("title", max_length=120', 'Text("title", max_length=80')
    path.write_text(edited)
    crm.sql("ALTER TABLE crm.deals ADD closed date")

    merged = crm.adopt("--write", "--name", "deals")

    assert (merged.code, merged.err) == (0, "")
    assert path.read_text() == edited
    assert '+        Date("closed", nullable=True),\n' in merged.out
    assert "+from sluice.kinds.date import Date\n" in merged.out
    text = patched(crm.folder, merged.out)
    assert "max_length=80" in text
    assert crm.adopt("--write").code == 0
    run(crm.folder, ".venv/bin/ruff", "check", str(FOLDER))


def test_merge_without_a_change_prints_no_diff(crm: ForeignSchema) -> None:
    path = crm.folder / DEALS
    path.write_text(path.read_text() + "\n# an edit\n")

    merged = crm.adopt("--name", "deals")

    assert (merged.code, merged.out) == (0, "")
    assert "layers/shared/crm/deals.py: the database asks for no change" in merged.err


def test_next_merge_begins_with_what_was_merged(crm: ForeignSchema) -> None:
    record = crm.folder / FOLDER / ".adopted.json"
    before = record.read_text()
    crm.sql("ALTER TABLE crm.deals ADD closed date")
    patched(crm.folder, crm.adopt("--write", "--name", "deals").out)
    assert record.read_text() == before
    assert crm.adopt("--write", "--name", "deals").out == ""
    assert record.read_text() != before
    crm.sql("ALTER TABLE crm.deals ADD opened date")

    merged = crm.adopt("--write", "--name", "deals")

    assert merged.code == 0, merged.err
    assert [line for line in merged.out.splitlines() if line.startswith("+ ")] == [
        '+        Date("opened", nullable=True),'
    ]


def test_conflict_shows_all_three_texts(crm: ForeignSchema) -> None:
    path = crm.folder / DEALS
    path.write_text(path.read_text().replace("max_length=120", "max_length=80"))
    crm.sql("ALTER TABLE crm.deals ALTER title TYPE varchar(200)")

    merged = crm.adopt("--name", "deals")

    assert merged.code == 1
    assert "conflicts: 1." in merged.err
    for line in ("<<<<<<< file", "||||||| adopted", "=======", ">>>>>>> database"):
        assert f"+{line}\n" in merged.out
    assert "max_length=200" in merged.out


def test_names_that_a_person_chose_are_kept(crm: ForeignSchema) -> None:
    path = crm.folder / DEALS
    text = path.read_text().replace('name="deals"', 'name="offers"')
    text = text.replace('Text("title"', 'Text("subject", column="title"')
    path.write_text(text.replace('singular="deal"', 'singular="offer"'))
    crm.sql("ALTER TABLE crm.deals ADD closed date")

    merged = crm.adopt("--name", "offers")

    assert merged.code == 0, merged.err
    text = patched(crm.folder, merged.out)
    assert 'Date("closed", nullable=True)' in text
    assert all(name in text for name in ('name="offers"', 'singular="offer"', '"subject"'))


def test_table_that_is_gone_is_an_error(crm: ForeignSchema) -> None:
    crm.sql("DROP TABLE crm.deals")

    merged = crm.adopt("--name", "deals")

    assert merged.code == 1
    assert "NAME=deals: the database has no such table any more" in merged.err


# Hand edits: each leaves the mark `kept_<n>` in the file.


def add_a_comment(text: str, n: int) -> str:
    return text.replace("\nDEALS = Resource(", f"\n# kept_{n}\nDEALS = Resource(", 1)


def add_a_method(text: str, n: int) -> str:
    return f"{text.rstrip()}\n\n    def kept_{n}(self) -> int:\n        return {n}\n"


def add_a_constant(text: str, n: int) -> str:
    return text.replace("\nDEALS = Resource(", f"\nKEPT = 'kept_{n}'\nDEALS = Resource(", 1)


def describe_a_field(text: str, n: int) -> str:
    if "description" in text:
        return re.sub(r'description="[^"]*', rf"\g<0> kept_{n}", text, count=1)
    return text.replace('Text("title", ', f'Text("title", description="kept_{n}", ', 1)


def add_a_comment_to_a_field(text: str, n: int) -> str:
    return text.replace('        Text("title", ', f'        # kept_{n}\n        Text("title", ', 1)


def extend_the_docstring(text: str, n: int) -> str:
    return text.replace('\n"""\n', f'\n\nkept_{n} is a rule.\n"""\n', 1)


def add_a_class(text: str, n: int) -> str:
    return f"{text.rstrip()}\n\n\nclass Kept{n}:\n    name = 'kept_{n}'\n"


HAND_EDITS: tuple[Edit, ...] = (
    add_a_comment,
    add_a_method,
    add_a_constant,
    describe_a_field,
    add_a_comment_to_a_field,
    extend_the_docstring,
    add_a_class,
)
SCHEMA_CHANGES = (
    "ALTER TABLE crm.deals ADD added_{n} integer",
    "ALTER TABLE crm.deals ADD flag_{n} boolean NOT NULL DEFAULT false",
    "CREATE INDEX deals_amount_{n} ON crm.deals (amount)",
    "DROP INDEX IF EXISTS crm.deals_title_idx",
    "ALTER TABLE crm.deals ALTER title TYPE varchar({n}00)",
    "ALTER TABLE crm.deals ALTER owner_id DROP NOT NULL",
    "CREATE TABLE crm.table_{n} (id int PRIMARY KEY, deal_id bigint REFERENCES crm.deals)",
    "COMMENT ON TABLE crm.deals IS 'Comment {n}'",
)


@pytest.mark.slow
def test_no_hand_edit_is_lost(crm: ForeignSchema) -> None:
    chance = random.Random(20)
    path = crm.folder / DEALS
    marks: list[str] = []
    merges = 0
    for n in range(1, EDITS + 1):
        path.write_text(chance.choice(HAND_EDITS)(path.read_text(), n))
        marks.append(f"kept_{n}")
        if n % 5:
            continue
        crm.sql(chance.choice(SCHEMA_CHANGES).format(n=n))
        commit(crm.folder)
        before = {each: each.read_bytes() for each in (crm.folder / FOLDER).glob("*.py")}

        written = crm.adopt("--write")
        assert written.code == 0, written.err
        changed = {each.name for each in before if each.read_bytes() != before[each]}
        assert changed <= {"registry.py"}

        merged = crm.adopt("--name", "deals")
        assert merged.code in (0, 1), merged.err
        text = path.read_text()
        after = patched(crm.folder, merged.out)
        assert [mark for mark in marks if mark not in text] == []
        assert [mark for mark in marks if mark not in after] == []
        if merged.code == 1:  # a person resolves it; here the file stays
            path.write_text(text)
        elif after != text:
            merges += 1
            assert crm.adopt("--write", "--name", "deals").code == 0
    assert merges >= 3


def test_merge_knows_the_tenant_of_the_adoption(crm: ForeignSchema) -> None:
    crm.sql("ALTER TABLE crm.people ADD organisation_id uuid NOT NULL")
    written = crm.adopt("--write", "--app", "rented", "--tenant", "organisation_id")
    assert written.code == 0, written.err
    commit(crm.folder)
    crm.sql("ALTER TABLE crm.deals ADD closed date")

    merged = crm.adopt("--app", "rented", "--name", "deals")

    added = [line for line in merged.out.splitlines() if re.match(r"[-+][^-+]", line)]
    assert (merged.code, merged.err) == (0, "")
    assert added == [
        "+from sluice.kinds.date import Date",
        '+        Date("closed", nullable=True),',
    ]
    text = (crm.folder / "layers/shared/rented/deals.py").read_text()
    assert '    tenant=Via("owner_id"),\n' in text
