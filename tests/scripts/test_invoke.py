"""`make invoke` and `make token` report wrong use in one sentence."""

import os
import subprocess
import sys
from pathlib import Path

import jwt
import pytest

from scripts import local_issuer
from tests.fixtures.template import ROOT


def run(module: str, *arguments: str, state: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env={**os.environ, "SLUICE_STATE": str(state)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("module", "arguments", "message"),
    [
        ("scripts.invoke", ("ProductsFunction",), "the local system is not running; start it"),
        ("scripts.invoke", ("ProductsFunction", "events/no.json"), "No such file or directory"),
        ("scripts.invoke", ("ProductsFunction", "README.md"), "README.md is not JSON"),
        ("scripts.local_issuer", ("token", "--claims", "{"), "the claims are not a JSON object"),
        ("scripts.local_issuer", ("token", "--claims", "[1]"), "the claims are not a JSON object"),
        ("scripts.local_issuer", ("serve", "--port", "1000000"), "port 1000000 cannot be used"),
    ],
)
def test_wrong_use_is_one_sentence(
    module: str, arguments: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    done = run(module, *arguments, state=tmp_path)

    assert done.returncode == 1
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_key_is_private_and_made_once(tmp_path: Path) -> None:
    first, second = (local_issuer.private_key(tmp_path / "state") for _ in range(2))

    assert first.private_numbers() == second.private_numbers()
    assert (tmp_path / "state" / local_issuer.KEY_FILE).stat().st_mode & 0o077 == 0


def test_token_has_the_claims_that_sluice_checks(tmp_path: Path) -> None:
    key = local_issuer.private_key(tmp_path)
    encoded = local_issuer.token(key, "http://127.0.0.1:3900", "ada", "a:read", 5, {"org_id": "7"})

    (published,) = jwt.PyJWKSet.from_dict(local_issuer.key_set(key)).keys
    claims = jwt.decode(encoded, published, algorithms=["ES256"], audience=local_issuer.AUDIENCE)
    assert (claims["iss"], claims["sub"], claims["scope"], claims["org_id"]) == (
        "http://127.0.0.1:3900",
        "ada",
        "a:read",
        "7",
    )
    assert claims["exp"] - claims["iat"] == 300
