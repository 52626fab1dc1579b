"""`search` finds the same words in a text on servers of any version and locale."""

import json
import os
import random
import unicodedata
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import quote

import pg8000.native
import pytest

from local.postgres import PostgresServer
from sluice.migrations import text_search
from tests.fixtures.database import owner_connection
from tests.fixtures.shop import Shop

# Databases with each kind of locale. A server has those that its version and machine support.
LOCALES = (
    "LOCALE 'C' LOCALE_PROVIDER libc",
    "LOCALE 'C.UTF-8' LOCALE_PROVIDER libc",
    "LOCALE 'en_US.UTF-8' LOCALE_PROVIDER libc",
    "LOCALE 'tr_TR.UTF-8' LOCALE_PROVIDER libc",
    "LOCALE 'C.UTF-8' LOCALE_PROVIDER icu ICU_LOCALE 'tr'",
    "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LC_COLLATE 'C' LC_CTYPE 'C'",
)
EXPECTED = {
    "“Vintage” lamp—brass": ["vintage", "lamp", "brass"],
    "¿Qué? «Déjà» „Größe“ …und GRÖẞE!": ["qué", "déjà", "grösse", "und", "grösse"],
    "cafe\u0301 CAFE\u0301": ["café", "café"],
    "a\u00a0b\u2009c\u3000d\u202fe": ["a", "b", "c", "d", "e"],
    "tea\u200bcup": ["tea", "cup"],
    "Vin\u00adtage": ["vintage", "vin", "tage"],
    "می\u200cخواهم": ["میخواهم", "می", "خواهم"],
    "、茶。「お茶」": ["茶", "お茶"],
    "İSTANBUL i\u0307x ΟΔΟΣ Σίσυφος": ["istanbul", "ix", "οδοσ", "σίσυφοσ"],
    "ﬁsh ＦＵＬＬ\uff0dＷｉｄｔｈ Brand™ Pepper® m² ½": [
        "fish",
        "full",
        "width",
        "brand",
        "pepper",
        "m2",
        "1",
        "2",
    ],
    "ЧАЙ\u2013кофе": ["чай", "кофе"],
    "O\u2019Brien rock\u2011n\u2011roll": ["o", "brien", "rock", "n", "roll"],
    "price: 5€/kg, 50% off 🫖tea☕": ["price", "5", "kg", "50", "off", "tea"],
    "": [],
    "— … 🫖": [],
}


