"""Measures what TLS to AWS costs the first request of a new environment, in CPU: two connections, to two services.

    PYTHONPATH=.:layers/shared python -m benchmarks.aws_tls [SAMPLES]

Each sample is a fresh process that calls the emulated DynamoDB and Secrets Manager by TLS. Their authority stands in
one file with the system's, as on Lambda. `a context each` is what http.client does by itself, and what Sluice did
before; `one context` is Sluice's client. The handshakes and requests with a context that is there already are measured
too, and subtracted.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPSConnection
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from local.aws import AwsServer
from sluice import tls
from sluice.aws.client import AwsClient
from sluice.settings import AwsSettings

SAMPLES = 15
CALLS = (
    ("dynamodb", "DynamoDB_20120810.ListTables", "1.0"),
    ("secretsmanager", "secretsmanager.ListSecrets", "1.1"),
)
AUTHORIZATION = "AWS4-HMAC-SHA256 Credential=local/20260131/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=0"


def context_each(endpoint: str, ca_file: str) -> None:
    """As http.client does it; the authorities come from SSL_CERT_FILE."""
    for service, target, version in CALLS:
        connection = HTTPSConnection(urlsplit(endpoint).netloc, timeout=5)
        headers = {
            "content-type": f"application/x-amz-json-{version}",
            "x-amz-target": target,
            "authorization": AUTHORIZATION.format(service),
        }
        connection.request("POST", "/", b"{}", headers)
        assert connection.getresponse().read()
        connection.close()


def one_context(endpoint: str, ca_file: str) -> None:
    """As Sluice does it."""
    for service, target, version in CALLS:
        settings = AwsSettings("us-east-1", "local", "local", ca_file=ca_file)
        client = AwsClient(settings, service, endpoint=endpoint, version=version, timeout=5)
        client.call(target, {})
        client.close()


def context_there(endpoint: str, ca_file: str) -> None:
    one_context(endpoint, ca_file)


WAYS: dict[str, Callable[[str, str], None]] = {
    "a context each": context_each,
    "one context": one_context,
    "a context that is there": context_there,
}


def measure(samples: int) -> dict[str, float]:
    """The median CPU of each way, in ms."""
    taken: dict[str, list[float]] = {way: [] for way in WAYS}
    with _emulation() as (endpoint, ca_file):
        for n in range(-1, samples):  # one of each first, which fills the disk's cache
            for way, times in taken.items():
                milliseconds = _sample(way, endpoint, ca_file)
                if n >= 0:
                    times.append(milliseconds)
    return {way: median(times) for way, times in taken.items()}


def table(results: dict[str, float]) -> list[str]:
    """For benchmarks/results.md."""
    floor = results["a context that is there"]
    return [
        "",
        "## TLS to AWS",
        "",
        "CPU of a new environment's first two connections to AWS (DynamoDB, Secrets Manager; emulated, by TLS), median",
        "of fresh processes. Set-up is what comes before the handshakes: reading the authorities.",
        "",
        "| | CPU, ms | set-up, ms |",
        "| --- | ---: | ---: |",
        *(f"| {way} | {cpu:.1f} | {max(0.0, cpu - floor):.1f} |" for way, cpu in results.items()),
    ]


def _sample(way: str, endpoint: str, ca_file: str) -> float:
    command = [sys.executable, "-m", "benchmarks.aws_tls", "--sample", way, endpoint, ca_file]
    environment = {**os.environ, "SSL_CERT_FILE": ca_file}  # noqa: TID251 - of a child
    done = subprocess.run(
        command, env=environment, check=True, stdout=subprocess.PIPE, text=True, timeout=60
    )
    return float(json.loads(done.stdout))


def _run_sample(way: str, endpoint: str, ca_file: str) -> None:
    if WAYS[way] is context_there:
        tls.trust_store(ca_file)
    began = time.process_time()
    WAYS[way](endpoint, ca_file)
    print(json.dumps((time.process_time() - began) * 1000))


@contextmanager
def _emulation() -> Iterator[tuple[str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        server = AwsServer(Path(folder) / "aws.log", tls=True)
        server.launch()
        try:
            server.wait()
            yield server.tls_endpoint, server.ca_file
        finally:
            server.stop()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--sample"]:
        _run_sample(*sys.argv[2:])
    else:
        print("\n".join(table(measure(int(sys.argv[1]) if sys.argv[1:] else SAMPLES))))
