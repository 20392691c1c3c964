"""Pipelines run to their end, stop where they should, and leave nothing behind."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from cortado.engine.context import Stopped
from cortado.engine.notes import At
from cortado.engine.operator import Flow
from cortado.engine.operators.limit import LimitTransform, TailSink

from .toys import (
    AT,
    SCHEMA,
    Boom,
    Collect,
    Numbers,
    Probe,
    Swallow,
    assert_clean,
    done_at,
    fail_at,
    jitter,
    nothing,
    pipe,
    start,
    through,
    values,
)  # fmt: skip

THREADS = [1, 2, 4]


def sink_fails(where: str) -> Any:
    return lambda s, t, o, k: setattr(k, "fails_at", where)


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("n_rows", [1, 3, 50])
def test_rows_come_in_order(session_of: Any, threads: int, n_rows: int) -> None:
    session = session_of(threads)
    source, free, held = (
        Numbers(9, 4, n_rows, jitter(1, 0.001)),
        Probe(jitter(2, 0.001)),
        Probe(jitter(3, 0.0005), holds=True),
    )
    query = start(session, [pipe(source, free, held)])
    assert values(query) == source.values
    assert held.order == [(s, k) for s in range(9) for k in range(4)]
    source.assert_closed()
    free.assert_finished()
    held.assert_finished()
    assert_clean(session, query)


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("needs_order", [False, True])
def test_sink_takes_all_rows_then_gives_them(session_of: Any, threads: int, needs_order: bool) -> None:
    session = session_of(threads)
    source, sink, behind = Numbers(8, 2, 7, jitter(5, 0.001)), Collect(needs_order=needs_order), Probe()
    query = start(session, through(source, sink=sink, behind=[behind]), batch_rows=16)
    assert values(query) == source.values
    sink.assert_combined()
    assert len(sink.locals) <= (1 if needs_order else threads)
    behind.assert_finished()
    assert_clean(session, query)


@pytest.mark.parametrize("needs_order", [False, True])
def test_no_partition_at_all(session_of: Any, needs_order: bool) -> None:
    session = session_of(2)
    sink, probe = Collect(needs_order=needs_order), Probe(holds=True)
    query = start(session, through(Numbers(0), Probe(), sink=sink, behind=[probe]))
    assert values(query) == []
    sink.assert_combined()
    assert len(sink.locals) == 1
    probe.assert_finished()
    assert_clean(session, query)


FAILURES: dict[str, Any] = {
    "partitions": lambda s, t, o, k: setattr(s, "fails_to_open", True),
    "source": lambda s, t, o, k: setattr(s, "hook", fail_at(2, 1)),
    "open": lambda s, t, o, k: setattr(t, "fails_at", "open"),
    "transform": lambda s, t, o, k: setattr(t, "hook", fail_at(3, 2)),
    "ordered open": lambda s, t, o, k: setattr(o, "fails_at", "open"),
    "ordered": lambda s, t, o, k: setattr(o, "hook", fail_at(4, 0)),
    "finish": lambda s, t, o, k: setattr(t, "fails_at", "finish"),
    "ordered finish": lambda s, t, o, k: setattr(o, "fails_at", "finish"),
    **{w: sink_fails(w) for w in ("sink open", "sink push", "combine", "merge", "merge task", "result")},
}  # fmt: skip


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("is_ordered", [False, True])
@pytest.mark.parametrize("where", FAILURES)
def test_failure_is_told_and_everything_is_closed(session_of: Any, threads: int, is_ordered: bool, where: str) -> None:
    if where.startswith("ordered") and not is_ordered:
        pytest.skip("nothing ordered here")
    session = session_of(threads)
    source, free, ordered, sink, behind = Numbers(), Probe(), Probe(needs_order=True), Collect(), Probe()
    FAILURES[where](source, free, ordered, sink)
    transforms = [free, ordered] if is_ordered else [free]
    query = start(session, through(source, *transforms, sink=sink, behind=[behind]))
    with pytest.raises(Boom):
        values(query)
    with pytest.raises(Boom):  # and again, whoever asks
        values(query)
    assert isinstance(query.error, Boom)
    assert source.n_closed == 1 and source.begun == source.ended
    assert sink.n_closed == 1
    assert all(p.n_closed == 1 for p in (free, behind))
    assert not behind.locals
    if where in ("source", "transform", "ordered", "sink push"):
        assert not any(local.n_finished for local in free.locals), "no finish after an error"
        assert not any(local.n_combined for local in sink.locals)
    assert all(local.n_finished <= 1 for local in free.locals)
    assert_clean(session, query)


@pytest.mark.parametrize("threads", [2, 4])
@pytest.mark.parametrize("needs_order", [False, True])
def test_failure_of_the_least_partition_is_told(session_of: Any, threads: int, needs_order: bool) -> None:
    """Partition 3 fails while 1 is still held up; then 1 fails, too."""
    session = session_of(threads)
    failed = threading.Event()

    def hook(seq: int, k: int) -> None:
        if seq == 1 and k == 0:
            assert failed.wait(5)
            raise Boom("1.0")
        if seq == 3:
            failed.set()
            raise Boom("3.0")

    query = start(session, [pipe(Numbers(hook=hook), Probe(needs_order=needs_order))])
    with pytest.raises(Boom, match=r"1\.0"):
        values(query)
    assert_clean(session, query)


def test_partition_put_aside_before_a_failure_still_comes_to_its_own(session_of: Any) -> None:
    """0 is held up, 1 has filled the window and is put aside, 2 fails: then 0 and 1 go on, and 1 fails, too."""
    session = session_of(3)
    running: list[Any] = []

    def until(test: Any) -> None:
        deadline = time.monotonic() + 5
        while not running or not test(running[0]._run.parts[0].pipe):
            assert time.monotonic() < deadline
            time.sleep(0.001)

    def hook(seq: int, k: int) -> None:
        if seq == 0:
            until(lambda pipe: pipe.failures.first is not None)
        if (seq, k) == (1, 0):
            until(lambda pipe: source.begun[2])  # with the window full it would not be
        if (seq, k) == (1, 1):
            raise Boom("1.1")
        if seq == 2:
            until(lambda pipe: pipe._aside)
            raise Boom("2.0")

    source = Numbers(5, 3, 10, hook)
    running.append(start(session, [pipe(source, Probe(needs_order=True))], window_bytes=2))
    with pytest.raises(Boom, match=r"1\.1"):
        values(running[0])
    assert_clean(session, running[0])


@pytest.mark.parametrize("threads", THREADS)
def test_done_stops_the_source(session_of: Any, threads: int) -> None:
    session = session_of(threads)
    source, before, limit, after = (
        Numbers(400, 3, 10, jitter(4, 0.0005)),
        Probe(),
        LimitTransform(35, 20, AT),
        Probe(holds=True),
    )
    query = start(session, [pipe(source, before, limit, after)])
    assert values(query) == list(range(20, 55))
    assert source.n_batches_read < 200
    source.assert_closed()
    before.assert_finished()
    after.assert_finished()
    assert_clean(session, query)


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("where", ["transform", "sink"])
def test_done_of_an_operator_without_order(session_of: Any, threads: int, where: str) -> None:
    session = session_of(threads)
    free = Probe(done_at(5, 1) if where == "transform" else lambda s, k: None)
    sink = Collect(done_at(5, 1) if where == "sink" else lambda s, k: None)
    source = Numbers(300, 2, 10)
    query = start(session, through(source, free, sink=sink))
    assert set(values(query)) < set(source.values)
    source.assert_closed()
    free.assert_finished()
    sink.assert_combined()
    assert_clean(session, query)


@pytest.mark.parametrize("threads", THREADS)
def test_done_does_not_pass_a_writer(session_of: Any, threads: int) -> None:
    session = session_of(threads)
    source, writer = Numbers(20, 2, 10), Swallow()
    query = start(session, [pipe(source, Probe(), writer, LimitTransform(7, 0, AT))])
    assert values(query) == list(range(7))
    assert writer.n_rows == len(source.values)
    writer.assert_finished()
    assert_clean(session, query)


def test_writer_that_hands_done_on_is_caught(session_of: Any) -> None:
    session = session_of(2)
    query = start(session, [pipe(Numbers(20), Swallow(is_honest=False), LimitTransform(7, 0, AT))])
    with pytest.raises(RuntimeError, match="must take all rows"):
        values(query)
    assert_clean(session, query)


def test_rows_of_a_wrong_partition_are_a_fault(session_of: Any) -> None:
    """They would be parked for ever."""

    class Wrong(Numbers):
        def partitions(self, target: int) -> Any:
            return list(reversed(super().partitions(target)))

    query = start(session_of(2), [pipe(Wrong())])
    with pytest.raises(RuntimeError, match="gave rows of partition"):
        values(query)


@pytest.mark.parametrize("needs_order", [False, True])
@pytest.mark.parametrize("where", ["scan", "merge"])
def test_operator_that_stops_for_no_reason_is_a_fault(session_of: Any, needs_order: bool, where: str) -> None:
    def stop(*place: int) -> None:
        if where == "merge" or place == (3, 1):
            raise Stopped

    sink = Collect(n_tasks=1)
    if where == "merge":
        sink._task = stop  # type: ignore[method-assign]
    query = start(
        session_of(2),
        through(Numbers(), Probe(stop if where == "scan" else nothing, needs_order=needs_order), sink=sink),
    )
    with pytest.raises(Stopped):
        values(query)
    assert sink.n_closed == 1


@pytest.mark.parametrize("threads", [2, 4])
def test_error_behind_the_last_row_is_none(session_of: Any, threads: int) -> None:
    """What one thread would never have read must not fail with more of them."""
    session = session_of(threads)
    failed = threading.Event()

    def hook(seq: int, k: int) -> None:
        if seq == 0:
            assert failed.wait(5)
        if seq == 1:
            failed.set()
            raise Boom("behind")

    query = start(session, [pipe(Numbers(hook=hook), LimitTransform(5, 0, AT))])
    assert values(query) == [0, 1, 2, 3, 4]
    assert query.error is None
    assert_clean(session, query)


@pytest.mark.parametrize("count", [0, 1, 7, 10, 11, 59, 60, 100])
@pytest.mark.parametrize("offset", [0, 3, 10, 60])
def test_limit_by_slices(session_of: Any, count: int, offset: int) -> None:
    session = session_of(2)
    source = Numbers(3, 2, 10)
    query = start(session, [pipe(source, LimitTransform(count, offset, AT))])
    assert values(query) == source.values[offset : offset + count]
    assert_clean(session, query)


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 25, 359, 360, 1000])
def test_tail_by_slices(session_of: Any, threads: int, count: int) -> None:
    session = session_of(threads)
    source, sink = Numbers(12, 3, 10, jitter(7, 0.0005)), TailSink(count, SCHEMA, At("2", "tail"))
    query = start(session, through(source, sink=sink), batch_rows=4)
    assert values(query) == (source.values[-count:] if count else [])
    source.assert_closed()
    assert_clean(session, query)


def test_flow_is_handed_through_the_gate(session_of: Any) -> None:
    session = session_of(2)
    ordered = Probe(lambda s, k: Flow.DONE if s == 2 else None, needs_order=True)
    query = start(session, [pipe(Numbers(50, 1, 10), Probe(), ordered)])
    assert values(query) == list(range(20))
    assert ordered.order[-1][0] == 2
    assert_clean(session, query)
