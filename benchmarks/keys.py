"""The table of API keys, emulated for the whole run: Sluice asks who calls before anything else, its peers do not."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.aws import AwsServer
from tests.fixtures.aws import create_tables

ENDPOINT = "AWS_ENDPOINT_URL_DYNAMODB"  # in our own environment, for the contenders' to be made of


@contextmanager
def emulated_keys() -> Iterator[None]:
    """Runs until left."""
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder:
        server = AwsServer(Path(folder) / "aws.log")
        server.launch()
        try:
            server.wait()
            os.environ[ENDPOINT] = create_tables(server.endpoint).dynamodb_endpoint  # noqa: TID251
            yield
        finally:
            server.stop()
