"""The distances between a contender and the database: 0, 1 and 5 ms for each round trip.

The distance comes from a proxy, which counts the round trips and delays each part of a response.
Delaying only the first part would hide the time of a statement that the server acknowledges early.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from benchmarks.database import BenchmarkDatabase, connect
from testing.tcp_proxy import TcpProxy

NEAR = "0 ms"
FAR = "1 ms"
FURTHER = "5 ms"
DISTANCES = {FAR: 0.001, FURTHER: 0.005}  # seconds, added to each round trip


@dataclass(frozen=True, slots=True, eq=False)
class Mode:
    """A way to the database. `proxy` is None for the direct one.

    `environ` is added to the environment variables of each contender.
    """

    name: str
    url: str
    proxy: TcpProxy | None = None
    distance: float = 0.0
    environ: Mapping[str, str] = field(default_factory=dict)

    @property
    def share_of_calls(self) -> float:
        """Return the part of a round's calls that are made over this distance."""
        return 0.3 if self.distance > DISTANCES[FAR] else 1.0


@contextmanager
def all_modes(database: BenchmarkDatabase) -> Iterator[list[Mode]]:
    """Return the modes, whose proxies run while the block runs."""
    port = database.server.port
    with TcpProxy("127.0.0.1", port) as far, TcpProxy("127.0.0.1", port) as further:
        modes = [Mode(NEAR, database.url)]
        for name, proxy in ((FAR, far), (FURTHER, further)):
            modes.append(Mode(name, database.url_at(proxy.port), proxy, DISTANCES[name]))
        yield modes


def calibrate(modes: list[Mode]) -> None:
    """Set the latency of each proxy so that a round trip takes exactly the distance longer."""
    near_url = modes[0].url
    for mode in modes:
        if mode.proxy is None:
            continue
        mode.proxy.latency = mode.distance
        with closing(connect(near_url)) as near, closing(connect(mode.url)) as far:
            excess = median([_ping(far) - _ping(near) for _ in range(200)]) - mode.distance
        mode.proxy.latency = max(0.0, mode.distance - excess)


def _ping(connection: Any) -> float:
    start = time.perf_counter()
    connection.run("SELECT 1")  # without parameters: one round trip
    return time.perf_counter() - start
