"""Whose turn it is to look whether the database is back, told to all environments: one item in DynamoDB."""

from os import urandom
from typing import Any

from sluice.aws.client import AwsClient, AwsError
from sluice.db.breaker import ProbeLockUnavailable

REFUSED = "ConditionalCheckFailedException"
FAR = 60_000  # ms: a turn that ends later than this was taken by a clock that is wrong, and is nobody's


class DynamoProbeLock:
    """A breaker's Hint. The item: `turn_until` in ms, `expires_at` for the table's time to live, `token` of the taker.

    It shares the table of the rate limits: both are numbers that are soon of no use. The client may send the taking of
    a turn twice, if the response to the first got lost; DynamoDB then finds the taker's own token.
    """

    def __init__(self, dynamodb: AwsClient, table: str, database: str) -> None:
        self._dynamodb = dynamodb
        self._item = {"TableName": table, "Key": {"id": {"S": f"circuit {database}"}}}

    def acquire(self, now: float, until: float) -> bool:
        taken = self._call(
            "UpdateItem",
            UpdateExpression="SET turn_until = :until, expires_at = :expires_at, #token = :token",
            ConditionExpression=(
                "attribute_not_exists(turn_until) OR NOT turn_until BETWEEN :now AND :far OR #token = :token"
            ),
            ExpressionAttributeNames={"#token": "token"},
            ExpressionAttributeValues={
                **_numbers(
                    until=until * 1000, expires_at=until + 60, now=now * 1000, far=now * 1000 + FAR
                ),
                ":token": {"S": urandom(6).hex()},
            },
        )
        return taken is not None

    def expires_at(self) -> float:
        item = (self._call("GetItem", ConsistentRead=True) or {}).get("Item", {})
        return int(item.get("turn_until", {"N": "0"})["N"]) / 1000

    def release(self) -> None:
        self._call(
            "UpdateItem",
            UpdateExpression="SET turn_until = :no",
            ExpressionAttributeValues=_numbers(no=0),
        )

    def _call(self, action: str, **request: Any) -> dict[str, Any] | None:
        """None where the condition does not hold."""
        try:
            return self._dynamodb.call(f"DynamoDB_20120810.{action}", self._item | request)
        except AwsError as error:
            if error.code == REFUSED:
                return None
            raise ProbeLockUnavailable from error


def _numbers(**values: float) -> dict[str, dict[str, str]]:
    return {f":{name}": {"N": str(int(value))} for name, value in values.items()}
