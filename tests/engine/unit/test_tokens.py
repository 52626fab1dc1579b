"""JSON Web Tokens: only those of the configured issuer and audience are accepted."""

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sluice.errors import IdentityUnavailable
from sluice.identity.tokens import JWKS_TTL, LEEWAY, MIN_FETCH_INTERVAL, TokenVerifier
from sluice.settings import JwtSettings
from tests.fixtures.tokens import (
    AUDIENCE,
    CLAIMS,
    EC,
    HEAD,
    ISSUER,
    OTHER_RSA,
    RSA,
    jwks_document,
    signed,
    token,
)

SETTINGS = JwtSettings(ISSUER, AUDIENCE, "https://issuer.example/keys")


class FakeIssuer:
    """A fake issuer with a clock, which counts how often its keys are fetched."""

    def __init__(self, **keys: Any) -> None:
        self.response: bytes | None = jwks_document(**keys)
        self.fetches = 0
        self.now = time.time()

    def fetch(self, url: str) -> bytes:
        assert url == SETTINGS.jwks_url
        self.fetches += 1
        if self.response is None:
            raise OSError("no response")
        return self.response

    def tokens(self) -> TokenVerifier:
        return TokenVerifier(SETTINGS, fetch=self.fetch, clock=lambda: self.now)


@pytest.fixture
def issuer() -> FakeIssuer:
    return FakeIssuer(r=RSA, e=EC)


@pytest.mark.parametrize(
    ("key", "algorithm", "kid"), [(RSA, "RS256", "r"), (EC, "ES256", "e")], ids=["RS256", "ES256"]
)
def test_valid_token_identifies_the_client(
    issuer: FakeIssuer, key: Any, algorithm: str, kid: str
) -> None:
    expires = time.time() + 600
    principal = issuer.tokens()(token(key, algorithm, kid, exp=expires))

    assert principal is not None
    expected = ("jwt ada", {"readers:read", "library:read"}, "default")
    assert (principal.client_id, principal.scopes, principal.tier) == expected
    assert principal.expires_at == pytest.approx(expires + LEEWAY, abs=1)


@pytest.mark.parametrize(
    "scopes", [{"scope": None, "scp": ["readers:read"]}, {"scope": None, "scp": "readers:read"}]
)
def test_scopes_may_be_in_scp(issuer: FakeIssuer, scopes: dict[str, Any]) -> None:
    principal = issuer.tokens()(token(**scopes))
    assert principal is not None
    assert principal.scopes == {"readers:read"}


@pytest.mark.parametrize("scope", [None, 5, {"readers:read": True}, [["readers:read"]]], ids=str)
def test_malformed_scopes_are_empty(issuer: FakeIssuer, scope: Any) -> None:
    claims = {**CLAIMS, "exp": time.time() + 600, "scope": scope}
    principal = issuer.tokens()(jwt.encode(claims, RSA, algorithm="RS256", headers={"kid": "r"}))
    assert principal is not None
    assert principal.scopes == frozenset()


def unsigned() -> str:
    parts = ({"alg": "none", "kid": "r"}, {**CLAIMS, "exp": time.time() + 600})
    return (
        ".".join(
            urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts
        )
        + "."
    )


def algorithm_confusion() -> str:
    """Return a token signed with the issuer's public key as an HMAC secret."""
    pem = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head, body, _ = token().split(".")
    head = (
        urlsafe_b64encode(json.dumps({"alg": "HS256", "typ": "JWT", "kid": "r"}).encode())
        .rstrip(b"=")
        .decode()
    )
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(
        f"{head}.{body}".encode(), pem
    )
    return f"{head}.{body}.{urlsafe_b64encode(signature).rstrip(b'=').decode()}"


