"""Imports files: SQS delivers what S3 tells of new ones, and what an earlier run left to do."""

from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from sluice import runtime

STOP_SECONDS = 1.0  # before the function's end, for the last chunk's commit and the message that goes on

processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


def handler(event: dict[str, Any], context: Any) -> Mapping[str, Any]:
    """Work through a batch; the messages that failed come again, the others are done."""

    def work(record: SQSRecord) -> None:
        runtime.current().inbox.work(record.body, context.get_remaining_time_in_millis() / 1000 - STOP_SECONDS)

    return process_partial_response(event=event, record_handler=work, processor=processor, context=context)
