"""The tenants that credentials list, and the one that a request chooses."""

import logging
from typing import Any

import pytest

from sluice import application
from sluice.identity.claims import tenants_in, tenants_in_flattened
from sluice.identity.tenant_choice import canonical_tenants, choose
from tests.engine.tenants.tables import ONE, TWO

UPPER = ONE.replace("0000-4000", "000A-4000").upper()
LETTERS = UPPER.lower()


@pytest.fixture
def tenant_type(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make the parameter the SQL type of the application's tenants."""
    monkeypatch.setitem(vars(application.current().registry), "TENANT", request.param)
    return str(request.param)


def listed(*values: object) -> tuple[str, ...]:
    return canonical_tenants(values, "client")


def with_type(*types: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("tenant_type", types, indirect=True)


def test_uuids_have_one_spelling() -> None:
    assert listed(UPPER, LETTERS, ONE) == (LETTERS, ONE)


@with_type("bigint", "integer", "smallint")
def test_whole_numbers_have_one_spelling(tenant_type: str) -> None:
    assert listed(7, "7", "-7", 0) == ("7", "-7", "0")
    unusual = ("007", "+7", "7.0", "7e0", " 7", "7 ", "1_0", "٧", "７", "-0", "0x7", "", "--7")
    assert listed(*unusual, 7.0, True, 2**63, -(2**63) - 1) == ()


@with_type("text")
def test_texts_are_compared_exactly(tenant_type: str) -> None:
    assert listed("acme", "Acme", "аcme", "acme ", "7") == ("acme", "Acme", "аcme", "acme ", "7")
    assert listed("", "a\0b", "\ud800", None, [], {}, True, 1.5) == ()


@pytest.mark.parametrize(
    "value", [f"{{{ONE}}}", ONE.replace("-", ""), f"urn:uuid:{ONE}", f"{ONE}\n", f"{ONE},{TWO}", ""]
)
def test_other_spellings_of_uuids_are_ignored(value: str) -> None:
    assert listed(value, TWO) == (TWO,)


def test_ignored_value_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "sluice"):
        for _ in range(3):
            canonical_tenants(["x", "y"], "logged once")
    (record,) = caplog.records
    assert "logged once" in record.getMessage()


@with_type("")
def test_application_without_tenants_lists_none(tenant_type: str) -> None:
    assert listed(ONE, "x") == ()


def test_single_tenant_needs_no_header() -> None:
    assert choose((ONE,), None) == ONE
    assert choose((ONE, TWO), None) == ""
    assert choose((), None) == ""


def test_header_chooses_a_listed_tenant() -> None:
    assert choose((ONE, TWO), TWO) == TWO
    assert choose((LETTERS,), UPPER) == LETTERS


@pytest.mark.parametrize(
    "sent",
    [
        "",
        TWO,
        f"{ONE},{TWO}",
        f"{ONE}, {ONE}",
        f"{ONE} {ONE}",
        f" {ONE}",
        ONE.replace("-", "%2D"),
        ONE.replace("0", "٠"),
        ONE.replace("0", "Ｏ"),
        ONE.replace("-", "‐"),
        f'"{ONE}"',
        f"{{{ONE}}}",
        "*",
        "null",
        "x" * 10_240,
    ],
)
def test_header_cannot_choose_another_tenant(sent: str) -> None:
    assert choose((ONE,), sent) == ""
    assert choose((), sent) == ""


@pytest.mark.parametrize(
    ("name", "claims", "values"),
    [
        ("org", {"org": ONE}, [ONE]),
        ("org", {"org": [ONE, 7]}, [ONE, 7]),
        ("org", {"org": 7}, [7]),
        ("org", {}, []),
        ("org", {"org": None}, []),
        ("org", {"ORG": ONE}, []),
        ("app.orgs", {"app": {"orgs": [ONE]}}, [ONE]),
        ("app.orgs", {"app.orgs": TWO, "app": {"orgs": ONE}}, [TWO]),
        ("app.orgs", {"app.orgs": None, "app": {"orgs": ONE}}, []),
        ("app.orgs", {"app": [{"orgs": ONE}]}, []),
        ("app.orgs", {"app": "orgs"}, []),
        ("https://a.example/org", {"https://a.example/org": ONE}, [ONE]),
    ],
)
def test_claim_is_found_by_name_or_path(
    name: str, claims: dict[str, Any], values: list[object]
) -> None:
    assert tenants_in(claims, name) == values


def test_items_of_other_types_are_ignored() -> None:
    mixed = [ONE, None, True, 1.5, {"id": TWO}, [TWO], "x", 7]
    assert listed(*tenants_in({"org": mixed}, "org")) == (ONE,)
    assert listed(*tenants_in({"org": {"id": ONE}}, "org")) == ()


@pytest.mark.parametrize(
    ("claim", "values"),
    [
        (ONE, (ONE,)),
        (f"[{ONE} {TWO}]", (ONE, TWO)),
        (f"[{ONE}]", (ONE,)),
        ("[]", ()),
        ("", ()),
        ("<nil>", ()),
        (f"map[id:{ONE}]", ()),
        (f"[map[id:{ONE}] {TWO}]", (TWO,)),
        (f'["{ONE}","{TWO}"]', ()),
        (f"{ONE} {TWO}", ()),
        ([ONE, TWO], (ONE, TWO)),
    ],
)
def test_gateway_list_of_uuids_is_split(claim: object, values: tuple[str, ...]) -> None:
    assert listed(*tenants_in_flattened({"org": claim}, "org")) == values


@with_type("bigint")
def test_gateway_numbers_are_texts(tenant_type: str) -> None:
    for claim, values in (("7", ("7",)), ("[7 8]", ("7", "8")), ("1.612061676e+09", ())):
        assert listed(*tenants_in_flattened({"org": claim}, "org")) == values


@with_type("text", "citext")
def test_gateway_list_of_texts_is_ignored(tenant_type: str) -> None:
    """Of the list `["acme inc", "b"]` comes `[acme inc b]`, in which `inc` would be a tenant."""
    for claim in (
        "[acme inc]",
        "[acme]",
        "map[a:b]",
        "<nil>",
        "null",
        "true",
        "false",
        "",
        "[a\nb]",
    ):
        assert listed(*tenants_in_flattened({"org": claim}, "org")) == ()
    assert listed(*tenants_in_flattened({"org": "acme inc"}, "org")) == ("acme inc",)


def test_gateway_passes_no_members_on() -> None:
    claims = {"app": f"map[orgs:[{ONE}]]"}
    assert listed(*tenants_in_flattened(claims, "app.orgs")) == ()
