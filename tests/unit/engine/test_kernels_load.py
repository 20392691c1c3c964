"""When compiled kernels are loaded, and what a small query does not load."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from cortado.engine import run
from cortado.engine.kernels import aside, load
from cortado.engine.operators.rows import Rows

from .toys import SCHEMA, Boom, Numbers, Probe, pipe, start, values


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A loader that has loaded nothing, and whose modules are none."""
    loaded: list[str] = []
    monkeypatch.setattr(load, "_is_ready", False)
    monkeypatch.setattr(load, "_error", None)
    monkeypatch.setattr(load, "_thread", None)
    monkeypatch.setattr(load, "FIRST", "one")
    monkeypatch.setattr(load, "modules", lambda: ["one", "two"])
    monkeypatch.setattr(load, "_import", loaded.append)
    monkeypatch.setattr(aside, "is_needed", lambda: False)
    monkeypatch.setattr(aside, "leave_mark", lambda: None)
    monkeypatch.setattr(aside, "place_to_keep", lambda: None)
    return loaded


class Asks(Probe):
    """Remembers what each push was told, at its begin and at its end."""

    def __init__(self, needs_order: bool = False, between: Any = None) -> None:
        super().__init__(needs_order=needs_order)
        self.told: list[tuple[bool, bool]] = []
        self.between = between

    def push(self, batch: Any, local: Any, emit: Any) -> Any:
        before = local.ctx.compiled
        if self.between is not None:
            self.between(batch)
        self.told.append((before, local.ctx.compiled))
        return super().push(batch, local, emit)


