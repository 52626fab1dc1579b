"""Emulate the table of API keys for the whole run. Sluice authenticates each request; its peers do
not.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.api_keys import emulated_client
from local.aws import AwsServer
from sluice.identity.api_keys import hash_key
from testing.aws import API_KEYS_TABLE, create_tables

ENDPOINT = "AWS_ENDPOINT_URL_DYNAMODB"  # set here; contenders.py passes it to each contender


@contextmanager
def emulated_keys() -> Iterator[AwsServer]:
    """Run the emulated DynamoDB with the local keys while the block runs.

    It serves without TLS, and with TLS on another port.
    """
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder:
        server = AwsServer(Path(folder) / "aws.log", tls=True)
        server.launch()
        try:
            server.wait()
            os.environ[ENDPOINT] = create_tables(server.endpoint).dynamodb_endpoint  # noqa: TID251
            yield server
        finally:
            server.stop()


def add_key(key: str, *scopes: str) -> None:
    """Store a key without a practical limit, for an application that is not the default one."""
    item = {
        "key_hash": {"S": hash_key(key)},
        "client": {"S": "benchmark"},
        "scopes": {"SS": list(scopes)},
        "tier": {"S": "unlimited"},
    }
    dynamodb = emulated_client("dynamodb", os.environ[ENDPOINT])  # noqa: TID251
    dynamodb.call("DynamoDB_20120810.PutItem", {"TableName": API_KEYS_TABLE, "Item": item})
    dynamodb.close()
