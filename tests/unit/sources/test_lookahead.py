"""Text files that are mapped beside being read, so that the processor can be asked for bytes beforehand."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

import cortado
from cortado.engine import pread
from cortado.engine.pread import PROBE, Ahead, Tries

MORSEL = 1 << 20
ASKED = (
    r"textfile '{}' | rex field=line '^(?<k>\S+).* (?<n>\S+)$' | eval n = long(n) | stats sum(n), count by k",
    "textfile '{}' | search line == '*77 x*' | stats count, min(line), max(line)",
)
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives a map its pages beforehand")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "a.log"
    made.write_text("".join(f"k{i * 7919 % 50_000} x {i}\n" for i in range(300_000)))
    return made


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Ahead]:
    """All maps that are made, each of which is found cheap."""
    monkeypatch.setattr(pread, "CHEAP", 1 << 40)
    found: list[Ahead] = []
    begin = Ahead.__init__

    def kept(self: Ahead, *args: Any) -> None:
        begin(self, *args)
        found.append(self)

    monkeypatch.setattr(Ahead, "__init__", kept)
    return found


def answers(path: Path, kernels: str, **settings: Any) -> list[Any]:
    with cortado.connect(timezone="UTC", kernels=kernels, **settings) as session:
        return [session.query(asked.format(path)).run().to_pylist() for asked in ASKED]


@linux
def test_a_map_changes_no_answer(path: Path, made: list[Ahead]) -> None:
    expected = answers(path, "never")
    assert not made
    assert answers(path, "always", threads=2, morsel_bytes=MORSEL) == expected
    assert any(ahead.address for ahead in made)
    assert answers(path, "always", threads=1, morsel_bytes=1 << 30) == expected


@linux
def test_a_file_that_is_cut_off_behind_its_map_ends_nothing(
    path: Path, made: list[Ahead], monkeypatch: pytest.MonkeyPatch
) -> None:
    size = path.stat().st_size
    inner = Ahead.__init__

    def cut(self: Ahead, *args: Any) -> None:
        inner(self, *args)
        os.truncate(path, size // 2)

    monkeypatch.setattr(Ahead, "__init__", cut)
    asked = f"textfile '{path}' | search line == '*x*' | stats count"
    with cortado.connect(timezone="UTC", kernels="always", threads=1, morsel_bytes=1 << 30) as session:
        found = session.query(asked).run().to_pylist()
    assert any(ahead.address for ahead in made)
    with path.open("rb") as file:
        assert found == [{"count": sum(b"x" in line for line in file)}]


@linux
def test_pages_that_cost_too_much_are_not_mapped(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with path.open("rb") as file:
        file.read()
        monkeypatch.setattr(pread, "CHEAP", 0)
        dear = Ahead(file.fileno(), 0, 2 * PROBE)
        monkeypatch.setattr(pread, "CHEAP", 1 << 40)
        cheap, short = Ahead(file.fileno(), 0, 2 * PROBE), Ahead(file.fileno(), 0, PROBE)
        beyond = Ahead(file.fileno(), 0, path.stat().st_size + (1 << 20))
    assert (dear.address != 0, cheap.address != 0, short.address != 0, beyond.address != 0) == (
        False, True, False, False,
    )  # fmt: skip
    for ahead in (dear, cheap, short, beyond):
        ahead.close()


def test_partitions_behind_one_that_was_not_worth_it_are_not_tried() -> None:
    tries = Tries()
    told = []
    for worth in (True, False, False, True):
        n = 1
        while not tries.may_try():
            n += 1
        told.append(n)
        tries.tell(worth)
    assert told == [1, 1, pread.AGAIN, pread.AGAIN]
    assert tries.may_try()
