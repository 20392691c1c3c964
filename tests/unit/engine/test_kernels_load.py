"""When compiled kernels are loaded, and what a small query does not load."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from cortado.engine import run
from cortado.engine.kernels import aside, kept, load
from cortado.engine.operators.rows import Rows

from .toys import SCHEMA, Boom, Numbers, Probe, pipe, start, values

MODULES = ("choose", "find", "select")


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A loader that has loaded nothing, and whose modules are none."""
    loaded: list[str] = []
    for name, value in {"_is_ready": False, "_is_set_up": False, "_is_compiling": False}.items():
        monkeypatch.setattr(load, name, value)
    monkeypatch.setattr(load, "_have", frozenset())
    monkeypatch.setattr(load, "_asked", [])
    monkeypatch.setattr(load, "_error", None)
    monkeypatch.setattr(load, "_thread", None)
    monkeypatch.setattr(load, "FIRST", "choose")
    monkeypatch.setattr(load, "load_module", loaded.append)
    monkeypatch.setattr(kept, "modules", lambda: MODULES)
    monkeypatch.setattr(kept, "is_complete", lambda: True)
    monkeypatch.setattr(kept, "place_to_keep", lambda: None)
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
    assert fresh == ["choose"]  # the others are loaded by who uses them
    assert load.ready() and asks.told[-1] == (True, True)


def test_input_of_unknown_size_loads_them_once_it_proves_large(
    session_of: Any, fresh: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "KERNEL_BYTES", 5000)
    source, asks = Numbers(20, 2, 50), Asks()
    assert not hasattr(source, "nbytes_hint")
    values(start(session_of(1), [pipe(source, asks)], kernels="auto"))
    assert fresh == ["choose"]
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


