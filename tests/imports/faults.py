"""Files of products with faults at random places, and what is to become of each record."""

import random
import string
from collections.abc import Callable
from dataclasses import dataclass, field

HEADER = b"name,description,price,category,inventory\n"
LONG_WORD = "".join(
    random.Random(1).choices(string.ascii_letters, k=9_900)
)  # more than an index of words could take
REFUSAL = "IF NEW.name LIKE 'Bad refused%' THEN RAISE check_violation; END IF;"  # of the trigger
MEBIBYTE = 1024 * 1024

# A kind of record: its bytes with its number put in, and the code of its rejection. None: it is written.
# `skipped` is no record at all.
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
    "refused by a trigger": (lambda n: b"Bad refused %d,,1,mugs,1" % n, "invalid"),
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
    """`rejected` has the line and code of each record that is to be rejected; `names` are to be in the shop."""

    data: bytes
    read: int = 0
    rejected: list[tuple[int, str]] = field(default_factory=list)
    names: set[str] = field(default_factory=set)


def faulty_file(faults: int, seed: int) -> FaultyFile:
    """As many records with faults, of every kind, among four times as many clean ones; a quote is open at the end."""
    chance = random.Random(seed)
    kinds = [*LARGE.items(), *KINDS.items()]
    drawn = [
        kinds[n % len(kinds)] if n < len(kinds) else chance.choice([*KINDS.items()])
        for n in range(faults)
    ]
    clean = [("clean", (lambda n: b"Mug %d,of clay,%d.50,mugs,%d" % (n, n % 100, n % 9), None))] * (
        4 * faults
    )
    records = [*clean, *drawn]
    chance.shuffle(records)
    made, parts, line = FaultyFile(b""), [HEADER], 2
    for n, (_, (build, code)) in enumerate(records):
        text = build(n)
        parts.append(text + b"\n")
        if code != "skipped":
            made.read += 1
            if code is None:
                made.names.add(text.split(b",")[0].decode().strip())
            else:
                made.rejected.append((line, code))
        line += parts[-1].count(b"\n")
    parts.append(b'"never closed,,1,mugs,1\nLast,,1,mugs,1')
    made.rejected.append((line, "malformed"))
    made.names.add("Last")
    made.read += 2
    made.data = b"".join(parts)
    return made
