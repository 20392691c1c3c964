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
    code_of,
    done_at,
    fail_at,
    jitter,
    nothing,
    our_threads,
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
        if (seq, k) == (1, 1):
            raise Boom("1.1")
        if seq == 2:
            until(lambda pipe: pipe._aside)
            raise Boom("2.0")

    running.append(start(session, [pipe(Numbers(5, 3, 10, hook), Probe(needs_order=True))], window_bytes=2))
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


@pytest.mark.parametrize("threads", THREADS)
def test_cancel_at_a_chosen_batch(session_of: Any, threads: int) -> None:
    session = session_of(threads)
    holder: list[Any] = []
    ready = threading.Event()

    def hook(seq: int, k: int) -> None:
        if (seq, k) == (4, 1):
            assert ready.wait(5)
            holder[0].cancel()

    source, sink, free = Numbers(500, hook=hook), Collect(), Probe()
    holder.append(start(session, through(source, free, sink=sink)))
    ready.set()
    with pytest.raises(Exception) as caught:
        values(holder[0])
    assert code_of(caught.value) == "E704"
    assert source.n_batches_read < 1000 and source.n_closed == 1 and source.begun == source.ended
    assert sink.n_closed == 1 and not any(local.n_combined for local in sink.locals)
    assert not any(local.n_finished for local in free.locals)
    assert_clean(session, holder[0])


def test_cancel_is_quick(session_of: Any) -> None:
    """In the scan, in long merge work, and while a reader waits."""
    session = session_of(2)
    took = []
    for i in range(6):
        sink = Collect(n_tasks=1)
        if i % 2:

            def work(sink: Collect = sink) -> None:
                while True:
                    time.sleep(0.005)
                    sink.locals[0].ctx.check()

            sink._task = work  # type: ignore[method-assign]
        source = Numbers(2, 2, 10) if i % 2 else Numbers(5000, 1, 10, lambda s, k: time.sleep(0.003))
        query = start(session, through(source, sink=sink))
        time.sleep(0.05)
        began = time.perf_counter()
        threading.Timer(0.0, query.cancel).start()
        with pytest.raises(Exception) as caught:
            values(query)
        took.append(time.perf_counter() - began)
        assert code_of(caught.value) == "E704"
        assert_clean(session, query)
    assert sorted(took)[3] < 0.1, took


def test_cancel_after_the_end_changes_nothing(session_of: Any) -> None:
    session = session_of(2)
    query = start(session, [pipe(Numbers())])
    assert len(values(query)) == 180
    assert query.wait(5)
    query.cancel()
    assert query.error is None and values(query) == []


def test_cancel_before_the_first_batch(session_of: Any) -> None:
    session = session_of(1)
    for _ in range(20):
        go = threading.Event()

        def hook(seq: int, k: int, go: threading.Event = go) -> None:
            assert go.wait(5)

        source, sink = Numbers(hook=hook), Collect()
        query = start(session, through(source, sink=sink))
        query.cancel()
        go.set()
        with pytest.raises(Exception) as caught:
            values(query)
        assert code_of(caught.value) == "E704"
        assert source.n_batches_read <= 1
        assert source.n_closed == 1 and sink.n_closed == 1
        assert_clean(session, query)


def test_reader_that_goes_away_cancels(session_of: Any) -> None:
    session = session_of(2)
    for how in ("del", "close", "cycle"):
        source = Numbers(5000, 1, 100)
        query: Any = start(session, [pipe(source)], window_bytes=1 << 14)
        assert next(query).n_rows == 100
        run = query._run
        if how == "close":
            query.close()
        elif how == "cycle":
            import gc

            query.me = query
            del query
            gc.collect()
        else:
            del query
        assert run.ended.wait(5)
        assert code_of(run.error) == "E704"
        assert source.n_closed == 1 and source.begun == source.ended


@pytest.mark.parametrize("threads", THREADS)
def test_reader_that_lags_bounds_memory(session_of: Any, threads: int) -> None:
    session = session_of(threads)
    window, batch = 1 << 16, 8 * 500
    source = Numbers(60, 7, 500)
    query = start(session, [pipe(source, Probe(needs_order=True))], window_bytes=window)
    got: list[Any] = []
    for b in query:
        if len(got) < 12_000:
            time.sleep(0.002)
        got += b.array(0).to_pylist()
        assert query._run.parked.nbytes + query._run.unread.nbytes <= window + (threads + 1) * batch
    assert got == source.values
    assert query._run.parked.peak <= window // 2 + (threads + 1) * batch
    assert query._run.unread.peak <= window + (threads + 1) * batch
    source.assert_closed()
    assert_clean(session, query)


@pytest.mark.parametrize("threads", [2, 4])
def test_pressure_puts_partitions_aside(session_of: Any, threads: int) -> None:
    """Partition 0 is slow and long; the others fill the window, are put aside between two batches and go on later."""
    session = session_of(threads)
    source = Numbers(30, 20, 100, lambda s, k: time.sleep(0.002) if s == 0 else None)
    workers: dict[int, set[str]] = {}

    def who(seq: int, k: int) -> None:
        workers.setdefault(seq, set()).add(threading.current_thread().name)

    query = start(session, [pipe(source, Probe(who), Probe(needs_order=True))], window_bytes=800 * 8)
    assert values(query) == source.values
    assert query._run.parked.peak <= 800 * (4 + threads + 1)
    source.assert_closed()
    assert_clean(session, query)


