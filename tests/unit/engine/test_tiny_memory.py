"""A few megabytes must do for what spills; what cannot spill says so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from cortado.engine.batch import Batch
from cortado.engine.notes import At
from cortado.engine.operator import Emit, Flow
from cortado.engine.operators.limit import TailSink
from cortado.engine.operators.rows import Rows
from cortado.engine.operators.sort import SortSink
from cortado.planner.text import fault
from cortado.planner.types import LONG, STRING, Schema

from ..sort.harness import sort_node
from .toys import Local, Numbers, Probe, assert_clean, pipe, start, through, values

SCHEMA = Schema((("x", LONG), ("t", STRING)))


def table(n: int, seed: int = 1) -> tuple[pa.Array[Any], pa.Array[Any]]:
    x = np.random.default_rng(seed).integers(0, 1 << 40, n)
    return pa.array(x), pa.array([None if v % 7 == 0 else f"text of some length {v}" for v in x.tolist()])


@pytest.mark.parametrize("threads", [1, 2])
def test_tail_spills_and_keeps_the_last(session_of: Any, threads: int) -> None:
    n, count = 250_000, 180_001
    x, t = table(n)
    session = session_of(threads, 4 << 20)
    sink = TailSink(count, SCHEMA, At("2", "tail"))
    query = start(session, through(Rows([x, t], SCHEMA), sink=sink), batch_rows=5000)
    got = list(query)
    assert pa.concat_arrays([b.array(0) for b in got]).equals(x[-count:])
    assert pa.concat_arrays([b.array(1) for b in got]).equals(t[-count:])
    figures = query.metrics()[1]
    assert figures.spilled_bytes > 4 << 20
    assert query.peak_memory <= (4 << 20) + 3 * 5000 * 60
    assert_clean(session, query)
    assert [area.used for area in session._spill.values()] == [0]


@pytest.mark.parametrize("threads", [1, 2])
def test_sort_of_more_than_the_memory(session_of: Any, threads: int) -> None:
    x, t = table(150_000)
    session = session_of(threads, 4 << 20)
    sink = SortSink(sort_node(SCHEMA, ["x"]), SCHEMA, At("2", "sort"))
    query = start(session, through(Rows([x, t], SCHEMA), sink=sink), batch_rows=5000)
    got = pa.concat_arrays([b.array(0) for b in query])
    assert got.equals(pa.array(np.sort(x.to_numpy())))
    assert query.metrics()[1].spilled_bytes > 4 << 20
    assert_clean(session, query)
    assert [area.used for area in session._spill.values()] == [0]


class Hoard(Probe):
    """Cannot spill."""

    def push(self, batch: Batch, local: Local, emit: Emit) -> Flow:
        assert local.memory is not None
        if not local.memory.grow(1 << 20):
            raise fault("E702", "hoard needs more memory", hint="raise the setting `memory`")
        return super().push(batch, local, emit)


def test_failure_for_want_of_memory_names_the_operator(session_of: Any) -> None:
    session = session_of(1, 4 << 20)
    query = start(session, [pipe(Numbers(), Hoard())])
    with pytest.raises(Exception) as caught:
        values(query)
    error: Any = caught.value
    assert (error.code, error.stage, error.command) == ("E702", "2", "op")
    assert_clean(session, query)


def test_system_out_of_memory_is_told_as_such(session_of: Any) -> None:
    def hook(seq: int, k: int) -> None:
        raise pa.ArrowMemoryError("malloc of size 99 failed")

    session = session_of(2)
    query = start(session, [pipe(Numbers(), Probe(hook))])
    with pytest.raises(Exception) as caught:
        values(query)
    error: Any = caught.value
    assert (error.code, error.stage) == ("E702", "2")
    assert_clean(session, query)