@pytest.fixture(scope="module")
def servers(postgres_server: PostgresServer) -> Iterator[list[pg8000.native.Connection]]:
    """Connections to databases with the functions, one for each locale."""
    connections, names = [], []
    with closing(owner_connection(postgres_server.url())) as owner:
        for locale in LOCALES:
            name = f"words_{os.urandom(4).hex()}"
            try:
                owner.run(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' {locale}")
            except pg8000.native.DatabaseError:
                continue  # this version or machine does not have the locale
            names.append(name)
            connection = owner_connection(postgres_server.url(database=name))
            connection.run("CREATE SCHEMA sluice")
            for statement in text_search.statements():
                connection.run(statement)
            connections.append(connection)
        assert len(connections) >= 3
        yield connections
        for connection in connections:
            connection.close()
        for name in names:
            owner.run(f"DROP DATABASE {name} WITH (FORCE)")


def words_of(
    server: pg8000.native.Connection, texts: list[str], function: str = "words"
) -> list[list[str]]:
    query = f"""
        SELECT sluice.{function}(t)
        FROM unnest(CAST(:texts AS text[])) WITH ORDINALITY AS u(t, n)
        ORDER BY n
    """
    return [words for (words,) in server.run(query, texts=texts)]


def test_words_are_equal_in_all_locales(servers: list[pg8000.native.Connection]) -> None:
    for server in servers:
        assert dict(zip(EXPECTED, words_of(server, list(EXPECTED)), strict=True)) == EXPECTED


def test_words_of_random_texts_are_equal(
    servers: list[pg8000.native.Connection],
) -> None:
    chance = random.Random(8)
    codes = [*range(1, 0xD800), *range(0xE000, 0x10000), *range(0x1F300, 0x1FA00)]

    def random_character() -> str:
        limit = chance.choice((0x250, 0x600, len(codes)))
        return chr(chance.choice(codes[:limit]))

    texts = ["".join(random_character() for _ in range(60)) for _ in range(300)]
    first, *others = (words_of(server, texts) for server in servers)
    assert all(other == first for other in others)
    assert sum(map(len, first)) > 2_000


def test_search_ignores_the_normal_form(
    servers: list[pg8000.native.Connection],
) -> None:
    texts = list(EXPECTED)
    for server in servers:
        for form in ("NFC", "NFD"):
            changed = [unicodedata.normalize(form, text) for text in texts]
            searches = words_of(server, changed, "search_words")
            for words, searched in zip(words_of(server, texts), searches, strict=True):
                assert set(searched) <= set(words)
            assert words_of(server, changed) == words_of(server, texts)


def test_punctuation_separates_words_and_letters_do_not() -> None:
    """Below U+3000 the list has all punctuation, spaces and mathematical symbols, and no letter."""
    separators = set()
    for text in text_search.SEPARATORS.split():
        first, _, last = text.partition("-")
        separators |= set(range(int(first, 16), int(last or first, 16) + 1))
    for code in range(1, 0x3000):
        category = unicodedata.category(chr(code))
        assert not (code in separators and category[0] in "LMN"), hex(code)
        if category[0] in "PZ" or category == "Sm":
            assert code in separators, hex(code)


def test_row_with_a_long_word_can_be_written(shop: Shop) -> None:
    chance = random.Random(3)
    word = "".join(chance.choice("abcdefghijklmnopqrstuvwxyz0123456789") for _ in range(10_000))
    shop.add_category("mugs")
    for name, description in (
        ("One", word),
        ("Two", "茶" + word[:9_990]),
        ("Three", word[:200] + " tea"),
    ):
        product = {"name": name, "description": description, "price": 1, "category": "mugs"}
        assert shop.post("/api/products", product).status == 201
    assert [row["name"] for row in shop.get("/api/products?search=tea").json["data"]] == ["Three"]
    assert [row["name"] for row in shop.get(f"/api/products?search={word[:200]}").json["data"]] == [
        "Three"
    ]


SEARCHES = [
    (
        "“Vintage” lamp—brass",
        ["vintage", "LAMP", "“brass”", "lamp-brass", "Vintage Lamp"],
        ["vint", "lampbrass"],
    ),
    ("¿qué?", ["qué", "QUE\u0301", "¿qué"], ["que"]),
    ("„Größe“", ["größe", "GRÖSSE", "grösse", "GRO\u0308ẞE"], ["grosse"]),
    ("Vin\u00adtage\u00a0lamp", ["vintage", "vin\u00adtage", "tage lamp"], ["vintagelamp"]),
    ("tea\u200bcup", ["tea", "cup", "tea\u200bcup", "tea cup"], ["teacup"]),
    ("《茶》、お茶", ["茶", "お茶。"], []),
    ("cafe\u0301", ["café", "CAFÉ", "cafe\u0301"], ["cafe"]),
    ("İstanbul çayı", ["istanbul", "İSTANBUL", "i\u0307stanbul"], []),
]


@pytest.mark.parametrize(("name", "finding", "missing"), SEARCHES)
def test_search_ignores_punctuation(
    shop: Shop, name: str, finding: list[str], missing: list[str]
) -> None:
    shop.add_category("other")
    shop.add_product(name)
    shop.add_product("Decoy")
    shop.sql("INSERT INTO categories (name, slug) VALUES (:n, 'wanted')", n=name)
    shop.add_user("ada@example.com", name)
    for searched in finding + missing:
        for list_ in ("products", "categories", "users"):
            found = [
                row["name"]
                for row in shop.get(f"/api/{list_}?search={quote(searched)}").json["data"]
            ]
            assert found == ([name] if searched in finding else []), (list_, searched)
        response = shop.graphql(
            f"{{ products(filter: {{search: {json.dumps(searched)}}}) {{ nodes {{ name }} }} }}"
        )
        assert bool(response.json["data"]["products"]["nodes"]) == (searched in finding)


@pytest.mark.parametrize(
    "search", ["—", "“”", "\u200b", "\u00ad", " \u00a0 ", "🫖", "%", "\u0301", "、。", "™"]
)
def test_search_without_a_word_is_rejected(shop: Shop, search: str) -> None:
    response = shop.get(f"/api/products?search={quote(search)}")
    assert (response.status, response.code, response.errors) == (
        400,
        "invalid_parameter",
        {"search": "invalid"},
    )
    found = shop.graphql(
        f"{{ products(filter: {{search: {json.dumps(search)}}}) {{ totalCount }} }}"
    )
    assert found.json["errors"][0]["extensions"]["code"] == "invalid_parameter"


def test_search_uses_the_index(shop: Shop) -> None:
    # Tables this small are cheapest to read whole, so PostgreSQL may only use a bitmap.
    for method in ("seqscan", "indexscan", "indexonlyscan"):
        shop.sql(f"SET enable_{method} = off")
    for table, text in (
        ("products", "name || ' ' || coalesce(description, '')"),
        ("categories", "name"),
        ("users", "name || ' ' || email"),
    ):
        plan = shop.sql(
            f"""
            EXPLAIN SELECT 1 FROM {table}
            WHERE sluice.words({text}) @> sluice.search_words('“Tea”')
            """
        )
        assert f"{table}_search_idx" in str(plan)
