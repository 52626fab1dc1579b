"""Make files of products with errors at random places, and the expected result of each record."""

import random
import string
from collections.abc import Callable
from dataclasses import dataclass, field

HEADER = b"name,description,price,category,inventory\n"
# Longer than an entry of a text search index can be.
LONG_WORD = "".join(random.Random(1).choices(string.ascii_letters, k=9_900))
TRIGGER_BODY = "IF NEW.name LIKE 'Bad rejected%' THEN RAISE check_violation; END IF;"
MEBIBYTE = 1024 * 1024

# By kind of record: a function that returns its bytes, and the code of its rejection. None: the
# record is written. "skipped": it is not a record.
KINDS: dict[str, tuple[Callable[[int], bytes], str | None]] = {
    "too few fields": (lambda n: b"Bad %d,,1" % n, "wrong_columns"),
    "too many fields": (lambda n: b"Bad %d,,1,mugs,1,1" % n, "wrong_columns"),
    "end-of-data mark": (lambda n: b"\\.", "wrong_columns"),
    "no name": (lambda n: b",text %d,1,mugs,1" % n, "required"),
    "no price": (lambda n: b"Bad %d,,,mugs,1" % n, "required"),
    "price in words": (lambda n: b"Bad %d,,cheap,mugs,1" % n, "type"),
    "price with an underscore": (lambda n: b"Bad %d,,1_000,mugs,1" % n, "type"),
    "price in full-width digits": (lambda n: f"Bad {n},,１２,mugs,1".encode(), "type"),
    "price that is no number": (lambda n: b"Bad %d,,NaN,mugs,1" % n, "type"),
    "price with three decimals": (lambda n: b"Bad %d,,1.999,mugs,1" % n, "invalid"),
    "negative price": (lambda n: b"Bad %d,,-1,mugs,1" % n, "out_of_range"),
    "unknown category": (lambda n: b"Bad %d,,1,cups,1" % n, "unknown"),
    "category that is no slug": (lambda n: b"Bad %d,,1,M!,1" % n, "invalid"),
    "stock in words": (lambda n: b"Bad %d,,1,mugs,many" % n, "type"),
    "too much stock": (lambda n: b"Bad %d,,1,mugs,9999999999" % n, "out_of_range"),
    "long name": (lambda n: b"%d%s,,1,mugs,1" % (n, b"x" * 200), "too_long"),
    "NUL": (lambda n: b"Bad\0%d,,1,mugs,1" % n, "invalid"),
    "no UTF-8": (lambda n: b"Bad \xff%d,,1,mugs,1" % n, "invalid_utf8"),
    "overlong UTF-8": (lambda n: b"Bad \xc0\xaf%d,,1,mugs,1" % n, "invalid_utf8"),
    "half a surrogate pair": (lambda n: b"Bad \xed\xa0\x80%d,,1,mugs,1" % n, "invalid_utf8"),
    "quote in a field": (lambda n: b'Bad %d" tall,,1,mugs,1' % n, "malformed"),
    "text behind a quote": (lambda n: b'"Bad %d" tall,,1,mugs,1' % n, "malformed"),
    "lone carriage return": (lambda n: b"Bad\r%d,,1,mugs,1" % n, "malformed"),
    "rejected by a trigger": (lambda n: b"Bad rejected %d,,1,mugs,1" % n, "invalid"),
    "empty row": (lambda n: b",,,,", "skipped"),
    "blank line": (lambda n: b"", "skipped"),
    "spaces": (lambda n: b" , , ,", "skipped"),
    "long word": (lambda n: b"Good %d,%s,1,mugs,1" % (n, LONG_WORD.encode()), None),
    "backslashes": (lambda n: b"Good \\N %d,\\.,1,mugs,1" % n, None),
    "other line end": (lambda n: b"Good %d,,1,mugs,1\r" % n, None),
    "lines in quotes": (lambda n: b'Good %d,"a\n\\.\r\nb ""c""",1,mugs,1' % n, None),
    "spaces around": (lambda n: b" Good %d , , 1 , mugs , 1 " % n, None),
    "byte order mark": (lambda n: f"Good \ufeff{n},,1,mugs,1".encode(), None),
    "a name again": (lambda n: b"Mug 0,,%d,mugs,1" % n, None),
}
LARGE: dict[str, tuple[Callable[[int], bytes], str | None]] = {
    "long description": (lambda n: b"Bad %d,%s,1,mugs,1" % (n, b"x" * 300_000), "too_long"),
    "over a mebibyte": (lambda n: b"Bad %d,%s,1,mugs,1" % (n, b"x" * MEBIBYTE), "too_long"),
}


@dataclass
class FaultyFile:
    """A file with its expected result: the rejections, and the names of the imported products."""

    data: bytes
    read: int = 0
    rejected: list[tuple[int, str]] = field(default_factory=list)
    names: set[str] = field(default_factory=set)


def valid_product(n: int) -> bytes:
    return b"Mug %d,of clay,%d.50,mugs,%d" % (n, n % 100, n % 9)


def faulty_file(faults: int, seed: int) -> FaultyFile:
    """Return a file of invalid records of every kind, and four times as many valid ones.

    At its end a quote is never closed.
    """
    rng = random.Random(seed)
    kinds = [*LARGE.items(), *KINDS.items()]
    invalid = [kinds[n] if n < len(kinds) else rng.choice([*KINDS.items()]) for n in range(faults)]
    valid = [("valid", (valid_product, None))] * (4 * faults)
    records = [*valid, *invalid]
    rng.shuffle(records)
    file, parts, line = FaultyFile(b""), [HEADER], 2
    for n, (_, (build, code)) in enumerate(records):
        text = build(n)
        parts.append(text + b"\n")
        if code != "skipped":
            file.read += 1
            if code is None:
                file.names.add(text.split(b",")[0].decode().strip())
            else:
                file.rejected.append((line, code))
        line += parts[-1].count(b"\n")
    parts.append(b'"never closed,,1,mugs,1\nLast,,1,mugs,1')
    file.rejected.append((line, "malformed"))
    file.names.add("Last")
    file.read += 2
    file.data = b"".join(parts)
    return file
