"""Packed files: whole ones, joined ones, cut ones, damaged ones and bombs."""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
import resource
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from cortado.engine.storage.paths import Gate, Unpacked
from cortado.engine.storage.unpack import Limits
from cortado.planner.text import QueryError

PACK: dict[str, Callable[[bytes], bytes]] = {
    ".gz": lambda data: gzip.compress(data, 1),
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": lambda data: pa.compress(data, "zstd", asbytes=True),
}
TEXT = b"".join(b"%d %d some line of text\n" % (i, random.Random(i).getrandbits(40)) for i in range(20_000))


@pytest.fixture(params=sorted(PACK))
def suffix(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def put(folder: Path, suffix: str, data: bytes) -> Path:
    path = folder / f"x{suffix}"
    path.write_bytes(data)
    return path


def test_whole_and_joined(tmp_path: Path, suffix: str) -> None:
    path = put(tmp_path, suffix, PACK[suffix](TEXT) + PACK[suffix](TEXT))
    assert Gate().is_packed(path)
    assert Gate().open_read(path).read(1 << 30) == TEXT * 2
    stream = Gate().open_stream(path)
    parts = [stream.read(1000) for _ in range(3)]
    assert b"".join(parts) == TEXT[:3000]
    assert Gate().open_read(put(tmp_path, suffix.upper(), PACK[suffix](b""))).read(9) == b""


def test_an_empty_file_is_empty(tmp_path: Path, suffix: str) -> None:
    assert Gate().open_stream(put(tmp_path, suffix, b"")).read() == b""


def test_gzip_may_be_padded_with_zeros(tmp_path: Path) -> None:
    path = put(tmp_path, ".gz", gzip.compress(b"ab") + bytes(600) + gzip.compress(b"cd") + bytes(3))
    assert Gate().open_stream(path).read() == b"abcd"


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_cut_stream_gives_what_is_good_then_says_how_much(tmp_path: Path, suffix: str, share: float) -> None:
    packed = PACK[suffix](TEXT)
    stream = Gate().open_stream(put(tmp_path, suffix, packed[: int(len(packed) * share)]))
    assert isinstance(stream, Unpacked)
    good = b""
    with pytest.raises(QueryError) as found:
        while True:
            block = stream.read(7777)
            assert block
            good += block
    assert found.value.code == "E605"
    assert TEXT.startswith(good) and len(good) < len(TEXT)
    assert f" {len(good)} unpacked bytes" in found.value.message
    assert stream.good_bytes == len(good) and stream.fault is found.value
    if share > 0.4 and suffix != ".bz2":  # one block of bz2 is larger than this text
        assert len(good) > 100_000
    with pytest.raises(QueryError):
        stream.read(1)


def test_a_damaged_stream_is_never_other_text(tmp_path: Path, suffix: str) -> None:
    packed = bytearray(PACK[suffix](TEXT))
    packed[len(packed) // 2] ^= 0x55
    stream = Gate().open_stream(put(tmp_path, suffix, bytes(packed)))
    good = b""
    try:
        while block := stream.read(5000):
            good += block
    except QueryError as why:
        assert why.code == "E605"
    else:
        pytest.fail("the damage was not seen")
    if suffix in (".bz2", ".xz"):  # the others have one checksum, at the end
        assert TEXT.startswith(good)


def test_garbage_after_the_end(tmp_path: Path, suffix: str) -> None:
    stream = Gate().open_stream(put(tmp_path, suffix, PACK[suffix](TEXT) + b"garbage"))
    good = b""
    with pytest.raises(QueryError):
        while True:
            good += stream.read(1 << 20)
    assert good == TEXT


def test_the_fault_comes_through_arrow_readers(tmp_path: Path) -> None:
    packed = gzip.compress(TEXT)
    source = Gate().open_read(put(tmp_path, ".gz", packed[: len(packed) // 2]))
    with pytest.raises(QueryError):
        while source.read(10_000):
            pass


def test_a_bomb_is_stopped_early(tmp_path: Path, suffix: str) -> None:
    size = 48 << 20
    path = put(tmp_path, suffix, PACK[suffix](bytes(size)))
    stream = Gate(limits=Limits(ratio=2, free=4 << 20)).open_stream(path)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    given = 0
    with pytest.raises(QueryError) as found:
        while True:
            given += len(stream.read(1 << 16))
    assert found.value.code == "E701"
    assert given <= 6 << 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10
    assert Gate(limits=Limits(ratio=2, free=size)).open_stream(path).read() == bytes(size)
