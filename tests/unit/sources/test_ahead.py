"""Chunks that a thread makes ahead: order, faults at their place, the budget, and that the thread ends."""

from __future__ import annotations

import gzip
import threading
import time
import zlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest

import cortado
from cortado.engine.sources.ahead import read_ahead
from cortado.engine.storage import unpack
from cortado.planner.text import QueryError


def readers() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name == "cortado-ahead"]


def test_all_in_order() -> None:
    chunks = [bytes([i % 251]) * (i % 7) for i in range(1000)]
    assert list(read_ahead(iter(chunks), budget=10)) == chunks
    assert readers() == []


def test_a_fault_comes_behind_what_is_good() -> None:
    def broken() -> Iterator[bytes]:
        yield b"one"
        yield b"two"
        raise EOFError("cut off")

    got = []
    with pytest.raises(EOFError, match="cut off"):
        for chunk in read_ahead(broken()):
            time.sleep(0.01)
            got.append(chunk)
    assert got == [b"one", b"two"] and readers() == []


def test_it_is_no_further_ahead_than_the_budget() -> None:
    made = []

    def chunks() -> Iterator[bytes]:
        for i in range(100):
            made.append(i)
            yield b"x" * 10

    ahead = read_ahead(chunks(), budget=50)
    next(ahead)
    time.sleep(0.1)
    assert len(made) == 7  # one was taken, five wait, one has no room
    ahead.close()


def test_a_chunk_beyond_the_budget_comes_alone() -> None:
    chunks = [b"x" * 100, b"y" * 100, b"z"]
    assert list(read_ahead(iter(chunks), budget=10)) == chunks


def test_closing_ends_the_thread_and_what_it_reads() -> None:
    ended = []

    def endless() -> Iterator[bytes]:
        try:
            while True:
                yield b"x" * 10
        finally:
            ended.append(True)

    ahead = read_ahead(endless(), budget=30)
    assert next(ahead) == b"x" * 10
    ahead.close()
    assert ended == [True] and readers() == []


@pytest.fixture
def lines(tmp_path: Path) -> tuple[Path, list[str]]:
    """Three members, of which the second begins within a line."""
    text = "".join(f"k{i % 5} {i} {'x' * (i % 90)}\n" for i in range(120_000)).encode()
    cuts = [0, len(text) // 3, len(text) // 2 + 7, len(text)]
    path = tmp_path / "lines.gz"
    path.write_bytes(b"".join(gzip.compress(text[a:b], 1) for a, b in pairwise(cuts)))
    return path, text.decode().splitlines()


COUNT = "rex field=line '^(?<k>\\S+) (?<n>\\d+) ' | eval n = long(n) | stats count, sum(n) as n by k"


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("library", ["isal", "zlib"])
def test_members_as_the_plain_text(
    lines: tuple[Path, list[str]], threads: int, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, plain = lines
    if library == "zlib":
        monkeypatch.setattr(unpack, "_inflate", lambda: zlib)
    with cortado.connect(threads=threads) as session:
        got = session.query(f"textfile '{path}' | {COUNT}").run().to_arrow().to_pylist()
        (last,) = session.query(f"textfile '{path}' | tail 1 | fields line").run().to_arrow().to_pylist()
    wanted = [[int(row.split()[1]) for row in plain if row.startswith(f"k{k} ")] for k in range(5)]
    assert got == [{"k": f"k{k}", "count": len(n), "n": sum(n)} for k, n in enumerate(wanted)]
    assert last["line"] == plain[-1] and readers() == []


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("library", ["isal", "zlib"])
@pytest.mark.parametrize("damage", ["cut", "changed", "checksum"])
def test_damage_is_told_and_not_passed_over(
    lines: tuple[Path, list[str]], threads: int, library: str, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, _ = lines
    raw = bytearray(path.read_bytes())
    if damage == "cut":
        del raw[-len(raw) // 4 :]
    elif damage == "changed":
        raw[len(raw) // 2 : len(raw) // 2 + 40] = b"\xff" * 40
    else:
        raw[-8] ^= 1
    path.write_bytes(raw)
    if library == "zlib":
        monkeypatch.setattr(unpack, "_inflate", lambda: zlib)
    with cortado.connect(threads=threads) as session, pytest.raises(QueryError) as caught:
        session.query(f"textfile '{path}' | {COUNT}").run()
    assert caught.value.code == "E605" and "cut off or damaged" in str(caught.value)
    assert readers() == []


def test_a_query_that_ends_early_leaves_no_thread(lines: tuple[Path, list[str]]) -> None:
    path, plain = lines
    zst = path.with_name("lines.txt.zst")
    with pa.CompressedOutputStream(str(zst), "zstd") as out:
        out.write("\n".join(plain).encode())
    with cortado.connect(threads=2) as session:
        for packed in (path, zst):
            got = session.query(f"textfile '{packed}' | limit 2 | fields line").run().to_arrow().to_pylist()
            assert [row["line"] for row in got] == plain[:2]
    assert readers() == []


@pytest.mark.parametrize("suffix", [".gz", ".zst", ".xz", ".bz2"])
@pytest.mark.parametrize("content", [b"a,b\n1,2\n", b"\x1f"])
@pytest.mark.parametrize("command", ["textfile", "csvfile"])
def test_a_file_that_is_not_what_its_ending_says(tmp_path: Path, suffix: str, content: bytes, command: str) -> None:
    """A first byte alone may be the beginning of one that was cut off."""
    path = tmp_path / f"x{suffix}"
    path.write_bytes(content)
    with cortado.connect() as session, pytest.raises(QueryError) as caught:
        session.query(f"{command} '{path}' | stats count").run()
    said = str(caught.value)
    cut = content == b"\x1f" and suffix == ".gz"
    assert (
        caught.value.code == "E605" and ("cut off or damaged" if cut else "does not hold what its ending says") in said
    )
    assert cut or (repr(content) in said and f"ending in {suffix}" in said)
