"""The keys that only this machine knows: rows of an emulated table, of which nothing that is deployed has heard."""

from collections.abc import Mapping
from dataclasses import dataclass

from local.intrinsics import STACK_NAME
from sluice.aws.client import AwsClient
from sluice.identity.api_keys import hash_key
from sluice.identity.authenticator import SCOPES
from sluice.settings import AwsSettings

API_KEYS_TABLE = f"{STACK_NAME}-apikeystable"
TABLES = {
    "SLUICE_API_KEYS_TABLE": API_KEYS_TABLE,
    "SLUICE_RATE_LIMIT_TABLE": f"{STACK_NAME}-ratelimittable",
}
READS = tuple(scope for scope in SCOPES if scope.endswith(":read"))


@dataclass(frozen=True, slots=True)
class LocalKey:
    key: str
    scopes: tuple[str, ...]
    tier: str
    meaning: str


KEYS = (
    LocalKey("local-admin", SCOPES, "unlimited", "every scope, practically unlimited"),
    LocalKey("local-reader", READS, "default", "reads everything, at the default rate"),
    LocalKey("local-limited", READS, "limited", "reads everything, 5 requests a minute"),
)


def emulated_client(service: str, endpoint: str) -> AwsClient:
    """A client of the emulated services, which check no signatures. `version` is DynamoDB's."""
    nobody = AwsSettings("us-east-1", "local", "local")
    return AwsClient(nobody, service, endpoint=endpoint, version="1.0", timeout=10)


def store_local_keys(endpoint: str, table: str) -> None:
    """Put the local keys into the table; AwsError where it is not there."""
    dynamodb = emulated_client("dynamodb", endpoint)
    for known in KEYS:
        item = {
            "key_hash": {"S": hash_key(known.key)},
            "client": {"S": known.key.removeprefix("local-")},  # a client's name is logged
            "scopes": {"SS": list(known.scopes)},
            "tier": {"S": known.tier},
        }
        dynamodb.call("DynamoDB_20120810.PutItem", {"TableName": table, "Item": item})
    dynamodb.close()


def create_table(endpoint: str, name: str, properties: Mapping[str, object]) -> None:
    """A table as the template declares it; what the emulation has no use for is left out."""
    wanted = {key: properties[key] for key in ("KeySchema", "AttributeDefinitions", "BillingMode")}
    dynamodb = emulated_client("dynamodb", endpoint)
    dynamodb.call("DynamoDB_20120810.CreateTable", {"TableName": name, **wanted})
    dynamodb.close()
