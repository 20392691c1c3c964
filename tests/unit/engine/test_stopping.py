"""Cancels, readers that lag or go away, pressure, pipelines that wait for others, and what is done at the end."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from .toys import (
    Boom,
    Collect,
    Numbers,
    Probe,
    assert_clean,
    code_of,
    our_threads,
    pipe,
    start,
    through,
    values,
)  # fmt: skip

THREADS = [1, 2, 4]


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
    assert sorted(took)[3] < 2, took


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