INVALID_TOKENS: dict[str, Callable[[], str]] = {
    "forged": lambda: token(OTHER_RSA),
    "changed": lambda: token()[:-4] + "AAAA",
    "unsigned": unsigned,
    "algorithm confusion": algorithm_confusion,
    "RS512": lambda: token(algorithm="RS512"),
    "PS256": lambda: token(algorithm="PS256"),
    "a shared secret": lambda: jwt.encode(
        CLAIMS, "x" * 32, algorithm="HS256", headers={"kid": "r"}
    ),
    "another kind of key than its id's": lambda: token(EC, "ES256", "r"),
    "an unknown key id": lambda: token(kid="x"),
    "expired": lambda: token(exp=time.time() - LEEWAY - 5),
    "not yet valid": lambda: token(nbf=time.time() + LEEWAY + 60),
    "of another issuer": lambda: token(iss="https://issuer.example"),
    "for another audience": lambda: token(aud="other"),
    "that never expires": lambda: token(exp=None),
    "without a subject": lambda: token(sub=None),
    "for no audience": lambda: token(aud=None),
    "no token": lambda: "abc",
    "with an empty subject": lambda: token(sub=""),
    "that expires after the end of numbers": lambda: token(exp=10**400),
    "that expires at infinity": lambda: signed(
        HEAD, json.dumps({**CLAIMS, "exp": float("inf")}).encode()
    ),
    "without an algorithm": lambda: signed(b'{"kid": "r"}', json.dumps(CLAIMS).encode()),
    "with many algorithms": lambda: signed(
        b'{"alg": ["RS256"], "kid": "r"}', json.dumps(CLAIMS).encode()
    ),
    "with a number for a key id": lambda: signed(
        b'{"alg": "RS256", "kid": 1}', json.dumps(CLAIMS).encode()
    ),
    "nested deeply": lambda: signed(b"[" * 5_000, b"{}"),
    "with claims nested deeply": lambda: signed(HEAD, b"[" * 5_000),
    "with a number of too many digits": lambda: signed(b'{"alg": ' + b"9" * 5_000 + b"}", b"{}"),
    "of dots": lambda: "." * 8_000,
    "of no character": lambda: "\udc80.\ud800.a",
    "no claims": lambda: signed(HEAD, b"[]"),
    "not JSON": lambda: "YWJj.YWJj.YWJj",
    "too long": lambda: token(fill="x" * 9_000),
}


@pytest.mark.parametrize("make", INVALID_TOKENS.values(), ids=INVALID_TOKENS.keys())
def test_invalid_token_is_rejected(issuer: FakeIssuer, make: Callable[[], str]) -> None:
    assert issuer.tokens()(make()) is None


def key_set(*keys: dict[str, Any]) -> bytes:
    return json.dumps({"keys": list(keys)}).encode()


def jwk(key: Any, **members: Any) -> dict[str, Any]:
    """Return a JWK without `kid`, unless `members` has one."""
    (published_key,) = json.loads(jwks_document(x=key))["keys"]
    del published_key["kid"]
    return published_key | members


def without_kid(key: Any = RSA, algorithm: str = "RS256") -> str:
    return jwt.encode({**CLAIMS, "exp": time.time() + 600}, key, algorithm=algorithm)


@pytest.mark.parametrize(
    "keys",
    [
        [jwk(RSA)],
        [jwk(RSA, kid="r")],
        [jwk(RSA, alg="RS256", use="sig", key_ops=["verify"])],
        [jwk(OTHER_RSA, kid="o"), jwk(EC, kid="e"), jwk(RSA, kid="r")],
        [jwk(OTHER_RSA, use="enc"), jwk(RSA)],
        [*[jwk(OTHER_RSA, alg="RS512")] * 20, jwk(RSA)],
        [
            {"kty": "oct", "k": "c2VjcmV0"},
            {"kty": "OKP", "crv": "X25519", "x": "AA"},
            "text",
            None,
            jwk(RSA),
        ],
    ],
    ids=[
        "one",
        "with an id",
        "declared",
        "among others",
        "beside one to encrypt",
        "others' algorithm",
        "odd ones",
    ],
)
def test_token_without_key_id_tries_matching_keys(issuer: FakeIssuer, keys: list[Any]) -> None:
    issuer.response = key_set(*keys)

    assert issuer.tokens()(without_kid()) is not None


@pytest.mark.parametrize(
    "keys",
    [
        [jwk(EC)],
        [jwk(OTHER_RSA)],
        [jwk(RSA, use="enc"), jwk(EC)],
        [jwk(RSA, alg="RS512"), jwk(EC)],
        [jwk(RSA, alg="RSA-OAEP"), jwk(EC)],
        [jwk(RSA, key_ops=["encrypt"]), jwk(EC)],
        [jwk(RSA, key_ops="verify"), jwk(EC)],
        [*[jwk(OTHER_RSA)] * 10, jwk(RSA)],
        [jwk(RSA, d="AQ"), jwk(EC)],
        [*[jwk(EC)] * 100, jwk(RSA)],
    ],
    ids=[
        "other kind",
        "other",
        "to encrypt",
        "RS512",
        "OAEP",
        "key_ops",
        "odd key_ops",
        "too many",
        "private",
        "long",
    ],
)
def test_token_without_matching_key_is_rejected(issuer: FakeIssuer, keys: list[Any]) -> None:
    issuer.response = key_set(*keys)

    assert issuer.tokens()(without_kid()) is None


