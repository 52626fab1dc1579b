"""Print the events that SAM CLI's gateway creates for requests. test_payload.py compares with them.

    python sam_events.py TEMPLATE < requests.json

The input is a list of {"method", "target", "headers": [[name, value]], "body"}. SAM CLI's Python
runs this program. It starts no container: the events are recorded instead.
"""

import json
import sys
from typing import Any

from samcli.lib.providers.api_provider import ApiProvider
from samcli.lib.providers.sam_stack_provider import SamLocalStackProvider
from samcli.local.apigw.local_apigw_service import LocalApigwService


class EventRecorder:
    """Replaces SAM's runner of containers, and records the events."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def is_debugging(self) -> bool:
        return False

    def invoke(self, name: str, event: str, stdout: Any, **_: Any) -> None:
        self.events.append(json.loads(event))
        stdout.write_str('{"statusCode": 200}')


def main() -> None:
    stacks, _ = SamLocalStackProvider.get_stacks(sys.argv[1])
    recorder = EventRecorder()
    service = LocalApigwService(ApiProvider(stacks).api, recorder, port=3000, host="127.0.0.1")
    service.create()
    client = service._app.test_client(use_cookies=False)
    for request in json.load(sys.stdin):
        headers = [("User-Agent", "tests"), *request["headers"]]
        client.open(
            request["target"],
            method=request["method"],
            headers=headers,
            data=request["body"].encode(),
        )
    json.dump(recorder.events, sys.stdout)


if __name__ == "__main__":
    main()
