"""The table of retries/cases.json: what the clients in both languages repeat, and when."""

import json
from dataclasses import dataclass, field
from pathlib import Path

TABLE = Path(__file__).parent / "retries/cases.json"


@dataclass(frozen=True, kw_only=True)
class RetryCase:
    """A call with the replies that it gets. It must send as many requests as there are replies.

    key: whether the route reads `Idempotency-Key`. keys: the number of different keys sent.
    replies: `lost`, `timeout`, `refused`, a status, or status, code and Retry-After.
    random: the number of the jitter. waits: the seconds between the attempts, if they matter.
    error: the class of the error. maybe: whether it says that data may have changed.
    """

    method: str
    replies: list[str | int | list[str | int]]
    key: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    attempts: int = 5
    deadline: float = 30.0
    random: float = 0.5
    waits: list[float] | None = None
    error: str = ""
    maybe: bool = False
    keys: int | None = None


CASES = {name: RetryCase(**case) for name, case in json.loads(TABLE.read_text())}
