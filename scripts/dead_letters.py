"""What could not be imported, however often it was tried: lists the dead-letter queue, and puts messages back.

    make dead-letters STACK=sluice
    make redrive STACK=sluice
    make redrive ID=3f1c6a52 STACK=sluice

Mend first what the worker's log complains of. What is put back is tried anew, and an import goes on where it was left;
one that is put back twice is done once. Without STACK, the local one. Needs AWS credentials, as boto3 finds them.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from local.intrinsics import ACCOUNT_ID, REGION, STACK_NAME
from local.state import State

QUEUE = "ImportsDeadLetters"
ID_LENGTH = 8  # of a message's: enough to name it
LOOK_SECONDS = (
    60  # a message that was looked at is hidden for so long, unless it is put back before
)
SHOWN = 120  # characters of what is not a message of ours


class CannotDo(Exception):
    """The message is for whoever typed the command."""


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    try:
        sqs, url = _queue(options)
        options.run(sqs, url, options)
    except (CannotDo, BotoCoreError, ClientError) as error:
        print(f"dead_letters: {error}", file=sys.stderr)
        return 1
    return 0


def list_messages(sqs: Any, url: str, options: argparse.Namespace) -> None:
    for message in _messages(sqs, url):
        sent = datetime.fromtimestamp(int(message["Attributes"]["SentTimestamp"]) / 1000, UTC)
        print(
            f"{message['MessageId'][:ID_LENGTH]}  sent {sent:%Y-%m-%d %H:%M:%S}Z  {_told(message['Body'])}"
        )


def redrive(sqs: Any, url: str, options: argparse.Namespace) -> None:
    sources = sqs.list_dead_letter_source_queues(QueueUrl=url)["queueUrls"]
    if len(sources) != 1:
        raise CannotDo(f"{len(sources) or 'no'} queues hand over to {url}")
    number = 0
    for message in _messages(sqs, url):
        if message["MessageId"].startswith(options.id):
            # First back, then off: whoever is interrupted between them has it twice, which does no harm.
            sqs.send_message(QueueUrl=sources[0], MessageBody=message["Body"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            number += 1
    if options.id and not number:
        raise CannotDo(f"no message has an id that starts with {options.id!r}; see list")
    print(f"{number} put back")


def _messages(sqs: Any, url: str) -> Iterator[dict[str, Any]]:
    """Each message once; those that are still there afterwards can be seen by others again."""
    seen: dict[str, str] = {}
    try:
        while True:
            received = sqs.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=10,
                VisibilityTimeout=LOOK_SECONDS,
                AttributeNames=["All"],
            ).get("Messages", [])
            fresh = [message for message in received if message["MessageId"] not in seen]
            seen |= {message["MessageId"]: message["ReceiptHandle"] for message in received}
            yield from fresh
            if not fresh:
                return
    finally:
        for receipt in seen.values():
            try:
                sqs.change_message_visibility(
                    QueueUrl=url, ReceiptHandle=receipt, VisibilityTimeout=0
                )
            except ClientError as error:
                if error.response["Error"]["Code"] not in (
                    "InvalidParameterValue",
                    "ReceiptHandleIsInvalid",
                ):
                    raise  # these two say that it was deleted


def _told(body: str) -> str:
    try:
        message = json.loads(body)
        if "import" in message:
            return f"import {message['import']}, to be gone on with"
        return ", ".join(
            f"{record['eventName']} {unquote_plus(record['s3']['object']['key'])}"
            for record in message["Records"]
        )
    except (ValueError, KeyError, TypeError):
        return repr(body[:SHOWN])


def _queue(options: argparse.Namespace) -> tuple[Any, str]:
    if options.stack:
        resources = boto3.client("cloudformation")
        found = resources.describe_stack_resource(StackName=options.stack, LogicalResourceId=QUEUE)
        return boto3.client("sqs"), found["StackResourceDetail"]["PhysicalResourceId"]
    published = State(options.state).read("local.json")
    if published is None:
        raise CannotDo("name a --stack, or start the local system (make run)")
    local = boto3.client(
        "sqs",
        endpoint_url=published["sqs_url"],
        region_name=REGION,
        aws_access_key_id="local",
        aws_secret_access_key="local",  # noqa: S106 - which the emulation does not look at
    )
    return local, f"{published['sqs_url']}/{ACCOUNT_ID}/{STACK_NAME}-{QUEUE.lower()}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dead_letters.py", description="Messages about files that could not be done"
    )
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument("--stack", help="the CloudFormation stack")
    where.add_argument(
        "--state", type=Path, default=Path(".sluice"), help="or the local system's state"
    )
    commands = parser.add_subparsers(required=True, metavar="list | redrive")
    commands.add_parser("list", parents=[where], help="all messages").set_defaults(
        run=list_messages
    )
    again = commands.add_parser("redrive", parents=[where], help="put them back, to be tried anew")
    again.add_argument("id", nargs="?", default="", help="one, as list shows it; by default all")
    again.set_defaults(run=redrive)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
