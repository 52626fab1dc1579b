"""gzip is read as gunzip reads it, in little memory, and a bomb is refused."""

import gzip
import random
import subprocess
from collections.abc import Iterator

import pytest

from sluice.imports.gzip_reader import ALWAYS_UNPACKED, Unpacked
from sluice.imports.storage import FileError

TEXT = b"name\nMug\n" * 5_000
NOISE = random.Random(1).randbytes(300_000)
ONE, TWO = gzip.compress(TEXT), gzip.compress(b"Cup\n")
WHOLE = {
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
BROKEN = {
    "nothing of it": b"name\n",
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
    """What gunzip makes of it; None for an error. It warns of what it ignores, with 2."""
    done = subprocess.run(["gunzip", "-c"], input=data, capture_output=True, check=False)
    return None if done.returncode == 1 else done.stdout


def unpacked(data: bytes, size: int, start: int = 0, most: int = 10**9) -> bytes:
    blocks: Iterator[bytes] = (data[at : at + size] for at in range(0, len(data), size))
    return b"".join(Unpacked(blocks, start, most))


@pytest.mark.parametrize("size", [1, 7, 1_000, 10**6])
@pytest.mark.parametrize("name", WHOLE)
def test_gzip_is_read_as_gunzip_reads_it(name: str, size: int) -> None:
    data = WHOLE[name]
    if len(data) // size < 10_000:
        expected = gunzip(data)
        assert expected is not None
        assert unpacked(data, size) == expected
        assert unpacked(data, size, start=20_003) == expected[20_003:]


@pytest.mark.parametrize("size", [1, 1_000])
@pytest.mark.parametrize("name", BROKEN)
def test_what_gunzip_refuses_fails(name: str, size: int) -> None:
    assert gunzip(BROKEN[name]) is None
    with pytest.raises(FileError, match=r"is not gzip, or is damaged|ends within its gzip stream"):
        unpacked(BROKEN[name], size)


def test_bomb_is_refused_by_ratio_and_by_size() -> None:
    bomb = gzip.compress(b"\n" * 2 * ALWAYS_UNPACKED)
    with pytest.raises(FileError, match="more than 200 times its size"):
        unpacked(bomb, 10**6)
    with pytest.raises(FileError, match="more than 100 bytes"):
        unpacked(gzip.compress(b"a" * 101), 10**6, most=100)
    assert unpacked(gzip.compress(b"a" * 100), 10**6, most=100) == b"a" * 100
