"""List the messages in the dead-letter queue of imports, and move them back to the source queue.

    make dead-letters STACK=sluice
    make redrive STACK=sluice
    make redrive ID=3f1c6a52 STACK=sluice

The queue holds messages whose import failed at every attempt. First fix the cause, which is in the
worker's log. An import continues from its last position, and a message that is moved back twice is
processed once. Without STACK the local system is used. With STACK, boto3 needs AWS credentials.
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
from local.state import StateFolder, home_of_system

QUEUE = "ImportsDeadLetters"
ID_LENGTH = 8  # the first characters of a message's id identify it
VISIBILITY_TIMEOUT = 60  # seconds for which a message is hidden while it is listed or moved
MAX_SHOWN_CHARS = 120  # of a message with an unknown format


class DeadLetterError(Exception):
    """The command failed. The message says why."""


def main(arguments: list[str]) -> int:
    """Run a command and return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        sqs, url = _queue(options)
        options.run(sqs, url, options)
    except (DeadLetterError, BotoCoreError, ClientError) as error:
        print(f"dead_letters: {error}", file=sys.stderr)
        return 1
    return 0


def list_messages(sqs: Any, url: str, options: argparse.Namespace) -> None:
    """Print a line for each message: its id, the time it was sent, and its subject."""
    for message in _messages(sqs, url):
        sent = datetime.fromtimestamp(int(message["Attributes"]["SentTimestamp"]) / 1000, UTC)
        message_id, subject = message["MessageId"][:ID_LENGTH], _subject(message["Body"])
        print(f"{message_id}  sent {sent:%Y-%m-%d %H:%M:%S}Z  {subject}")


def redrive(sqs: Any, url: str, options: argparse.Namespace) -> None:
    """Move all messages, or those with the id of the options, back to the source queue."""
    sources = sqs.list_dead_letter_source_queues(QueueUrl=url)["queueUrls"]
    if len(sources) != 1:
        raise DeadLetterError(f"{len(sources) or 'no'} queues have {url} as dead-letter queue")
    number = 0
    for message in _messages(sqs, url):
        if message["MessageId"].startswith(options.id):
            # Send it before deleting it: an interruption in between only duplicates the message.
            sqs.send_message(QueueUrl=sources[0], MessageBody=message["Body"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            number += 1
    if options.id and not number:
        raise DeadLetterError(
            f"no message has an id that starts with {options.id!r}; "
            "list the messages: make dead-letters"
        )
    print(f"{number} moved back")


def _messages(sqs: Any, url: str) -> Iterator[dict[str, Any]]:
    """Yield each message once; afterwards make the remaining ones visible to other consumers."""
    seen: dict[str, str] = {}
    try:
        while True:
            received = sqs.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=10,
                VisibilityTimeout=VISIBILITY_TIMEOUT,
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
                    raise  # these two mean that the message was deleted


def _subject(body: str) -> str:
    try:
        message = json.loads(body)
        if "import" in message:
            return f"import {message['import']}, to be continued"
        return ", ".join(
            f"{record['eventName']} {unquote_plus(record['s3']['object']['key'])}"
            for record in message["Records"]
        )
    except (ValueError, KeyError, TypeError):
        return repr(body[:MAX_SHOWN_CHARS])


def _queue(options: argparse.Namespace) -> tuple[Any, str]:
    if options.stack:
        resources = boto3.client("cloudformation")
        found = resources.describe_stack_resource(StackName=options.stack, LogicalResourceId=QUEUE)
        return boto3.client("sqs"), found["StackResourceDetail"]["PhysicalResourceId"]
    published = StateFolder(options.state).read("local.json")
    if published is None:
        raise DeadLetterError("name a --stack, or start the local system (make run)")
    local = boto3.client(
        "sqs",
        endpoint_url=published["sqs_url"],
        region_name=REGION,
        aws_access_key_id="local",
        aws_secret_access_key="local",  # noqa: S106 - the emulation ignores it
    )
    return local, f"{published['sqs_url']}/{ACCOUNT_ID}/{STACK_NAME}-{QUEUE.lower()}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dead_letters.py", description="Messages of imports that failed at every attempt"
    )
    target = argparse.ArgumentParser(add_help=False)
    target.add_argument("--stack", help="the CloudFormation stack")
    target.add_argument(
        "--state",
        type=Path,
        default=home_of_system(),
        help="or the local system's state folder; default: SLUICE_STATE, or .sluice",
    )
    commands = parser.add_subparsers(required=True, metavar="list | redrive")
    listing = commands.add_parser("list", parents=[target], help="list all messages")
    listing.set_defaults(run=list_messages)
    redriving = commands.add_parser(
        "redrive", parents=[target], help="move messages back to the source queue"
    )
    redriving.add_argument(
        "id", nargs="?", default="", help="the id of one message, as list prints it; default: all"
    )
    redriving.set_defaults(run=redrive)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
