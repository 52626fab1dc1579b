"""Attacks by kind. attacks.txt has one a line; the long ones are built here."""

import re
from pathlib import Path

SHORT_ATTACKS = (Path(__file__).parent / "attacks.txt").read_text()


def _long_attacks() -> list[str]:
    return [
        "select" + " " * 20_000 + "1",
        "select " + "a" * 9_990,
        "select id from orders where id in (" + ",".join(map(str, range(1_000, 4_000))) + ")",
        "select id from orders where id in (" + ",".join(map(str, range(100_000))) + ")",
        "select " + " and ".join(["true"] * 2_500),
        "select " + ",".join(["1"] * 1_665),
        "select " + ",".join(["*"] * 250) + " from orders",
        "select " + "(" * 500 + "1" + ")" * 500,
        "select " + "(" * 40 + "1" + ")" * 40,
        "select " * 31 + "1",
        "select " + "(select " * 40 + "1" + ")" * 40,
        "select " + "case when true then " * 60 + "1" + " end" * 60,
        "select " + "not " * 2_400 + "true",
        "select " + "- " * 3_000 + "1",
        "select " + "1 + " * 2_400 + "1; select 2",
        "select 1 from " + ", ".join(f"orders o{n}" for n in range(40)),
        "select 1 from orders o0 " + " ".join(f"join orders o{n} using (id)" for n in range(1, 20)),
        "select 1 " + " ".join(["union all select 1"] * 1_500),
        "with "
        + ", ".join(f"a{n} as (select * from orders)" for n in range(60))
        + " select 1 from a1",
        "select " + "'" * 9_001,
        "select '" + "é" * 9_900 + "'; select 2",
        "select " + "pg_sleep(1), " * 500 + "1",
        "select 1 /*" + "/*" * 2_000,
        "select 'a' ~ '" + "(" * 200 + "'",
        "select 1 as " + "x" * 64,
        "select name as " + "é" * 40 + " from products",
        "select " + "||".join(["name"] * 100) + " from products",
        "\ufeffselect 1; select 2",
        "\u2028delete from orders",
        "select 1\u00a0; delete from orders",
    ]


ATTACKS = {
    kind: lines.strip().split("\n")
    for kind, lines in re.findall(r"^## (.+)\n((?:(?!## ).*\n?)+)", SHORT_ATTACKS, re.MULTILINE)
} | {"long": _long_attacks()}
