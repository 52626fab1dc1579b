"""Read the lines that a child process writes to a pipe, without blocking the event loop."""

import asyncio
import os
from collections.abc import Callable

MAX_LINE_BYTES = 1024 * 1024  # CloudWatch's limit for one event


class OutputPipe:
    """The read end of a pipe. `on_line` is called with each line, without the line end.

    `write_end` is for the child; close it once the child has it. A longer line than MAX_LINE_BYTES
    is passed on in parts.
    """

    def __init__(self, on_line: Callable[[bytes], None]) -> None:
        self._on_line = on_line
        self._partial = b""
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        asyncio.get_running_loop().add_reader(self._read_end, self.read)

    def read(self) -> None:
        """Pass on the lines that have been written until now."""
        while self._read_end >= 0:
            try:
                chunk = os.read(self._read_end, 65536)
            except BlockingIOError:
                return
            if not chunk:
                asyncio.get_running_loop().remove_reader(self._read_end)
                return
            *lines, self._partial = (self._partial + chunk).split(b"\n")
            if len(self._partial) > MAX_LINE_BYTES:
                lines.append(self._partial)
                self._partial = b""
            for line in lines:
                self._on_line(line)

    def flush(self) -> None:
        """Pass on what has been written, with a last line that has no end."""
        self.read()
        if self._partial:
            self._on_line(self._partial)
            self._partial = b""

    def close_write_end(self) -> None:
        os.close(self.write_end)

    def close(self) -> None:
        """Close the read end. May be called twice."""
        if self._read_end >= 0:
            asyncio.get_running_loop().remove_reader(self._read_end)
            os.close(self._read_end)
            self._read_end = -1
