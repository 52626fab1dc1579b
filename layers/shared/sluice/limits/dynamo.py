"""Counts that all environments share: a DynamoDB item for each client and window, and a conditional ADD a request."""

from os import urandom
from typing import Any

from sluice.aws.client import AwsClient, AwsError
from sluice.limits.rate import CounterStoreUnavailable, IncrementResult

REFUSED = "ConditionalCheckFailedException"


class DynamoCounterStore:
    """An item: `id` (the key and the window), `n` the count, `expires_at` for the table's time to live.

    Correct whether or not DynamoDB has removed what expired: a window's number is never used again. `by` is the token
    of the take that was counted last. The client may send a take twice, if the response to the first got lost; DynamoDB
    then finds the take's own token and does not count it again.
    """

    def __init__(self, dynamodb: AwsClient, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def increment(
        self, key: str, window: int, *, amount: int, limit: int, expires_at: int
    ) -> IncrementResult:
        first = "attribute_not_exists(n) OR " if amount <= limit else ""
        token = urandom(6).hex()
        request = {
            "TableName": self._table,
            "Key": _key(key, window),
            "UpdateExpression": "ADD n :amount SET expires_at = :expires_at, #by = :token",
            "ConditionExpression": f"{first}(n <= :bound AND #by <> :token)",
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
            return IncrementResult(
                True,
                _count(
                    self._dynamodb.call("DynamoDB_20120810.UpdateItem", request).get("Attributes")
                ),
            )
        except AwsError as error:
            if error.code == REFUSED:
                item = error.response.get("Item") or {}
                return IncrementResult(item.get("by") == {"S": token}, _count(item))
            raise CounterStoreUnavailable from error

    def count(self, key: str, window: int) -> int:
        request = {"TableName": self._table, "Key": _key(key, window), "ConsistentRead": True}
        try:
            return _count(self._dynamodb.call("DynamoDB_20120810.GetItem", request).get("Item"))
        except AwsError as error:
            raise CounterStoreUnavailable from error


def _key(key: str, window: int) -> dict[str, Any]:
    return {"id": {"S": f"{key}:{window}"}}


def _number(value: int) -> dict[str, str]:
    return {"N": str(value)}


def _count(item: dict[str, Any] | None) -> int:
    return int(item["n"]["N"]) if item else 0
