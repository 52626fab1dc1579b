"""TLS to AWS: one shared context, Amazon's authorities first, and certificate verification."""

import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest

from local import certificates
from sluice import tls
from sluice.aws.client import AwsClient, AwsError
from sluice.settings import AwsSettings, SettingsError


@contextmanager
def server(certificate: certificates.Certificate, address: str = "127.0.0.1") -> Iterator[str]:
    """Run a TLS server that responds `{}` to every POST. It ignores failed handshakes."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    class Quiet(HTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            pass

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate.chain, certificate.key)
    with Quiet((address, 0), Handler) as listening:
        listening.socket = context.wrap_socket(listening.socket, server_side=True)
        thread = Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"https://{address}:{listening.server_port}"
        finally:
            listening.shutdown()
            thread.join()


def connect(url: str, ca_file: Path | str) -> None:
    with closing(tls.connect(urlsplit(url), timeout=5, ca_file=str(ca_file))):
        pass


def subjects(context: ssl.SSLContext) -> str:
    return str([certificate["subject"] for certificate in context.get_ca_certs()])


def test_context_is_shared() -> None:
    assert tls.trust_store("") is tls.trust_store("")


def test_amazon_authorities_suffice_for_aws(tmp_path: Path) -> None:
    made = certificates.create_certificates(tmp_path)
    with server(made) as url:
        connect(url, made.ca_file)
    trusted = subjects(tls.trust_store(str(made.ca_file)).context)
    assert certificates.AUTHORITY_NAME in trusted
    assert "DigiCert" not in trusted


def test_other_authorities_are_loaded_when_needed(tmp_path: Path) -> None:
    made = certificates.create_certificates(tmp_path, "Another CA")
    with server(made) as url:
        connect(url, made.ca_file)
        connect(url, made.ca_file)
    assert "Another CA" in subjects(tls.trust_store(str(made.ca_file)).context)


def test_unknown_authority_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    made = certificates.create_certificates(tmp_path)
    other = certificates.create_certificates(tmp_path / "other")
    with server(made) as url, pytest.raises(ssl.SSLCertVerificationError):
        connect(url, other.ca_file)


def test_certificate_of_other_host_is_rejected(tmp_path: Path) -> None:
    made = certificates.create_certificates(tmp_path)
    with (
        server(made, "127.0.0.2") as url,
        pytest.raises(ssl.SSLCertVerificationError, match=r"127\.0\.0\.2"),
    ):
        connect(url, made.ca_file)


def test_system_has_the_amazon_authorities() -> None:
    """Only those that sign AWS's certificates: few, so that the first connection is cheap."""
    if not Path(ssl.get_default_verify_paths().cafile or "").is_file():
        pytest.skip("this system has its authorities in no file")
    trusted = tls.TrustStore("").context.get_ca_certs()
    assert {"Amazon Root CA 1", "Amazon Root CA 2", "Amazon Root CA 3", "Amazon Root CA 4"} <= {
        value
        for one in trusted
        for part in one["subject"]
        for name, value in part
        if name == "commonName"
    }
    assert len(trusted) < 15


def test_file_without_authorities_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing")
    with pytest.raises(ssl.SSLError):
        tls.TrustStore(str(tmp_path / "empty.pem"))


def test_unreadable_ca_bundle_is_a_settings_error(tmp_path: Path) -> None:
    settings = AwsSettings("us-east-1", "a", "b", ca_file=str(tmp_path / "nothing.pem"))
    with pytest.raises(SettingsError, match="AWS_CA_BUNDLE cannot be used"):
        AwsClient(settings, "dynamodb")


def test_creating_a_client_loads_authorities(tmp_path: Path) -> None:
    """They are loaded before the first connection, so that a SnapStart snapshot contains them."""
    made = certificates.create_certificates(tmp_path)
    AwsClient(AwsSettings("us-east-1", "a", "b", ca_file=str(made.ca_file)), "dynamodb")
    made.ca_file.unlink()
    assert certificates.AUTHORITY_NAME in subjects(tls.trust_store(str(made.ca_file)).context)


def test_client_uses_the_configured_authorities(tmp_path: Path) -> None:
    made = certificates.create_certificates(tmp_path)
    with server(made) as url:
        client = AwsClient(
            AwsSettings("us-east-1", "a", "b", ca_file=str(made.ca_file)), "dynamodb", endpoint=url
        )
        assert client.call("DynamoDB_20120810.GetItem", {}) == {}
        client.close()
        with pytest.raises(AwsError, match="Unreachable"):
            AwsClient(
                AwsSettings("us-east-1", "a", "b"), "dynamodb", endpoint=url, sleep=float
            ).call("t", {})
