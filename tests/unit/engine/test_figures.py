"""Notes and metrics of a query: counts, places, times that add up."""

from __future__ import annotations

import threading
import time
from typing import Any, cast

import pyarrow as pa
import pytest

import cortado
from cortado.engine import chain, metrics, pipeline
from cortado.engine.notes import At, Ledger, Sample
from cortado.engine.operators.limit import LimitTransform
from cortado.engine.operators.rows import Rows
from cortado.engine.spec import PipelineSpec, Tag, n_sinks_at_once
from cortado.planner.types import LONG, STRING, Schema

from .test_strict import Judge
from .toys import AT, SCHEMA, Collect, Numbers, Probe, jitter, pipe, start, through, values


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("n_rows", [1, 5, 60])
def test_notes_count_and_place_rows(session_of: Any, threads: int, n_rows: int) -> None:
    bad = [7, 61, 199, 200, 431]
    source = Numbers(8, 60 // n_rows, n_rows, jitter(2, 0.0005), file="a.log")
    query = start(
        session_of(threads), [pipe(source, Judge(bad, hook=jitter(9, 0.0005)), Judge([3], "drop", At("10", "x")))]
    )
    values(query)
    first, second = query.notes()
    assert (first.stage, first.kind, first.reason, first.count, first.hint) == (
        "3",
        "reject",
        "bad number",
        5,
        "try another",
    )
    assert first.samples == ("a.log:8  7", "a.log:62  61", "a.log:200  199")
    assert (second.stage, second.count, second.samples) == ("10", 1, ("a.log:4  3",))


def test_lines_count_within_their_file() -> None:
    ledger = Ledger()
    for seq, (file, n) in enumerate([("a", 10), ("a", 5), ("b", 3), ("b", 0), ("b", 7), ("c", 2)]):
        ledger.files_by_seq[seq], ledger.rows_by_seq[seq] = file, n
    ledger.rows_by_seq[6] = 4
    place = ledger.places()
    asked = [(0, 0), (1, 0), (2, 0), (4, 1), (5, 1), (6, 3)]
    assert [place(Sample(s, r, "", "")) for s, r in asked] == ["a:1", "a:11", "b:1", "b:5", "c:2", "row 31"]


def test_early_end_is_said(session_of: Any) -> None:
    query = start(session_of(1), [pipe(Numbers(100), Judge([2, 8]), LimitTransform(5, 0, AT))])
    assert values(query) == [0, 1, 2, 3, 4]
    reject, truncate = sorted(query.notes(), key=lambda n: n.kind)
    assert reject.hint == "try another; of the first 10 rows: the query ended early"
    assert (truncate.kind, truncate.count) == ("truncate", 5)
    assert "at least" in truncate.hint


def test_limit_that_cuts_nothing_notes_nothing(session_of: Any) -> None:
    query = start(session_of(2), [pipe(Numbers(), LimitTransform(181, 0, AT))])
    values(query)
    assert query.notes() == []


def test_same_note_in_two_pipelines_adds_up(session_of: Any) -> None:
    sink = Collect()
    query = start(session_of(2), through(Numbers(), Judge([1]), sink=sink, behind=[Judge([1, 5])]))
    values(query)
    assert [(n.count, n.samples) for n in query.notes()] == [(3, ("row 2  1", "row 2  1", "row 6  5"))]


@pytest.mark.parametrize("threads", [1, 2])
def test_rows_in_and_out(session_of: Any, threads: int) -> None:
    sink = Collect()
    query = start(
        session_of(threads),
        through(Numbers(), Probe(), LimitTransform(100, 7, AT), sink=sink, behind=[LimitTransform(30, 0, AT)]),
    )
    assert len(values(query)) == 30
    figures = [(m.tag.id, m.rows_in, m.rows_out) for m in query.metrics()]
    read = figures[0][2]
    taken = figures[2][1]
    assert figures == [(1, 0, read), (2, read, read), (3, taken, 100), (4, 100, 100), (5, 100, 30)]
    assert 110 <= taken <= read <= 180


def test_operators_of_one_node_are_one_line(session_of: Any) -> None:
    sink, one = Collect(), Tag(5, "Sort", "2", "sort")
    specs = [
        PipelineSpec(source=Numbers(), transforms=[(Probe(), one), (LimitTransform(50, 0, AT), one)], sink=(sink, one), source_tag=Tag(1, "Scan")),
        PipelineSpec(source=sink.result, transforms=[], sink=None, source_tag=one, after=(0,), is_result_of_sink=True),
    ]  # fmt: skip
    query = start(session_of(1), specs)
    values(query)
    scan, sort = query.metrics()
    assert (sort.rows_in, sort.rows_out) == (scan.rows_out, 50)
    assert sort.peak_memory >= 50 * 8 and scan.peak_memory == 0


class Clock(threading.local):
    """Stands still but for what is said to take time, in each thread for itself: no machine is too busy for it."""

    now = 0

    def read(self) -> int:
        return self.now

    def spend(self, ns: int) -> None:
        self.now += ns


class Busy(Probe):
    clock: Clock

    def push(self, batch: Any, local: Any, emit: Any) -> Any:
        self.clock.spend(4_000)
        return super().push(batch, local, emit)

    def describe_run(self) -> str:
        return "busy"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (metrics, chain, pipeline):
        monkeypatch.setattr(module, "wall_ns", clock.read)
        monkeypatch.setattr(module, "cpu_ns", clock.read)
    return clock


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("is_ordered", [False, True])
def test_times_are_exclusive_and_add_up(session_of: Any, clock: Clock, threads: int, is_ordered: bool) -> None:
    idle, busy, sink = Probe(), Busy(needs_order=is_ordered), Collect(n_tasks=1)
    busy.clock = clock
    sink._task = lambda: clock.spend(20_000)  # type: ignore[method-assign]
    source = Numbers(6, 1, 10, lambda s, k: clock.spend(2_000))
    query = start(session_of(threads), through(source, idle, busy, sink=sink))
    values(query)
    assert [m.wall_ns for m in query.metrics()] == [12_000, 0, 24_000, 20_000]
    assert [m.cpu_ns for m in query.metrics()] == [12_000, 0, 24_000, 20_000]
    assert query.metrics()[2].said == "busy" and query.metrics()[0].batches == 6


def test_progress_rises_to_the_total(session_of: Any) -> None:
    table = pa.array(range(100_000), pa.int64())
    go = threading.Event()
    query = start(session_of(2), [pipe(Rows([table], SCHEMA), Probe(lambda s, k: go.wait(5)))], batch_rows=10_000)
    before = query.progress()
    assert before.rows < 100_000 and before.stage in ("1", "")
    go.set()
    values(query)
    after = query.progress()
    assert (after.rows, after.nbytes, after.nbytes_total) == (100_000, 800_000, 800_000)
    assert query.peak_memory >= 800_000 // 10


@pytest.mark.parametrize("batch_rows", [1, 7, 1000])
def test_rows_of_chunked_columns(session_of: Any, batch_rows: int) -> None:
    texts = pa.chunked_array([pa.array(["a", None]), pa.array([], pa.string()), pa.array([str(i) for i in range(98)])])
    codes = pa.chunked_array([pa.array(["x"] * 50).dictionary_encode(), pa.array(["y", None] * 25).dictionary_encode()])
    numbers = pa.array(range(100), pa.int64())
    schema = Schema((("t", STRING), ("d", STRING), ("n", LONG)))
    query = start(session_of(2), [pipe(Rows([texts, codes, numbers], schema, "mem"))], batch_rows=batch_rows)
    batches = list(query)
    assert all(b.n_rows <= batch_rows for b in batches)
    all_columns: list[Any] = [texts, codes, numbers]
    for i, expected in enumerate(all_columns):
        assert [v for b in batches for v in cast(Any, b.array(i)).to_pylist()] == expected.to_pylist()


def test_rows_without_columns(session_of: Any) -> None:
    query = start(session_of(1), [pipe(Rows([], Schema(), n_rows=25))], batch_rows=10)
    assert [b.n_rows for b in query] == [10, 10, 5]
    assert list(start(session_of(1), [pipe(Rows([], Schema()))])) == []


def test_many_small_chunks_cost_no_more(session_of: Any) -> None:
    table = pa.chunked_array([pa.array([i], pa.int64()) for i in range(20_000)])
    began = time.perf_counter()
    query = start(session_of(1), [pipe(Rows([table], SCHEMA))], batch_rows=64)
    assert values(query) == list(range(20_000))
    assert time.perf_counter() - began < 3


def test_sinks_that_live_at_once() -> None:
    def chain(n: int) -> list[PipelineSpec]:
        return [pipe(Numbers(), sink=Collect(), after=(i - 1,) if i else ()) for i in range(n)]

    assert n_sinks_at_once([pipe(Numbers())]) == 0
    assert n_sinks_at_once(chain(1)) == 1
    assert n_sinks_at_once(chain(7)) == 2
    assert n_sinks_at_once([*chain(1), *chain(1), pipe(Numbers(), after=(0, 1))]) == 2
    assert n_sinks_at_once([pipe(Numbers(), sink=Collect(), then=lambda s, c: [])]) == 3


def test_the_hint_of_an_early_end_counts_what_the_stage_saw() -> None:
    with cortado.connect(threads=1) as session:
        table = pa.table({"a": [1, 2, 9]})
        notes = (
            session.query("table t | repeat count=1000 | search a > 1 | eval z = 1 / (a - 2) | limit 5", t=table)
            .run()
            .notes
        )
        (div0,) = (n for n in notes if n.reason == "div0")
        assert "of the first 2,000 rows: the query ended early" in div0.hint
