"""A counter store in DynamoDB, shared by all execution environments.

There is one item per client and window. A request costs one conditional UpdateItem.
"""

from os import urandom
from typing import Any

from sluice.aws.client import CONDITION_FAILED, AwsClient, AwsError
from sluice.limits.rate import CounterStoreUnavailable, IncrementResult


class DynamoCounterStore:
    """Counts requests in items of the rate limit table. Raises CounterStoreUnavailable.

    An item has `id` (the key and the window), `n` (the count), `expires_at` (for DynamoDB's TTL)
    and `by` (the token of the last increment). Expired items do not have to be deleted in time,
    because the number of a window is never used again.

    The AWS client may send an increment twice if the first response is lost. DynamoDB then finds
    the token of this increment and does not count it again.
    """

    def __init__(self, dynamodb: AwsClient, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def increment(
        self, key: str, window: int, *, amount: int, limit: int, expires_at: int
    ) -> IncrementResult:
        """Add `amount` to the count, unless the sum would exceed `limit`."""
        token = urandom(6).hex()
        condition = "n <= :bound AND #by <> :token"
        if amount <= limit:
            condition = f"attribute_not_exists(n) OR ({condition})"
        request = {
            "TableName": self._table,
            "Key": _item_key(key, window),
            "UpdateExpression": "ADD n :amount SET expires_at = :expires_at, #by = :token",
            "ConditionExpression": condition,
            "ExpressionAttributeNames": {"#by": "by"},
            "ExpressionAttributeValues": {
                ":amount": _number(amount),
                ":bound": _number(limit - amount),
                ":expires_at": _number(expires_at),
                ":token": {"S": token},
            },
            "ReturnValues": "UPDATED_NEW",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        try:
            response = self._dynamodb.call("DynamoDB_20120810.UpdateItem", request)
        except AwsError as error:
            if error.code == CONDITION_FAILED:
                item = error.response.get("Item") or {}
                counted_before = item.get("by") == {"S": token}
                return IncrementResult(counted_before, _count(item))
            raise CounterStoreUnavailable from error
        return IncrementResult(True, _count(response.get("Attributes")))

    def count(self, key: str, window: int) -> int:
        """Return the count of the window; 0 if it has no item."""
        request = {"TableName": self._table, "Key": _item_key(key, window), "ConsistentRead": True}
        try:
            response = self._dynamodb.call("DynamoDB_20120810.GetItem", request)
        except AwsError as error:
            raise CounterStoreUnavailable from error
        return _count(response.get("Item"))


def _item_key(key: str, window: int) -> dict[str, Any]:
    return {"id": {"S": f"{key}:{window}"}}


def _number(value: int) -> dict[str, str]:
    return {"N": str(value)}


def _count(item: dict[str, Any] | None) -> int:
    return int(item["n"]["N"]) if item else 0
