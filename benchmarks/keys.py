"""Emulate the table of API keys for the whole run. Sluice authenticates each request; its peers do
not.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.aws import AwsServer
from tests.fixtures.aws import create_tables

ENDPOINT = "AWS_ENDPOINT_URL_DYNAMODB"  # set here; contenders.py passes it to each contender


@contextmanager
def emulated_keys() -> Iterator[None]:
    """Run the emulated DynamoDB with the local keys while the block runs."""
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder:
        server = AwsServer(Path(folder) / "aws.log")
        server.launch()
        try:
            server.wait()
            os.environ[ENDPOINT] = create_tables(server.endpoint).dynamodb_endpoint  # noqa: TID251
            yield
        finally:
            server.stop()
