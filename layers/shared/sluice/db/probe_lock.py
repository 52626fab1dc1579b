"""A lock in DynamoDB: one execution environment at a time probes an unavailable database.

The lock is an item in the rate limit table, whose other items are also short-lived. It has
`locked_until` in ms, the `token` of the holder, and `expires_at` for the table's time to live.
"""

from os import urandom
from typing import Any

from sluice.aws.client import CONDITION_FAILED, AwsClient, AwsError
from sluice.db.breaker import ProbeLockUnavailable

MAX_CLOCK_SKEW_MS = 60_000  # a lock that expires later comes from a wrong clock, and is ignored
TTL_SECONDS = 60  # after the lock has expired


class DynamoProbeLock:
    """Elects the execution environment that checks whether `database` is available again.

    The client may send `acquire` twice, if the response to the first attempt was lost. DynamoDB
    then finds the same token, so the second attempt succeeds as well.
    """

    def __init__(self, dynamodb: AwsClient, table: str, database: str) -> None:
        self._dynamodb = dynamodb
        self._item = {"TableName": table, "Key": {"id": {"S": f"circuit {database}"}}}

    def acquire(self, now: float, until: float) -> bool:
        """Take the lock until `until` (Unix time). Return False if another environment holds it."""
        now_ms = now * 1000
        numbers = _numbers(
            now=now_ms,
            max=now_ms + MAX_CLOCK_SKEW_MS,
            until=until * 1000,
            expires_at=until + TTL_SECONDS,
        )
        response = self._call(
            "UpdateItem",
            UpdateExpression="SET locked_until = :until, expires_at = :expires_at, #token = :token",
            ConditionExpression=(
                "attribute_not_exists(locked_until)"
                " OR NOT locked_until BETWEEN :now AND :max"
                " OR #token = :token"
            ),
            ExpressionAttributeNames={"#token": "token"},
            ExpressionAttributeValues={**numbers, ":token": {"S": urandom(6).hex()}},
        )
        return response is not None

    def expires_at(self) -> float:
        """Return when the current lock expires (Unix time), or 0 if it was released."""
        response = self._call("GetItem", ConsistentRead=True) or {}
        item = response.get("Item", {})
        return int(item.get("locked_until", {"N": "0"})["N"]) / 1000

    def release(self) -> None:
        """Release the lock, because the database answered."""
        self._call(
            "UpdateItem",
            UpdateExpression="SET locked_until = :zero",
            ExpressionAttributeValues=_numbers(zero=0),
        )

    def _call(self, action: str, **request: Any) -> dict[str, Any] | None:
        """Return the result, or None if the condition failed. Raise ProbeLockUnavailable."""
        try:
            return self._dynamodb.call(f"DynamoDB_20120810.{action}", self._item | request)
        except AwsError as error:
            if error.code == CONDITION_FAILED:
                return None
            raise ProbeLockUnavailable from error


def _numbers(**values: float) -> dict[str, dict[str, str]]:
    return {f":{name}": {"N": str(int(value))} for name, value in values.items()}
