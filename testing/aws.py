"""The tables of an emulated DynamoDB, with the API keys of the local system."""

from local.api_keys import create_table, store_local_keys
from sluice.settings import AwsSettings

API_KEYS_TABLE = "api-keys"
RATE_LIMIT_TABLE = "rate-limit"
TABLES = {"SLUICE_API_KEYS_TABLE": API_KEYS_TABLE, "SLUICE_RATE_LIMIT_TABLE": RATE_LIMIT_TABLE}


def create_tables(endpoint: str) -> AwsSettings:
    """Create the tables and the local keys, and return the settings that use them."""
    for table, key in ((API_KEYS_TABLE, "key_hash"), (RATE_LIMIT_TABLE, "id")):
        described = {
            "KeySchema": [{"AttributeName": key, "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"}],
            "BillingMode": "PAY_PER_REQUEST",
        }
        create_table(endpoint, table, described)
    store_local_keys(endpoint, API_KEYS_TABLE)
    return AwsSettings("us-east-1", "local", "local", dynamodb_endpoint=endpoint)