def test_a_query_leaves_processors_to_those_who_compile_for_it(
    session_of: Any, fresh: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of two threads works while two processes compile on two processors; both do when those have ended."""
    helpers, lock, at_work, together = [2], threading.Lock(), [0], dict[int, int]()
    monkeypatch.setattr(run, "KERNEL_BYTES", 1)
    monkeypatch.setattr(load, "ensure", lambda **how: None)
    monkeypatch.setattr(load, "helpers", lambda: helpers[0])
    monkeypatch.setattr(aside, "processors", lambda: 2)

    def hook(seq: int, k: int) -> None:
        with lock:
            at_work[0] += 1
            together[seq] = at_work[0]
            if seq == 40:
                helpers[0] = 0
        time.sleep(0.003)
        with lock:
            at_work[0] -= 1

    got = values(start(session_of(2), [pipe(Numbers(80, 1, 5, hook))], kernels="auto"))
    assert len(got) == 400
    assert max(together[seq] for seq in range(10, 40)) == 1
    assert max(together[seq] for seq in range(50, 80)) == 2


def test_never_and_always(session_of: Any, fresh: list[str]) -> None:
    never, always = Asks(), Asks()
    values(start(session_of(2), [pipe(Numbers(), always)], kernels="always"))
    assert fresh == ["choose"] and set(always.told) == {(True, True)}
    values(start(session_of(2), [pipe(Numbers(), never)], kernels="never"))
    assert set(never.told) == {(False, False)}


def test_always_fails_where_they_cannot_be_loaded(
    session_of: Any, fresh: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(name: str) -> None:
        raise Boom(name)

    monkeypatch.setattr(load, "load_module", broken)
    session = session_of(2)
    with pytest.raises(Boom):
        start(session, [pipe(Numbers())], kernels="always")
    assert session.memory_used() == 0 and not session._runs


def test_failure_in_the_background_is_noted(session_of: Any, fresh: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> None:
        raise Boom(name)

    monkeypatch.setattr(load, "load_module", broken)
    query = start(session_of(2), [pipe(rows(run.KERNEL_BYTES))], kernels="auto")
    assert sum(b.n_rows for b in query) == run.KERNEL_BYTES // 8
    (note,) = query.notes()
    assert (note.kind, note.reason, note.hint) == ("info", "compiled kernels could not be loaded", "Boom: choose")


def test_modules_are_those_of_the_folder() -> None:
    names = kept.modules()
    assert "group" in names
    assert not {"aside", "load", "jit", "kept"} & set(names)


def test_what_a_query_wants_is_compiled_first_and_ready_before_the_rest(tmp_path: Path) -> None:
    """In other processes; the modules are not even loaded here."""
    env = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", _FIRST], env=env, capture_output=True, text=True, timeout=240)
    assert done.stdout.split() == ["False", "False", "True", "False", "choose,words", "False"], done.stderr


_FIRST = """
import sys, time
from cortado.engine.kernels import aside, kept, load
begun, start, names = [], aside.start, frozenset(["choose"])
aside.start = lambda *args: begun.extend(start(*args)) or begun
print(kept.is_complete(), load.ready(names))
load.ensure(background=True, names=lambda: names)
while not load.ready(names) and load.failure() is None:
    time.sleep(0.02)
for child in begun:
    child.kill()
print(load.ready(names), load.ready(), ",".join(sorted(kept.having(["choose", "words"]))), "cortado.engine.kernels.choose" in sys.modules)
"""


def test_modules_are_compiled_behind_what_they_are_made_of() -> None:
    order = kept.needed_by(["rawscan", "words"])
    assert order.index("rawscan") > max(order.index(n) for n in ("rawread", "regexspans", "spans", "words", "utf8"))
    assert sorted(order) == sorted(set(order))
    assert kept.needed_by(["words", "rawscan"])[0] == "words"


def test_marks_of_all_become_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(kept, "modules", lambda: MODULES)
    for name in MODULES:
        assert not kept.is_complete() and name not in kept.having(MODULES)
        kept.leave_mark(name)
        assert name in kept.having(MODULES)
    assert kept.is_complete() and [p.name.split("-")[1] for p in tmp_path.iterdir()] == ["all"]


def test_a_mark_is_of_no_use_where_what_a_module_imports_has_changed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    kept.leave_mark("rawscan")
    kept.leave_mark("choose")
    kept._mark.cache_clear()
    stamp = kept.imported_by
    other = {"rawread": 1}
    monkeypatch.setattr(kept, "imported_by", lambda m: tuple((n, t + other.get(n, 0), s) for n, t, s in stamp(m)))
    assert kept.having(["rawscan", "choose"]) == {"choose"}
    kept._mark.cache_clear()


def test_what_another_process_compiles_is_waited_for(
    fresh: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Others are compiled meanwhile. Where that process dies the claim is free."""
    pytest.importorskip("fcntl")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    code = f"""
from cortado.engine.kernels import aside, kept
kept.modules = lambda: {MODULES}
with aside._claimed("find") as is_mine:
    print(is_mine, flush=True)
    input()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdout.readline().strip() == b"True"
        with aside._claimed("find") as mine:
            assert not mine
        ended = threading.Timer(0.2, other.kill)
        ended.start()
        assert aside.compile_each(["find", "select"])
    assert fresh == ["select", "find"] and kept.having(MODULES) == {"find", "select"}


def test_no_place_for_a_mark_means_no_other_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(file / "below"))
    assert kept.is_complete()
    kept.leave_mark("choose")  # and no error
    assert kept.having(["choose"]) == set()
    with pytest.raises(ImportError, match="no folder in which compiled kernels can be kept"):
        kept.place_to_keep()


def test_where_no_mark_can_be_left_each_is_compiled_once(fresh: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "leave_mark", lambda name: None)
    monkeypatch.setattr(kept, "having", lambda names: set())
    assert aside.compile_each(MODULES)
    assert fresh == list(MODULES)


def test_a_process_that_cannot_be_started_is_done_without(
    fresh: list[str], monkeypatch: pytest.MonkeyPatch, session_of: Any, tmp_path: Path
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(kept, "is_complete", lambda: False)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    list(start(session_of(2), [pipe(rows(run.KERNEL_BYTES))], kernels="auto"))
    assert load._thread is not None
    load._thread.join(10)  # nobody waits for what is being compiled
    assert fresh == ["choose", "find", "select", "choose"] and load.ready()  # all are compiled here


def test_the_other_process_is_left_when_this_one_ends(
    fresh: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    monkeypatch.setattr(kept, "is_complete", lambda: False)
    monkeypatch.setattr(aside, "start", lambda names, is_urgent: [child])
    is_ending = iter([False, True])
    monkeypatch.setattr(load, "_is_ending", lambda: next(is_ending))
    load.ensure(background=True, is_urgent=False)
    assert load._thread is not None
    load._thread.join(10)
    assert child.wait(10) != 0 and fresh == []


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

    monkeypatch.setattr(load, "load_module", slow)
    load.ensure(background=True)
    load.ensure(background=True)
    assert not load.ready()
    load.wait(0.01, load.ready, lambda: False)
    go.set()
    load.ensure(background=False)
    assert load.ready() and fresh == ["choose"]


def test_one_process_compiles_the_rest(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    with aside._alone("kernels.lock") as first, aside._alone("kernels.lock") as second:
        assert first and not second
        assert (tmp_path / "kernels.lock").read_text() == f"{os.getpid()}\n"
    with aside._alone("kernels.lock") as again:
        assert again


def test_a_lock_of_another_user_is_done_without(
    fresh: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    for name in ("kernels.claims", "kernels.lock"):  # folders cannot be opened for writing either, also not by root
        (tmp_path / name).mkdir()
    with aside._alone("kernels.lock") as is_mine:
        assert is_mine and aside.compile_each(MODULES)
    assert fresh == list(MODULES)
