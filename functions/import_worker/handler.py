"""Import files. SQS delivers S3's events for new files, and messages to continue an import."""

import logging
from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from sluice import runtime

processor = BatchProcessor(
    event_type=EventType.SQS,
    raise_on_entire_batch_failure=False,
    logger=logging.getLogger(__name__),
)


def handler(event: dict[str, Any], context: Any) -> Mapping[str, Any]:
    """Handle a batch of messages. SQS delivers only the failed ones again."""

    def handle(record: SQSRecord) -> None:
        consumer = runtime.current().import_consumer
        seconds = context.get_remaining_time_in_millis() / 1000
        consumer.set_visibility(record.receipt_handle, seconds)
        try:
            consumer.handle(record.body, seconds)
        except Exception as error:
            tries = int(record.attributes.approximate_receive_count)
            consumer.handle_failure(record.body, record.receipt_handle, tries, error)
            raise

    return process_partial_response(
        event=event, record_handler=handle, processor=processor, context=context
    )
