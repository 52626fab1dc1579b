"""Sign JSON Web Tokens for the local system, and serve the public key that verifies them.

    make issuer                                   serves the key set at http://127.0.0.1:3900
    make token SCOPES='catalog:read' SUBJECT=ada  prints a token that is valid for an hour

It stands in for an identity provider on this machine. `make run` trusts it if the parameters
JwtIssuer and JwtAudience say so: see docs/how-to/jwt.md. The private key is in the state folder,
readable by its owner only. Never name this issuer in a deployment.
"""

import argparse
import json
import sys
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from local.state import home_of_system

KEY_FILE = "issuer-key.pem"
KEY_ID = "local"
AUDIENCE = "sluice"
JWKS_PATH = "/.well-known/jwks.json"


def main(arguments: list[str]) -> int:
    """Run a command and return the exit code."""
    options = _parser().parse_args(arguments)
    key = private_key(home_of_system())
    issuer = f"http://127.0.0.1:{options.port}"
    if options.command == "token":
        try:
            claims = dict(json.loads(options.claims))
        except (TypeError, ValueError) as error:
            print(f"local_issuer: the claims are not a JSON object: {error}", file=sys.stderr)
            return 1
        print(token(key, issuer, options.subject, options.scopes, options.minutes, claims))
        return 0
    try:
        serve(key, options.port)
    except (OSError, OverflowError) as error:
        print(f"local_issuer: port {options.port} cannot be used: {error}", file=sys.stderr)
        return 1
    return 0


def private_key(state: Path) -> ec.EllipticCurvePrivateKey:
    """Return the key in the state folder. It is made once."""
    path = state / KEY_FILE
    if not path.exists():
        state.mkdir(parents=True, exist_ok=True)
        made = ec.generate_private_key(ec.SECP256R1())
        path.touch(mode=0o600)
        path.write_bytes(
            made.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{path} is not an EC key; delete it")
    return key


def key_set(key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
    """Return the key set (JWKS) with the public key."""
    public = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {"keys": [{**public, "kid": KEY_ID, "alg": "ES256", "use": "sig"}]}


def token(
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    subject: str,
    scopes: str,
    minutes: int,
    claims: Mapping[str, Any],
) -> str:
    """Return a signed token. `claims` are added, and replace claims of the same name."""
    now = int(time.time())
    payload = {
        "iss": issuer,
        "aud": AUDIENCE,
        "sub": subject,
        "scope": scopes,
        "iat": now,
        "exp": now + minutes * 60,
    }
    return jwt.encode({**payload, **claims}, key, algorithm="ES256", headers={"kid": KEY_ID})


def serve(key: ec.EllipticCurvePrivateKey, port: int) -> None:
    """Serve the key set on this machine until Ctrl-C. Raises OSError if the port is taken."""
    body = json.dumps(key_set(key)).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == JWKS_PATH
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "application/jwk-set+json")
            self.end_headers()
            self.wfile.write(body if found else b"{}")

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        print(f"The issuer is http://127.0.0.1:{server.server_port}, the audience {AUDIENCE}.")
        print("Start Sluice with:", flush=True)
        print(
            f"  make run ARGS='--set JwtIssuer=http://127.0.0.1:{server.server_port}"
            f" --set JwtAudience={AUDIENCE}'",
            flush=True,
        )
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="local_issuer", description=__doc__)
    parser.add_argument("command", choices=("serve", "token"))
    parser.add_argument("--port", type=int, default=3900, help="default: 3900")
    parser.add_argument("--subject", default="local-user", help="the claim sub")
    parser.add_argument("--scopes", default="", help="separated by spaces")
    parser.add_argument("--minutes", type=int, default=60, help="until the token expires")
    parser.add_argument("--claims", default="{}", help="more claims, as a JSON object")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
