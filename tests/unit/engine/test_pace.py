"""A cancel is seen while rows are dear, and long calls are left behind."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import cortado
from cortado.engine import aside, pace
from cortado.engine.batch import Batch, Origin
from cortado.engine.context import Context, QueryState, Settings, Stopped
from cortado.engine.memory import Budget
from cortado.engine.operator import Flow


def batch(n: int) -> Batch:
    return Batch(n, (pa.array(np.arange(n)),), Origin(3, "t", 0, 100))


def values(part: Batch) -> list[Any]:
    return part.array(0).to_pylist()


def test_pieces_are_the_batch_and_know_their_place() -> None:
    got: list[int] = []

    def head(part: Batch) -> Flow:
        assert [part.origin.source_row(i) - 100 for i in range(part.n_rows)] == values(part)
        got.extend(values(part))
        return Flow.MORE

    checks: list[None] = []
    made = pace.Pace()
    assert made.push(batch(5000), head, lambda: checks.append(None)) is Flow.MORE
    assert got == list(range(5000))
    assert checks


def test_what_nobody_wanted_is_left() -> None:
    made = pace.Pace()
    assert made.push(batch(5000), lambda part: Flow.DONE, lambda: None) is Flow.DONE
    assert made.left == 5000 - pace.FIRST


def test_dear_rows_make_small_pieces() -> None:
    made = pace.Pace()
    sizes: list[int] = []

    def head(part: Batch) -> Flow:
        sizes.append(part.n_rows)
        begun = time.thread_time()
        while time.thread_time() - begun < 0.0005 * part.n_rows:
            pass
        return Flow.MORE

    made.push(batch(1500), head, lambda: None)
    assert sum(sizes) == 1500
    assert max(sizes[1:]) < 200


def context() -> Context:
    state = QueryState(Settings(), Budget(1 << 20), now_us=0)
    return Context(state, state.ledger.worker())


def test_a_long_call_gives_its_value_and_its_error() -> None:
    ctx = context()
    assert aside.aside(ctx, 1, lambda: 7) == 7
    assert aside.aside(ctx, aside.LARGE, lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        aside.aside(ctx, aside.LARGE, lambda: 1 // 0)


def test_a_long_call_is_left_behind() -> None:
    ctx = context()
    threading.Timer(0.1, lambda: ctx.stop.__setitem__(0, 1)).start()
    begun = time.perf_counter()
    with pytest.raises(Stopped):
        aside.aside(ctx, aside.LARGE, lambda: time.sleep(2))
    assert time.perf_counter() - begun < 1.5


@pytest.mark.parametrize(
    "query",
    [
        'eval a = len(daterange(d, d + 3000d, "1d")) | stats sum(a)',
        'eval a = lpad(s, 20000, "한글") | stats max(a)',
        'eval a = format("%e", x) | stats dc(a)',
    ],
)
def test_a_cancel_is_seen_while_rows_are_dear(query: str) -> None:
    n = 300_000
    rows: Any = pa.table(
        {"d": pa.array(np.arange(n), pa.timestamp("us", "UTC")), "s": ["a"] * n, "x": np.arange(n) / 7}
    )
    with cortado.connect(timezone="UTC") as s:
        s.register("t", rows)
        running = s.query(f"table t | {query}").start()
        time.sleep(0.3)
        begun = time.perf_counter()
        running.cancel()
        with pytest.raises(cortado.Cancelled):
            running.result()
        assert time.perf_counter() - begun < 10  # it would take minutes


def test_a_thread_serves_several_long_calls() -> None:
    """Also behind one that failed; two at once have two."""
    ctx = context()
    first = aside.aside(ctx, aside.LARGE, threading.get_ident)
    with pytest.raises(ZeroDivisionError):
        aside.aside(ctx, aside.LARGE, lambda: 1 // 0)
    assert aside.aside(ctx, aside.LARGE, threading.get_ident) == first != threading.get_ident()
    inner = aside.aside(ctx, aside.LARGE, lambda: aside.aside(ctx, aside.LARGE, threading.get_ident))
    assert inner != first
