"""Measure the CPU time of TLS to AWS in the first request of a new environment: two connections.

    PYTHONPATH=.:layers/shared python -m benchmarks.studies.aws_tls [SAMPLES]

Each sample is a new process that calls the emulated DynamoDB and Secrets Manager over TLS. Their
authority and the system's authorities are in one file, as on Lambda. `a context each` is the
default of http.client; `one context` is Sluice's client. `an existing context` measures only
handshakes and requests, and is subtracted.
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
AUTHORIZATION = (
    "AWS4-HMAC-SHA256 Credential=local/20260131/us-east-1/{}/aws4_request,"
    " SignedHeaders=host, Signature=0"
)


def context_each(endpoint: str, ca_file: str) -> None:
    """Call with http.client's default contexts; the authorities come from SSL_CERT_FILE."""
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
    """Make both calls with Sluice's client, whose connections share one context."""
    for service, target, version in CALLS:
        settings = AwsSettings("us-east-1", "local", "local", ca_file=ca_file)
        client = AwsClient(settings, service, endpoint=endpoint, version=version, timeout=5)
        client.call(target, {})
        client.close()


def existing_context(endpoint: str, ca_file: str) -> None:
    one_context(endpoint, ca_file)


WAYS: dict[str, Callable[[str, str], None]] = {
    "a context each": context_each,
    "one context": one_context,
    "an existing context": existing_context,
}


def measure(samples: int) -> dict[str, float]:
    """Return the median CPU time of each entry of WAYS, in ms."""
    taken: dict[str, list[float]] = {way: [] for way in WAYS}
    with _emulation() as (endpoint, ca_file):
        for n in range(-1, samples):  # the first samples fill the disk cache and are not counted
            for way, times in taken.items():
                milliseconds = _sample(way, endpoint, ca_file)
                if n >= 0:
                    times.append(milliseconds)
    return {way: median(times) for way, times in taken.items()}


def table(results: dict[str, float]) -> list[str]:
    """Return the lines of benchmarks/results.md."""
    floor = results["an existing context"]
    return [
        "## TLS to AWS",
        "",
        "    PYTHONPATH=.:layers/shared python -m benchmarks.studies.aws_tls --write",
        "",
        "CPU of a new environment's first two connections to AWS (DynamoDB and Secrets Manager,",
        "emulated, over TLS), median of new processes. Set-up is the work before the handshakes:",
        "reading the authorities.",
        "",
        "| | CPU, ms | set-up, ms |",
        "| --- | ---: | ---: |",
        *(f"| {way} | {cpu:.1f} | {max(0.0, cpu - floor):.1f} |" for way, cpu in results.items()),
    ]


def _sample(way: str, endpoint: str, ca_file: str) -> float:
    command = [
        sys.executable,
        "-m",
        "benchmarks.studies.aws_tls",
        "--sample",
        way,
        endpoint,
        ca_file,
    ]
    environment = {**os.environ, "SSL_CERT_FILE": ca_file}  # noqa: TID251 - of a child
    done = subprocess.run(
        command, env=environment, check=True, stdout=subprocess.PIPE, text=True, timeout=60
    )
    return float(json.loads(done.stdout))


def _run_sample(way: str, endpoint: str, ca_file: str) -> None:
    if WAYS[way] is existing_context:
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
