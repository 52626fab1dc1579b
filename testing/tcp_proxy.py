"""A TCP proxy that counts round trips, adds latency and simulates failures.

`proxy.round_trips` is the count, `proxy.latency` the added time. `disconnect` simulates a failover,
`drop_data` a gateway that lost the connection, and `drop_packets` an unreachable host. With
`reset_connections` and `close_connections` the host refuses or ends each connection. After `close`
it no longer listens.
"""

import selectors
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

_CHUNK = 262_144


class TcpProxy:
    """Listens on a free port of 127.0.0.1 and forwards each connection in its own thread.

    `round_trips` counts the server's responses to something that the client sent. Messages without
    a response and TCP's handshake are not counted. `latency` (seconds) is added to each round trip.
    """

    host = "127.0.0.1"

    def __init__(self, host: str, port: int, *, latency: float = 0.0) -> None:
        self.latency = latency
        self.round_trips = 0
        self.connections = 0
        self.bytes_sent = 0  # bytes from the client
        self._target = (host, port)
        self._drops_data = False
        self._resets = False
        self._closes_early = False
        self._queued: list[socket.socket] = []
        self._trap: tuple[bytes, bool] | None = None
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self.port = 0
        self.open()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def count_round_trips(self, action: Callable[[], object]) -> int:
        """Return the number of round trips of `action`."""
        before = self.round_trips
        action()
        return self.round_trips - before

    def disconnect(self) -> None:
        """Close all connections on both sides; new ones are accepted."""
        with self._lock:
            pairs, self._pairs = self._pairs, set()
        for pair in pairs:
            for side in pair:
                with suppress(OSError):
                    side.shutdown(socket.SHUT_RDWR)

    def disconnect_at(self, words: bytes, *, delivered: bool) -> None:
        """Close the next connection on which a client sends `words`; do so only once.

        With `delivered`, the server receives and executes them first. Otherwise it never receives
        them.
        """
        self._trap = (words, delivered)

    def drop_data(self, enabled: bool = True) -> None:
        """Read data and forward nothing: the server seems to be silent."""
        self._drops_data = enabled

    def reset_connections(self, enabled: bool = True) -> None:
        """Reset all connections, including the open ones."""
        self._resets = enabled
        if enabled:
            self.disconnect()

    def close_connections(self, enabled: bool = True) -> None:
        """Close each connection by FIN after its first bytes: a proxy without a backend."""
        self._closes_early = enabled
        if enabled:
            self.disconnect()

    def drop_packets(self) -> None:
        """Accept no connection and forward nothing, until `open`: an unreachable host."""
        self.drop_data()
        self._stop_listening()
        self._listener = socket.create_server((self.host, self.port), backlog=0)
        # These fill the listener's queue: the kernel accepts no further connection.
        for _ in range(4):
            self._queued.append(socket.socket())
            self._queued[-1].setblocking(False)
            self._queued[-1].connect_ex((self.host, self.port))

    def open(self) -> None:
        """Listen on the port, also after `close`."""
        self._stop_listening()
        self._drops_data = False
        self._listener = socket.create_server((self.host, self.port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def close(self) -> None:
        """Stop listening and close all connections."""
        self._stop_listening()
        self.disconnect()

    def _stop_listening(self) -> None:
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        for waiting in self._queued:
            waiting.close()
        self._queued.clear()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            if self._resets:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.close()
                continue
            try:
                server = socket.create_connection(self._target)
            except OSError:
                client.close()
                continue
            for side in (client, server):
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self.connections += 1
                self._pairs.add((client, server))
            threading.Thread(target=self._pump, args=(client, server), daemon=True).start()

    def _pump(self, client: socket.socket, server: socket.socket) -> None:
        """Forward data until one side ends. Each piece of a response is late by the latency, so
        that a server that sends a part early gains nothing."""
        late: deque[tuple[float, bytes]] = deque()  # data from the server, and when to forward it
        # Its timeouts have microseconds. Those of epoll have milliseconds.
        with client, server, selectors.SelectSelector() as ready, suppress(OSError):
            ready.register(client, selectors.EVENT_READ)
            ready.register(server, selectors.EVENT_READ)
            request_sent = False
            while True:
                for key, _ in ready.select(_until(late[0][0]) if late else None):
                    data = key.fileobj.recv(_CHUNK)  # type: ignore[union-attr]
                    if not data or self._closes_early:
                        if key.fileobj is server:
                            _forward(late, client)
                        return
                    if self._drops_data:
                        late.clear()
                        continue
                    if key.fileobj is server:
                        if request_sent:
                            request_sent = False
                            with self._lock:
                                self.round_trips += 1
                        late.append((time.perf_counter() + self.latency, data))
                        continue
                    if self._trap is not None and self._trap[0] in data:
                        delivered, self._trap = self._trap[1], None
                        if delivered:
                            server.sendall(data)
                            server.recv(_CHUNK)  # the client does not receive the response
                        return
                    request_sent = True
                    self.bytes_sent += len(data)
                    server.sendall(data)
                while late and _until(late[0][0]) == 0.0:
                    client.sendall(late.popleft()[1])


def _until(due: float) -> float:
    """Return the seconds until `due`, at least 0."""
    return max(0.0, due - time.perf_counter())


def _forward(late: "deque[tuple[float, bytes]]", client: socket.socket) -> None:
    """Forward what the server sent before it closed the connection."""
    for due, data in late:
        time.sleep(_until(due))
        client.sendall(data)
