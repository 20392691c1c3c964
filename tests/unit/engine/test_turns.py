"""Who does the scheduler's work: a worker whose task has ended, or the scheduler's own thread; never two at once."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from cortado.engine.parts import Part
from cortado.engine.run import Run

from .toys import Boom, Collect, Numbers, Probe, assert_clean, code_of, pipe, start, through, values


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("nth", [1, 2, 4, 7, 10])
def test_a_fault_of_the_scheduler_ends_the_query(session_of: Any, monkeypatch: Any, threads: int, nth: int) -> None:
    """In whatever thread it shows: told once, with nothing left behind, and the session goes on."""
    session, seen, usual = session_of(threads), [0], Run._next_step

    def broken(self: Run, part: Part) -> None:
        seen[0] += 1
        if seen[0] == nth:
            raise Boom("ours")
        usual(self, part)

    monkeypatch.setattr(Run, "_next_step", broken)
    query = start(session, through(Numbers(20), Probe(), sink=Collect(n_tasks=6)))
    with pytest.raises(Boom):
        values(query)
    assert seen[0] >= nth
    assert_clean(session, query)
    monkeypatch.setattr(Run, "_next_step", usual)
    query = start(session, [pipe(Numbers())])
    assert len(values(query)) == 180
    assert_clean(session, query)


def test_a_fault_while_tasks_are_given_out_ends_the_query(session_of: Any, monkeypatch: Any) -> None:
    """The worker that gives them out has one already, which it will not do."""
    session, usual = session_of(2), Run._start

    def broken(self: Run, part: Part, step: Any, number: int, task: Any) -> None:
        if threading.current_thread().name.startswith("cortado-sort"):
            raise Boom("ours")
        usual(self, part, step, number, task)

    monkeypatch.setattr(Run, "_start", broken)
    query = start(session, through(Numbers(20), Probe(), sink=Collect(n_tasks=6)))
    assert query.wait(20)
    with pytest.raises(Boom):
        values(query)
    assert session.slots.n_free == 2


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_never_two_at_once(session_of: Any, monkeypatch: Any, threads: int) -> None:
    inside, most, who, usual = [0], [0], set(), Run._round

    def watched(self: Run, pool: Any) -> Any:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        who.add(threading.current_thread().name.rpartition("_")[0] or "scheduler")
        time.sleep(0.0005)
        try:
            return usual(self, pool)
        finally:
            inside[0] -= 1

    monkeypatch.setattr(Run, "_round", watched)
    session = session_of(threads)
    for _ in range(5):
        query = start(session, through(Numbers(30), Probe(), sink=Collect(n_tasks=9)))
        values(query)
        assert_clean(session, query)
    assert most[0] == 1
    assert {"scheduler", "cortado-scan", "cortado-sort"} <= who


def test_tasks_of_a_merge_need_no_hop(session_of: Any) -> None:
    """One worker does one behind another in its own thread, also the step behind them."""
    session, names = session_of(1), []
    sink = Collect(n_tasks=1)

    def work() -> None:
        names.append(threading.get_ident())

    sink._task = work  # type: ignore[method-assign]
    sink.merge = lambda ctx: [work] * 8  # type: ignore[method-assign]
    query = start(session, through(Numbers(3), sink=sink))
    values(query)
    assert len(names) == 8 and len(set(names)) == 1


def test_a_cancel_between_tasks_of_a_step(session_of: Any) -> None:
    session, done = session_of(1), []
    sink = Collect(n_tasks=1)
    holder: list[Any] = []

    def work() -> None:
        done.append(1)
        if len(done) == 3:
            holder[0].cancel()

    ready = threading.Event()
    sink.merge = lambda ctx: (ready.wait(5), [work] * 50)[1]  # type: ignore[method-assign]
    holder.append(start(session, through(Numbers(3), sink=sink)))
    ready.set()
    with pytest.raises(Exception) as caught:
        values(holder[0])
    assert code_of(caught.value) == "E704"
    assert len(done) < 50
    assert_clean(session, holder[0])
