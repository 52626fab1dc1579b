"""Decompress gzip like gunzip: all members are one file, and trailing data is ignored."""

import zlib
from collections.abc import Iterator

from sluice.imports.storage import FileError

MAX_RATIO = 200  # of the decompressed size to the compressed size
UNCHECKED_BYTES = 4 * 1024 * 1024  # decompressed, before the ratio is checked
MAX_BLOCK_BYTES = 256 * 1024  # decompressed at once
# Compressed bytes that zlib gets at once. At the end of a member, it copies the unused ones.
SLICE_BYTES = 16 * 1024
GZIP_WINDOW_BITS = 16 + zlib.MAX_WBITS
MAGIC = b"\x1f\x8b"


class GzipReader:
    """Yield the decompressed bytes of a gzip file from the offset `start` on.

    gzip has no random access, so the file is always decompressed from its beginning.
    Raises FileError if the file is not gzip, is damaged or incomplete, or has more than `max_bytes`
    or MAX_RATIO times its compressed size.
    """

    def __init__(self, blocks: Iterator[bytes], start: int, max_bytes: int) -> None:
        self._blocks = blocks
        self._bytes_to_skip = start
        self._max_bytes = max_bytes
        self._decompressed_bytes = 0
        self.bytes_consumed = 0  # compressed

    def __iter__(self) -> Iterator[bytes]:
        decompressor = zlib.decompressobj(GZIP_WINDOW_BITS)
        in_member = True
        compressed = b""
        for part in self._slices():
            compressed += part
            while compressed:
                if not in_member:
                    if len(compressed) < len(MAGIC) and MAGIC.startswith(compressed):
                        break  # the next slice shows whether this is a member
                    if not compressed.startswith(MAGIC):
                        return  # zeros or garbage, which gunzip ignores as well
                    in_member, decompressor = True, zlib.decompressobj(GZIP_WINDOW_BITS)
                data, compressed = self._decompress(decompressor, compressed)
                if decompressor.eof:
                    in_member = False
                    compressed = decompressor.unused_data
                yield from self._after_start(data)
        if compressed or (in_member and self.bytes_consumed):
            raise FileError("the file ends within its gzip stream")

    def _slices(self) -> Iterator[bytes]:
        for block in self._blocks:
            for offset in range(0, len(block), SLICE_BYTES):
                part = block[offset : offset + SLICE_BYTES]
                self.bytes_consumed += len(part)
                yield part

    def _decompress(
        self, decompressor: "zlib._Decompress", compressed: bytes
    ) -> tuple[bytes, bytes]:
        """Return decompressed data, and the compressed bytes that are left."""
        try:
            data = decompressor.decompress(compressed, MAX_BLOCK_BYTES)
        except zlib.error as error:
            raise FileError("the file is not gzip, or is damaged") from error
        self._decompressed_bytes += len(data)
        if self._decompressed_bytes > max(UNCHECKED_BYTES, MAX_RATIO * self.bytes_consumed):
            raise FileError(f"the file unpacks to more than {MAX_RATIO} times its size")
        if self._decompressed_bytes > self._max_bytes:
            raise FileError(f"the file unpacks to more than {self._max_bytes:,} bytes. Split it")
        return data, decompressor.unconsumed_tail

    def _after_start(self, data: bytes) -> Iterator[bytes]:
        skipped = min(self._bytes_to_skip, len(data))
        self._bytes_to_skip -= skipped
        if skipped < len(data):
            yield data[skipped:]
