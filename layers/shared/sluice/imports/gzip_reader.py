"""Unpacks gzip as gunzip does: several members are one file, and what stands behind the last is ignored."""

import zlib
from collections.abc import Iterator

from sluice.imports.storage import FileError

MAX_RATIO = 200  # of what is unpacked to what it was packed in
ALWAYS_UNPACKED = 4 * 1024 * 1024  # bytes, whatever the ratio
AT_ONCE = 256 * 1024  # bytes that are unpacked at once
SLICE = (
    16 * 1024
)  # bytes of the packed ones: what a member leaves of them is copied for the next member
GZIP = 16 + zlib.MAX_WBITS
MAGIC = b"\x1f\x8b"


class Unpacked:
    """The bytes of a gzip file from `start` on. It is unpacked from its beginning, for there is no other way in.

    FileError if it is no gzip, damaged or incomplete, or unpacks to more than `most` bytes or MAX_RATIO times its size.
    """

    def __init__(self, blocks: Iterator[bytes], start: int, most: int) -> None:
        self._blocks = blocks
        self._skip = start
        self._most = most
        self._size = 0
        self.taken = 0  # bytes, of the packed ones

    def __iter__(self) -> Iterator[bytes]:
        unpacker = zlib.decompressobj(GZIP)
        begun = True
        packed = b""
        for part in self._slices():
            packed += part
            while packed:
                if not begun:
                    if len(packed) < len(MAGIC) and MAGIC.startswith(packed):
                        break  # the next slice tells
                    if not packed.startswith(MAGIC):
                        return  # zeros or garbage: gunzip ignores the rest, whatever it is
                    begun, unpacker = True, zlib.decompressobj(GZIP)
                data, packed = self._unpack(unpacker, packed)
                if unpacker.eof:
                    begun = False
                    packed = unpacker.unused_data
                yield from self._wanted(data)
        if packed or (begun and self.taken):
            raise FileError("the file ends within its gzip stream")

    def _slices(self) -> Iterator[bytes]:
        for block in self._blocks:
            for at in range(0, len(block), SLICE):
                part = block[at : at + SLICE]
                self.taken += len(part)
                yield part

    def _unpack(self, unpacker: "zlib._Decompress", packed: bytes) -> tuple[bytes, bytes]:
        try:
            data = unpacker.decompress(packed, AT_ONCE)
        except zlib.error as error:
            raise FileError("the file is not gzip, or is damaged") from error
        self._size += len(data)
        if self._size > max(ALWAYS_UNPACKED, MAX_RATIO * self.taken):
            raise FileError(f"the file unpacks to more than {MAX_RATIO} times its size")
        if self._size > self._most:
            raise FileError(f"the file unpacks to more than {self._most:,} bytes. Split it")
        return data, unpacker.unconsumed_tail

    def _wanted(self, data: bytes) -> Iterator[bytes]:
        skipped = min(self._skip, len(data))
        self._skip -= skipped
        if skipped < len(data):
            yield data[skipped:]
