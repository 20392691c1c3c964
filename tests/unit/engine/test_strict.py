"""Strict mode: the first row at fault is told, whatever the number of threads, the batches and the delays."""

from __future__ import annotations

import random
import threading
from typing import Any

import numpy as np
import pytest

from cortado.engine.batch import Batch
from cortado.engine.notes import At
from cortado.engine.operator import Emit, Flow
from cortado.engine.operators.limit import LimitTransform
from cortado.planner.text import QueryError, Span

from .toys import (
    AT,
    Boom,
    Collect,
    Hook,
    Local,
    Numbers,
    Probe,
    Swallow,
    assert_clean,
    code_of,
    jitter,
    nothing,
    pipe,
    start,
    through,
    values,
)

JUDGE = At("3", "judge", Span(4, 9))


class Judge(Probe):
    """Notes the rows whose value is among `bad`."""

    def __init__(self, bad: Any, kind: str = "reject", at: At = JUDGE, hook: Hook = nothing, **more: Any) -> None:
        super().__init__(hook, **more)
        self.bad, self.kind, self.at = np.array(sorted(bad), np.int64), kind, at

    def push(self, batch: Batch, local: Local, emit: Emit) -> Flow:
        rows = np.flatnonzero(np.isin(batch.array(0).to_numpy(), self.bad))
        if len(rows):
            local.ctx.notes.rows(self.at, self.kind, "bad number", batch, rows, batch.array(0), "try another")
        return super().push(batch, local, emit)


