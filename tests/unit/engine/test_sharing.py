"""Several queries in one session: slots, lending, memory."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from cortado.engine.memory import Budget, QueryBudget, SessionMemory
from cortado.engine.operators.limit import LimitTransform
from cortado.engine.slots import Claim, Slots

from .toys import AT, Collect, Numbers, assert_clean, pipe, start, through, values


class Gauge:
    """How many tasks are inside at once."""

    def __init__(self, wait_s: float) -> None:
        self.now = self.peak = 0
        self.wait_s = wait_s
        self._lock = threading.Lock()

    def __call__(self, seq: int, k: int) -> None:
        with self._lock:
            self.now += 1
            self.peak = max(self.peak, self.now)
        time.sleep(self.wait_s)
        with self._lock:
            self.now -= 1


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_no_more_tasks_than_threads(session_of: Any, threads: int) -> None:
    session = session_of(threads)
    gauge = Gauge(0.002)
    queries = [start(session, [pipe(Numbers(12, 1, 10, gauge))]) for _ in range(4)]
    for query in queries:
        assert values(query) == Numbers(12, 1, 10).values
        assert_clean(session, query)
    assert gauge.peak == threads


def test_two_queries_share_evenly(session_of: Any) -> None:
    session = session_of(1)
    order: list[str] = []

    def hook(name: str) -> Any:
        def work(seq: int, k: int) -> None:
            time.sleep(0.006)
            order.append(name)

        return work

    queries = [start(session, [pipe(Numbers(15, 1, 1, hook(name)))]) for name in "ab"]
    for query in queries:
        values(query)
        assert_clean(session, query)
    middle = order[4:20]
    assert 5 <= middle.count("a") <= 11, order


def test_long_task_lends_its_slot(session_of: Any) -> None:
    """One thread, merge work of seconds: a `limit` beside it is answered meanwhile."""
    session = session_of(1)
    sink = Collect(n_tasks=1)
    answered = threading.Event()

    def work() -> None:
        deadline = time.monotonic() + 5
        while not answered.is_set():
            assert time.monotonic() < deadline, "the other query was never let in"
            time.sleep(0.002)
            sink.locals[0].ctx.check()

    sink._task = work  # type: ignore[method-assign]
    long = start(session, through(Numbers(2, 1, 1), sink=sink))
    time.sleep(0.05)
    began = time.monotonic()
    short = start(session, [pipe(Numbers(50, 1, 10), LimitTransform(5, 0, AT))])
    assert values(short) == [0, 1, 2, 3, 4]
    took = time.monotonic() - began
    answered.set()
    assert values(long) == [0, 1]
    assert took < 4
    assert_clean(session, long)


def test_session_used_from_many_threads(session_of: Any) -> None:
    session = session_of(2)
    failures: list[BaseException] = []

    def user(i: int) -> None:
        try:
            for k in range(5):
                if (i + k) % 3 == 0:
                    query = start(session, [pipe(Numbers(40), LimitTransform(i + k, 0, AT))])
                    assert values(query) == list(range(i + k))
                elif (i + k) % 3 == 1:
                    query = start(session, through(Numbers(5), sink=Collect()))
                    assert values(query) == Numbers(5).values
                else:
                    start(session, [pipe(Numbers(1000))]).close()
        except BaseException as why:
            failures.append(why)

    users = [threading.Thread(target=user, args=(i,)) for i in range(6)]
    for u in users:
        u.start()
    for u in users:
        u.join(20)
    assert not failures
    assert not session._runs and session.memory_used() == 0


def test_slot_goes_to_who_waited_longest() -> None:
    slots, got = Slots(1), []
    assert slots.take(lambda: got.append("never"))
    assert not slots.take(lambda: got.append("first"))
    assert not slots.take(lambda: got.append("second"))
    slots.give()
    assert got == ["first"]
    slots.give()
    assert got == ["first", "second"]
    slots.give()
    assert slots.n_free == 1


def test_withdrawn_claim_passes_its_slot_on() -> None:
    slots, woken = Slots(1), []
    first, second = Claim(slots, lambda: woken.append(1)), Claim(slots, lambda: woken.append(2))
    assert first.take()
    assert not second.take() and not second.take()  # one request only
    slots.give()
    assert woken == [2]
    second.close()
    assert slots.n_free == 1
    assert first.take() and not second.take()


def test_reservation_grows_in_steps_up_to_its_limit() -> None:
    budget = Budget(10 << 20)
    first, second = budget.reserve("a", 3 << 20), budget.reserve("b")
    assert first.grow(100) and budget.used == 1 << 20
    assert first.grow((3 << 20) - 100) and budget.used == 3 << 20
    assert not first.grow(1)
    assert not second.grow((7 << 20) + 1)
    assert second.grow(7 << 20)
    assert budget.used == budget.peak == 10 << 20
    first.shrink(5000)
    assert first.grow(5000) and not first.grow(1)
    first.release()
    first.release()
    second.release()
    assert budget.used == 0


def test_small_limits_are_used_to_the_last_byte() -> None:
    budget = Budget(1000)
    made = [budget.reserve("x", 250) for _ in range(4)]
    assert all(r.grow(250) and not r.grow(1) for r in made)


@pytest.mark.parametrize("limit", [1 << 20, 4 << 20, 1 << 30])
@pytest.mark.parametrize("n_sinks", [0, 1, 2, 5])
def test_shares_pool_and_room_in_flight_are_the_whole(limit: int, n_sinks: int) -> None:
    budget = QueryBudget(limit, n_sinks)
    pool = budget.pool
    assert limit - n_sinks <= budget.in_flight + pool + n_sinks * budget.share_bytes <= limit
    shares = [budget.share(budget.share_bytes) for _ in range(n_sinks)]
    for share in shares:  # each may use all that is promised, whatever the others do
        assert share.take(share.limit)
    assert budget.pool == pool
    free = budget.share(0)
    assert free.limit == pool and free.take(pool) and not free.take(1)
    for share in shares:
        assert not share.take(1)
    free.give(pool)
    for share in shares:
        assert share.take(pool)  # then from the pool, one after the other
        share.give(pool)
        share.give(share.limit)
    assert budget.used == 0 and budget.pool == pool


def test_session_memory_is_shared_by_running_queries() -> None:
    memory = SessionMemory(8 << 20)
    first = memory.start(1)
    share = first.share(first.share_bytes)
    local = share.reserve("sort", share.limit // 2)
    assert first.limit == 8 << 20 and local.grow(local.limit)
    second = memory.start(1)
    assert second.limit == 4 << 20
    assert not local.grow(1), "it has more than its part now"
    local.release()
    assert local.grow(local.limit // 2) and not local.grow(local.limit // 4), "after spilling it grows to its new part"
    memory.end(second)
    assert local.grow(local.limit // 2)
    local.release()
    memory.end(first)


def test_queries_own_setting_is_an_upper_bound() -> None:
    memory = SessionMemory(1 << 30)
    assert memory.start(1, 4 << 20).limit == 4 << 20
    assert memory.start(1, 2 << 30).limit == 1 << 29


def test_sink_has_its_share(session_of: Any) -> None:
    session = session_of(2, 8 << 20)
    sink, second = Collect(), Collect()
    specs = [pipe(Numbers(), sink=sink), pipe(sink.result, sink=second, after=(0,)), pipe(second.result, after=(1,))]
    query = start(session, specs)
    values(query)
    assert sink.max_share == second.max_share == QueryBudget(8 << 20, 2).share_bytes
    assert_clean(session, query)