def rows(nbytes: int) -> Rows:
    return Rows([pa.array(np.arange(nbytes // 8))], SCHEMA)


def test_small_input_loads_nothing(session_of: Any, fresh: list[str]) -> None:
    asks = Asks()
    values(start(session_of(2), [pipe(rows(run.KERNEL_BYTES - 8), asks)], kernels="auto"))
    assert fresh == [] and set(asks.told) == {(False, False)}


def test_large_input_loads_them(session_of: Any, fresh: list[str]) -> None:
    asks = Asks()
    list(start(session_of(2), [pipe(rows(run.KERNEL_BYTES), asks)], kernels="auto"))
    assert fresh == ["one"]  # the others are loaded by who uses them
    assert load.ready() and asks.told[-1] == (True, True)


def test_input_of_unknown_size_loads_them_once_it_proves_large(
    session_of: Any, fresh: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "KERNEL_BYTES", 5000)
    source, asks = Numbers(20, 2, 50), Asks()
    assert not hasattr(source, "nbytes_hint")
    values(start(session_of(1), [pipe(source, asks)], kernels="auto"))
    assert fresh == ["one"]
    assert asks.told[0] == (False, False) and asks.told[-1] == (True, True)


@pytest.mark.parametrize("needs_order", [False, True])
def test_switch_is_between_batches(session_of: Any, fresh: list[str], needs_order: bool) -> None:
    """The kernels come in the middle of a push."""

    def between(batch: Any) -> None:
        if batch.origin.seq == 3:
            load._is_ready = True

    asks = Asks(needs_order, between)
    values(start(session_of(1), [pipe(Numbers(8, 2, 5), asks)], kernels="auto"))
    assert all(before == after for before, after in asks.told)
    assert asks.told[0] == (False, False) and asks.told[-1] == (True, True)


def test_never_and_always(session_of: Any, fresh: list[str]) -> None:
    never, always = Asks(), Asks()
    values(start(session_of(2), [pipe(Numbers(), always)], kernels="always"))
    assert fresh == ["one"] and set(always.told) == {(True, True)}
    values(start(session_of(2), [pipe(Numbers(), never)], kernels="never"))
    assert set(never.told) == {(False, False)}


def test_always_fails_where_they_cannot_be_loaded(
    session_of: Any, fresh: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(name: str) -> None:
        raise Boom(name)

    monkeypatch.setattr(load, "_import", broken)
    session = session_of(2)
    with pytest.raises(Boom):
        start(session, [pipe(Numbers())], kernels="always")
    assert session.memory_used() == 0 and not session._runs


def test_failure_in_the_background_is_noted(session_of: Any, fresh: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> None:
        raise Boom(name)

    monkeypatch.setattr(load, "_import", broken)
    query = start(session_of(2), [pipe(rows(run.KERNEL_BYTES))], kernels="auto")
    assert sum(b.n_rows for b in query) == run.KERNEL_BYTES // 8
    (note,) = query.notes()
    assert (note.kind, note.reason, note.hint) == ("info", "compiled kernels could not be loaded", "Boom: one")


def test_modules_are_those_of_the_folder() -> None:
    names = load.modules()
    assert "cortado.engine.kernels.group" in names
    assert not {f"cortado.engine.kernels.{n}" for n in ("aside", "load", "jit")} & set(names)


def test_kernels_that_are_not_kept_are_compiled_in_another_process(
    fresh: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """First aside, then loaded here; once the mark is left nothing is compiled aside any more."""
    monkeypatch.undo()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert aside.is_needed()
    done = subprocess.run([sys.executable, "-c", _ASIDE], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["True", "False"], done.stderr
    assert not aside.is_needed()


# the real process, with a kernel module that is quick: what it imports last is told by the mark that it leaves
_ASIDE = """
import sys
from cortado.engine.kernels import aside, load
print(aside.is_needed())
aside._start = lambda: __import__("subprocess").Popen(
    [sys.executable, "-c", "from cortado.engine.kernels import load, aside; load.modules = lambda: ['json']; aside.work()"])
aside.compile_all(lambda: False)
print(aside.is_needed())
"""


def test_no_place_for_a_mark_means_no_other_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(file / "below"))
    assert not aside.is_needed()
    aside.leave_mark()  # and no error
    with pytest.raises(ImportError, match="no folder in which compiled kernels can be kept"):
        aside.place_to_keep()


def test_a_process_that_cannot_be_started_is_done_without(
    fresh: list[str], monkeypatch: pytest.MonkeyPatch, session_of: Any
) -> None:
    monkeypatch.setattr(aside, "is_needed", lambda: True)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    list(start(session_of(2), [pipe(rows(run.KERNEL_BYTES))], kernels="auto"))
    assert load._thread is not None
    load._thread.join(10)  # nobody waits for what is being compiled
    assert fresh == ["one", "two", "one"]  # all are compiled here


def test_the_other_process_is_left_when_this_one_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    monkeypatch.setattr(aside, "_start", lambda: child)
    aside.compile_all(lambda: True)
    assert child.wait(10) != 0


def test_small_query_imports_neither_numba_nor_pandas() -> None:
    code = """
import sys, threading
from cortado.engine.scheduler import EngineSession, PipelineSpec, Tag
from cortado.engine.context import Settings
from cortado.engine.operators.rows import Rows
from cortado.engine.operators.limit import LimitTransform, TailSink
from cortado.engine.arrow import array_from
from cortado.engine.notes import At
from cortado.planner.types import LONG, Schema
import numpy as np
session, schema, sink = EngineSession(2, 1 << 30), Schema((("x", LONG),)), TailSink(9, Schema((("x", LONG),)), At("1", "tail"))
steps = [(LimitTransform(100, 3, At("2", "limit")), Tag(2, "Limit"))]
specs = [
    PipelineSpec(source=Rows([array_from(np.arange(1000))], schema), transforms=steps, sink=(sink, Tag(3, "Tail")), source_tag=Tag(1, "Scan")),
    PipelineSpec(source=sink.result, transforms=[], sink=None, source_tag=Tag(3, "Tail"), after=(0,)),
]
query = session.run(specs, Settings(), now_us=0)
assert [v for b in query for v in b.array(0).to_pylist()] == list(range(94, 103))
query.notes(), query.metrics()
print(sorted({"numba", "pandas", "lark", "deltalake"} & set(sys.modules)))
"""
    got = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )  # and it ends
    assert got.stdout.strip() == "[]", got.stderr


def test_process_ends_with_a_query_open() -> None:
    """Neither the scheduler nor a lease may hold up the end of the process."""
    code = """
import time
from cortado.engine.scheduler import EngineSession
from tests.unit.engine.toys import *
session = EngineSession(2, 1 << 30)
query = start(session, through(Numbers(3000, 1, 10, lambda s, k: time.sleep(0.01)), sink=Collect()))
waits = start(session, [pipe(Numbers(3000, 1, 1000))], window_bytes=1 << 12)
next(waits)
"""
    subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=10, check=True)


def test_loading_waits_for_no_lock(fresh: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked twice in the background, it loads once."""
    go = threading.Event()

    def slow(name: str) -> None:
        go.wait(5)
        fresh.append(name)

    monkeypatch.setattr(load, "_import", slow)
    load.ensure(background=True)
    load.ensure(background=True)
    assert not load.ready()
    load.wait(0.01, lambda: False)
    go.set()
    load.ensure(background=False)
    assert load.ready() and fresh in (["one"], ["one"] * 2)


def test_only_one_process_compiles_at_a_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    with aside._alone(), open(tmp_path / "kernels.lock") as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with open(tmp_path / "kernels.lock") as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
