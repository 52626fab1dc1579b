"""Store the local API keys in the emulated DynamoDB. A deployment does not have these keys."""

from collections.abc import Mapping
from dataclasses import dataclass

from local.intrinsics import STACK_NAME
from sluice import application
from sluice.aws.client import AwsClient
from sluice.identity.api_keys import hash_key
from sluice.settings import AwsSettings

API_KEYS_TABLE = f"{STACK_NAME}-apikeystable"
TABLES = {
    "SLUICE_API_KEYS_TABLE": API_KEYS_TABLE,
    "SLUICE_RATE_LIMIT_TABLE": f"{STACK_NAME}-ratelimittable",
}
SCOPES = application.current().all_scopes
GRANTABLE_SCOPES = (*application.WILDCARD_SCOPES, *SCOPES)
READ_SCOPES = tuple(scope for scope in SCOPES if scope.endswith(":read"))


@dataclass(frozen=True, slots=True)
class LocalKey:
    """An API key of the local system, with its scopes and rate tier."""

    key: str
    scopes: tuple[str, ...]
    tier: str
    description: str


LOCAL_KEYS = (
    LocalKey("local-admin", SCOPES, "unlimited", "every scope, practically unlimited"),
    LocalKey("local-reader", READ_SCOPES, "default", "reads everything, at the default rate"),
    LocalKey("local-limited", READ_SCOPES, "limited", "reads everything, 5 requests a minute"),
)


def emulated_client(service: str, endpoint: str) -> AwsClient:
    """Return a client of an emulated service."""
    no_account = AwsSettings("us-east-1", "local", "local")
    return AwsClient(no_account, service, endpoint=endpoint, version="1.0", timeout=10)


def store_local_keys(endpoint: str, table: str) -> None:
    """Put the local keys into the table. Raise AwsError if the table does not exist."""
    dynamodb = emulated_client("dynamodb", endpoint)
    for local_key in LOCAL_KEYS:
        item = {
            "key_hash": {"S": hash_key(local_key.key)},
            "client": {"S": local_key.key.removeprefix("local-")},  # not the key: it is logged
            "scopes": {"SS": list(local_key.scopes)},
            "tier": {"S": local_key.tier},
        }
        dynamodb.call("DynamoDB_20120810.PutItem", {"TableName": table, "Item": item})
    dynamodb.close()


def create_table(endpoint: str, name: str, properties: Mapping[str, object]) -> None:
    """Create a table with the key schema, attributes and billing mode of the template."""
    used = {key: properties[key] for key in ("KeySchema", "AttributeDefinitions", "BillingMode")}
    dynamodb = emulated_client("dynamodb", endpoint)
    dynamodb.call("DynamoDB_20120810.CreateTable", {"TableName": name, **used})
    dynamodb.close()