def test_keys_of_two_types_may_share_an_id(issuer: FakeIssuer) -> None:
    issuer.response = key_set(jwk(RSA, kid="x"), jwk(EC, kid="x"), jwk(OTHER_RSA, kid="x"))
    tokens = issuer.tokens()

    assert tokens(token(RSA, kid="x")) is not None
    assert tokens(token(EC, "ES256", kid="x")) is not None
    assert tokens(token(OTHER_RSA, kid="x")) is not None
    assert tokens(token(RSA, kid="y")) is None


def test_key_without_id_does_not_match_an_id(issuer: FakeIssuer) -> None:
    issuer.response = key_set(jwk(RSA))

    assert issuer.tokens()(token(RSA, kid="r")) is None
    assert issuer.tokens()(token(RSA, kid="")) is None


def test_rotated_key_is_found_without_key_id(issuer: FakeIssuer) -> None:
    issuer.response = key_set(jwk(OTHER_RSA))
    tokens = issuer.tokens()
    assert tokens(without_kid(OTHER_RSA)) is not None
    issuer.response = key_set(jwk(RSA))
    assert tokens(without_kid()) is None
    issuer.now += MIN_FETCH_INTERVAL

    assert tokens(without_kid()) is not None
    assert tokens(without_kid(OTHER_RSA)) is None
    assert issuer.fetches == 2


@pytest.mark.filterwarnings("ignore::jwt.InsecureKeyLengthWarning")  # from signing with a short key
@pytest.mark.parametrize(
    ("bits", "accepted"), [(1_024, False), (2_047, False), (2_048, True), (3_072, True)]
)
def test_rsa_key_has_at_least_2048_bits(issuer: FakeIssuer, bits: int, accepted: bool) -> None:
    short = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    issuer.response = key_set(jwk(short, kid="s"), jwk(EC, kid="e"))
    tokens = issuer.tokens()

    assert (tokens(token(short, kid="s")) is not None) is accepted
    assert (tokens(without_kid(short)) is not None) is accepted


def test_empty_key_set_rejects_all_tokens(issuer: FakeIssuer) -> None:
    tokens = issuer.tokens()
    assert tokens(token()) is not None
    issuer.response = key_set()
    issuer.now += JWKS_TTL + 1

    with pytest.raises(IdentityUnavailable):
        tokens(token())


def test_expiry_has_leeway(issuer: FakeIssuer) -> None:
    assert issuer.tokens()(token(exp=time.time() - LEEWAY + 5)) is not None


def test_keys_are_cached_until_rotation(issuer: FakeIssuer) -> None:
    tokens = issuer.tokens()
    for _ in range(3):
        assert tokens(token()) is not None
    assert issuer.fetches == 1

    issuer.response = jwks_document(n=OTHER_RSA)
    issuer.now += MIN_FETCH_INTERVAL
    assert tokens(token(OTHER_RSA, kid="n")) is not None
    assert tokens(token()) is None  # no longer published
    assert issuer.fetches == 2


def test_withdrawn_key_is_rejected_within_an_hour(issuer: FakeIssuer) -> None:
    tokens = issuer.tokens()
    assert tokens(token()) is not None
    issuer.response = jwks_document(e=EC)
    issuer.now += JWKS_TTL + 1

    assert tokens(token()) is None


def test_unknown_key_ids_do_not_cause_fetches(issuer: FakeIssuer) -> None:
    tokens = issuer.tokens()
    for n in range(50):
        assert tokens(token(kid=f"made up {n}")) is None
    assert issuer.fetches == 1


def test_cached_keys_outlive_an_issuer_outage(issuer: FakeIssuer) -> None:
    tokens = issuer.tokens()
    assert tokens(token()) is not None
    issuer.response, issuer.now = None, issuer.now + JWKS_TTL + 1
    assert tokens(token()) is not None


def test_unsupported_keys_are_skipped(issuer: FakeIssuer) -> None:
    others = [{"kty": "RSA"}, {"kid": "x", "use": "enc"}, "text", None, {"kid": 7}]
    issuer.response = json.dumps(
        {"keys": [*others, *json.loads(jwks_document(r=RSA))["keys"]]}
    ).encode()

    assert issuer.tokens()(token()) is not None


@pytest.mark.parametrize(
    "response", [None, b"", b"[]", b'{"keys": [{}]}', b'{"keys": 1}', b"<html>"]
)
def test_without_keys_identity_is_unavailable(issuer: FakeIssuer, response: bytes | None) -> None:
    issuer.response = response
    with pytest.raises(IdentityUnavailable):
        issuer.tokens()(token())
