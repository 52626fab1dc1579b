"""gzip is read like gunzip does, in little memory, and a bomb is rejected."""

import gzip
import random
import subprocess
from collections.abc import Iterator

import pytest

from sluice.imports.gzip_reader import UNCHECKED_BYTES, GzipReader
from sluice.imports.storage import FileError

TEXT = b"name\nMug\n" * 5_000
NOISE = random.Random(1).randbytes(300_000)
ONE = gzip.compress(TEXT)
TWO = gzip.compress(b"Cup\n")
VALID = {
    "one member": ONE,
    "two members": ONE + TWO,
    "an empty member between": ONE + gzip.compress(b"") + TWO,
    "many empty members": gzip.compress(b"") * 3_000 + ONE,
    "trailing zeros": ONE + TWO + bytes(512),
    "one trailing zero": ONE + b"\0",
    "trailing garbage": ONE + b"garbage",
    "zeros and garbage": ONE + bytes(10) + b"garbage",
    "zeros and a member": ONE + bytes(512) + TWO,
    "noise": gzip.compress(NOISE) + gzip.compress(NOISE),
    "a name in the header": b"\x1f\x8b\x08\x08\0\0\0\0\0\xffname.csv\0" + ONE[10:],
}
INVALID = {
    "not gzip": b"name\n",
    "its first byte": ONE[:1],
    "its magic": ONE[:2],
    "a part of its header": ONE[:7],
    "without its end": ONE[:-1],
    "without its checksum": ONE[:-8],
    "half of it": ONE[: len(ONE) // 2],
    "a wrong checksum": ONE[:-8] + b"\0\0\0\0" + ONE[-4:],
    "a wrong length": ONE[:-4] + b"\0\0\0\0",
    "half a second member": ONE + TWO[:-5],
    "a second member's magic": ONE + TWO[:2],
    "damage in the second member": ONE + TWO[:-8] + b"\0\0\0\0" + TWO[-4:],
    "a second member's first byte": ONE + b"\x1f",
    "another method": b"\x1f\x8b\x07" + ONE[3:],
    "zeros": bytes(20),
}


def gunzip(data: bytes) -> bytes | None:
    """Return what gunzip returns, or None for an error. Exit code 2 is a warning."""
    done = subprocess.run(["gunzip", "-c"], input=data, capture_output=True, check=False)
    return None if done.returncode == 1 else done.stdout


def decompress(data: bytes, size: int, start: int = 0, max_bytes: int = 10**9) -> bytes:
    blocks: Iterator[bytes] = (data[at : at + size] for at in range(0, len(data), size))
    return b"".join(GzipReader(blocks, start, max_bytes))


@pytest.mark.parametrize("size", [1, 7, 1_000, 10**6])
@pytest.mark.parametrize("name", VALID)
def test_data_equals_gunzip(name: str, size: int) -> None:
    data = VALID[name]
    if len(data) // size < 10_000:
        expected = gunzip(data)
        assert expected is not None
        assert decompress(data, size) == expected
        assert decompress(data, size, start=20_003) == expected[20_003:]


@pytest.mark.parametrize("size", [1, 1_000])
@pytest.mark.parametrize("name", INVALID)
def test_invalid_gzip_fails_like_gunzip(name: str, size: int) -> None:
    assert gunzip(INVALID[name]) is None
    with pytest.raises(FileError, match=r"is not gzip, or is damaged|ends within its gzip stream"):
        decompress(INVALID[name], size)


def test_bomb_is_rejected_by_ratio_and_size() -> None:
    bomb = gzip.compress(b"\n" * 2 * UNCHECKED_BYTES)
    with pytest.raises(FileError, match="more than 200 times its size"):
        decompress(bomb, 10**6)
    with pytest.raises(FileError, match="more than 100 bytes"):
        decompress(gzip.compress(b"a" * 101), 10**6, max_bytes=100)
    assert decompress(gzip.compress(b"a" * 100), 10**6, max_bytes=100) == b"a" * 100