def fault_of(session: Any, specs: Any) -> QueryError:
    query = start(session, specs, strict=True)
    with pytest.raises(QueryError) as caught:
        values(query)
    assert_clean(session, query)
    return caught.value


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("n_rows", [1, 4, 30])
@pytest.mark.parametrize("is_ordered", [False, True])
def test_least_row_is_told(session_of: Any, threads: int, n_rows: int, is_ordered: bool) -> None:
    """Two operators, one of them behind the gate or both in front of it, over the same 1,200 rows cut in several ways."""
    session = session_of(threads)
    rng = random.Random(n_rows)
    for seed in range(4):
        first, second = (rng.sample(range(1200), 3) for _ in range(2))
        source = Numbers(10, 120 // n_rows, n_rows, jitter(seed, 0.0004), file="data.log")
        steps = [
            Judge(first, at=At("2", "early"), hook=jitter(seed + 50, 0.0004)),
            Judge(second, at=At("10", "late"), hook=jitter(seed + 90, 0.0003), needs_order=is_ordered),
        ]
        found = fault_of(session, [pipe(source, *steps)])
        least = min(first + second)
        assert (found.code, found.command) == ("E501", "early" if least in first else "late")
        # a partition of the toy source has 120 lines, all in one file
        assert found.first.samples == (f'data.log:{least + 1}  "{least}"',)
        source.assert_closed()


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_fault_behind_a_limit_is_none(session_of: Any, threads: int) -> None:
    session = session_of(threads)
    for n_rows in (1, 4, 10):
        source = Numbers(4, 20 // n_rows, n_rows, jitter(3, 0.001))
        query = start(session, [pipe(source, Judge([9, 50]), LimitTransform(5, 3, AT))], strict=True)
        assert values(query) == [3, 4, 5, 6, 7]
        assert_clean(session, query)
        found = fault_of(session, [pipe(Numbers(4, 20 // n_rows, n_rows), Judge([7, 50]), LimitTransform(5, 3, AT))])
        assert found.first.samples == ('row 8  "7"',)


@pytest.mark.parametrize("threads", [1, 4])
def test_limit_below_a_writer_hides_nothing(session_of: Any, threads: int) -> None:
    session = session_of(threads)
    for above in ([], [LimitTransform(40, 0, AT)]):
        found = fault_of(session, [pipe(Numbers(), Judge([30]), *above, Swallow(), LimitTransform(2, 0, AT))])
        assert found.first.samples == ('row 31  "30"',)


@pytest.mark.parametrize("threads", [2, 4])
def test_lower_partitions_finish(session_of: Any, threads: int) -> None:
    """Partition 2 is at fault while 1 is held up; 1 then goes on to its own fault in its last batch."""
    session = session_of(threads)
    found_one = threading.Event()

    class Held(Judge):
        def push(self, batch: Batch, local: Local, emit: Emit) -> Flow:
            if batch.origin.seq == 1:
                assert found_one.wait(5)
            flow = super().push(batch, local, emit)
            if batch.origin.seq == 2:
                found_one.set()
            return flow

    found = fault_of(session, [pipe(Numbers(6, 3, 10), Held([59, 60]))])
    assert found.first.samples == ('row 60  "59"',)


def test_partition_at_fault_is_not_read_on(session_of: Any) -> None:
    source = Numbers(3, 50, 10)
    fault_of(session_of(1), [pipe(source, Judge([5]))])
    assert source.n_batches_read == 1


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("is_fault", [True, False])
def test_earliest_pipeline_is_told(session_of: Any, threads: int, is_fault: bool) -> None:
    """The second pipeline is at fault at once, the first at its very end, or it fails."""
    session = session_of(threads)
    left, right = Collect(), Collect()
    last = (
        Judge([179])
        if is_fault
        else Probe(lambda s, k: (_ for _ in ()).throw(Boom("first")) if (s, k) == (5, 2) else None)
    )
    specs = [
        pipe(Numbers(hook=jitter(1, 0.004)), last, sink=left),
        pipe(Numbers(), Judge([0]), sink=right, first=11),
        pipe(left.result, first=21, after=(0, 1)),
    ]
    query = start(session, specs, strict=True)
    with pytest.raises(QueryError if is_fault else Boom) as caught:
        values(query)
    if isinstance(caught.value, QueryError):
        assert caught.value.first.samples == ('row 180  "179"',)
    assert left.n_closed == right.n_closed == 1
    assert_clean(session, query)


KINDS = [("reject", "E501"), ("drop", "E502"), ("mixed", "E504"), ("truncate", ""), ("info", ""), ("overwrite", "")]


@pytest.mark.parametrize(("kind", "code"), KINDS)
def test_kind_decides(session_of: Any, kind: str, code: str) -> None:
    session = session_of(2)
    if code:
        found = fault_of(session, [pipe(Numbers(), Judge([33], kind))])
        assert (found.code, found.stage, found.command, found.span) == (code, "3", "judge", Span(4, 9))
        assert found.first.strict and found.first.message == "judge: bad number" and found.hint == "try another"
        return
    query = start(session, [pipe(Numbers(), Judge([33], kind))], strict=True)
    assert values(query) == Numbers().values
    assert [n.count for n in query.notes()] == [1]


@pytest.mark.parametrize("command", ["join", "union"])
def test_join_and_union_must_not_overwrite(session_of: Any, command: str) -> None:
    found = fault_of(session_of(2), [pipe(Numbers(), Judge([33], "overwrite", At("2", command)))])
    assert found.code == "E503"


@pytest.mark.parametrize("threads", [1, 4])
def test_counts_without_rows_are_faults_too(session_of: Any, threads: int) -> None:
    """They come after all rows; of several the first by stage is told."""
    session = session_of(threads)

    class Counting(Probe):
        def finish(self, local: Local, emit: Emit) -> None:
            super().finish(local, emit)
            local.ctx.notes.count(At("10", "b"), "drop", "null time", 2)
            local.ctx.notes.count(At("9", "a"), "drop", "null time", 2, samples=["x"])

    found = fault_of(session, [pipe(Numbers(), Counting())])
    assert (found.code, found.command, found.first.samples) == ("E502", "a", ("x",))
    found = fault_of(session, [pipe(Numbers(), Counting(), Judge([100]))])
    assert found.code == "E501"


@pytest.mark.parametrize("threads", [1, 4])
def test_fault_behind_a_sink_has_a_row(session_of: Any, threads: int) -> None:
    session = session_of(threads)
    query = start(session, through(Numbers(), sink=Collect(), behind=[Judge([71])]), strict=True, batch_rows=7)
    with pytest.raises(QueryError) as caught:
        values(query)
    assert code_of(caught.value) == "E501"
    assert caught.value.first.samples == ('row 72  "71"',)


def test_without_strict_nothing_stops(session_of: Any) -> None:
    session = session_of(2)
    query = start(session, [pipe(Numbers(), Judge([1, 2, 170]))])
    assert values(query) == Numbers().values
    assert query.error is None