def test_memory_back_at_zero_with_unread_rows_dropped(session_of: Any) -> None:
    session = session_of(2)
    query = start(session, [pipe(Numbers())])
    assert query.wait(5)
    assert query._run.unread.nbytes > 0
    query.close()
    assert query._run.budget.used == 0
    assert query.error is None


def test_independent_pipelines_run_at_once(session_of: Any) -> None:
    session = session_of(2)
    meet = threading.Barrier(2, timeout=5)
    left, right = Collect(), Collect()

    def hook(seq: int, k: int) -> None:
        if seq == 0:
            meet.wait()

    specs = [
        pipe(Numbers(1, 1, 10, hook), sink=left),
        pipe(Numbers(1, 1, 10, hook), sink=right, first=11),
        pipe(left.result, first=21, after=(0, 1)),
    ]
    query = start(session, specs)
    assert values(query) == list(range(10))
    assert left.n_closed == right.n_closed == 1
    assert_clean(session, query)


def test_pipelines_made_when_a_sink_is_done(session_of: Any) -> None:
    """And what waits for the first waits for those, too."""
    session = session_of(2)
    outer, inner, seen = Collect(), Collect(), []

    def then(source: Any, ctx: Any) -> list[Any]:
        return [pipe(source, sink=inner, first=3)]

    def last(ctx: Any) -> Any:
        seen.append(inner.n_tasks_run)
        return inner.result(ctx)

    end = pipe(last, first=9, after=(0,))
    end.is_result_of_sink = True
    query = start(session, [pipe(Numbers(), sink=outer, then=then), end])
    assert values(query) == Numbers().values
    assert seen == [inner.n_tasks]
    assert outer.n_closed == inner.n_closed == 1
    assert query.progress().rows == 180  # the inner rows were not read from outside
    assert_clean(session, query)


def test_failure_in_then(session_of: Any) -> None:
    session = session_of(2)
    sink = Collect()

    def then(source: Any, ctx: Any) -> list[Any]:
        raise Boom("then")

    query = start(session, [pipe(Numbers(), sink=sink, then=then)])
    with pytest.raises(Boom, match="then"):
        values(query)
    assert sink.n_closed == 1
    assert_clean(session, query)


class Writer(Probe):
    def __init__(self, stage: int, log: list[str], fails: bool = False) -> None:
        super().__init__(needs_order=True)
        self.stage, self.log, self.fails = stage, log, fails

    def open(self, ctx: Any) -> Any:
        def commit() -> None:
            self.log.append(f"commit {self.stage}")
            if self.fails:
                raise Boom("commit")

        ctx.on_success(self.stage, commit, lambda: self.log.append(f"abort {self.stage}"))
        return super().open(ctx)


@pytest.mark.parametrize("how", ["well", "failure", "cancel", "commit fails"])
def test_commits_in_order_of_stages_or_not_at_all(session_of: Any, how: str) -> None:
    session = session_of(2)
    log: list[str] = []
    sink = Collect()
    first, second, third = Writer(2, log), Writer(5, log, how == "commit fails"), Writer(7, log)
    begin = threading.Event()
    running: list[Any] = []

    def hook(seq: int, k: int) -> None:
        assert begin.wait(5)
        if how == "failure":
            raise Boom("late")
        if how == "cancel":
            running[0].cancel()

    last = Probe(hook, needs_order=True)
    specs = [*through(Numbers(), third, first, sink=sink, behind=[second, last])]
    query = start(session, specs)
    running.append(query)
    begin.set()
    if how == "well":
        assert values(query) == Numbers().values
        assert log == ["commit 2", "commit 5", "commit 7"]
    else:
        with pytest.raises(Exception):  # noqa: B017
            values(query)
        undone = sorted(line for line in log if line.startswith("abort"))
        assert undone == (["abort 5", "abort 7"] if how == "commit fails" else ["abort 2", "abort 5", "abort 7"])
        assert [line for line in log if line.startswith("commit")] == (
            ["commit 2", "commit 5"] if how == "commit fails" else []
        )
    assert_clean(session, query)


def test_session_closed_while_queries_run() -> None:
    from cortado.engine.scheduler import EngineSession

    before = set(our_threads())
    session = EngineSession(2, 1 << 30)
    queries = [start(session, through(Numbers(5000, 1, 10), sink=Collect())) for _ in range(3)]
    session.close()
    session.close()
    assert set(our_threads()) <= before
    for query in queries:
        with pytest.raises(Exception) as caught:
            values(query)
        assert code_of(caught.value) == "E704"
    with pytest.raises(Exception) as caught:
        start(session, [pipe(Numbers())])
    assert code_of(caught.value) == "E604"


def test_flow_is_handed_through_the_gate(session_of: Any) -> None:
    session = session_of(2)
    ordered = Probe(lambda s, k: Flow.DONE if s == 2 else None, needs_order=True)
    query = start(session, [pipe(Numbers(50, 1, 10), Probe(), ordered)])
    assert values(query) == list(range(20))
    assert ordered.order[-1][0] == 2
    assert_clean(session, query)
