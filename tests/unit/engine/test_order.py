"""The gate alone: every interleaving gives the rows in order, one at a time."""

from __future__ import annotations

import random
import threading
import time

import numpy as np
import pytest

from cortado.engine.arrow import array_from
from cortado.engine.batch import Batch, Origin
from cortado.engine.memory import QueryBudget, Window
from cortado.engine.operator import Flow
from cortado.engine.order import OrderGate


def batch(seq: int, k: int) -> Batch:
    return Batch(1, (array_from(np.array([seq * 100 + k])),), Origin(seq))


def window() -> Window:
    return Window(1 << 30, QueryBudget(1 << 30, 0), lambda: None)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("n_workers", [1, 2, 5])
def test_any_interleaving_comes_out_in_order(seed: int, n_workers: int) -> None:
    rng = random.Random(seed)
    lengths = [
        rng.choice([0, 0, 1, 2, 5]) for _ in range(25)
    ]  # a partition that a filter emptied must not stop the line
    waits = [rng.random() * 0.001 for _ in lengths]
    out: list[int] = []
    inside = threading.Lock()
    room = window()

    def push(b: Batch) -> Flow:
        assert inside.acquire(blocking=False)
        time.sleep(0.0001)
        out.append(b.array(0)[0].as_py())
        inside.release()
        return Flow.MORE

    gate = OrderGate(push, room)
    todo = iter(range(len(lengths)))
    lock = threading.Lock()

    def worker() -> None:
        while True:
            with lock:
                seq = next(todo, None)
            if seq is None:
                return
            time.sleep(waits[seq])
            for k in range(lengths[seq]):
                assert gate.offer(batch(seq, k)) is Flow.MORE
            assert gate.close(seq) is Flow.MORE

    workers = [threading.Thread(target=worker) for _ in range(n_workers)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    assert out == [seq * 100 + k for seq, n in enumerate(lengths) for k in range(n)]
    assert gate.turn == len(lengths)
    assert room.nbytes == 0


def test_parked_batches_are_counted_until_they_go() -> None:
    room, out = window(), list[int]()

    def push(b: Batch) -> Flow:
        out.append(b.origin.seq)
        return Flow.MORE

    gate = OrderGate(push, room)
    gate.offer(batch(2, 0))
    gate.offer(batch(1, 0))
    assert room.nbytes == 16 and out == []
    gate.close(1)
    gate.close(2)
    gate.close(0)
    assert out == [1, 2] and room.nbytes == 0 and room.peak == 16


def test_done_lets_go_and_stays() -> None:
    room = window()
    gate = OrderGate(lambda b: Flow.DONE if b.origin.seq == 0 else Flow.MORE, room)
    gate.offer(batch(1, 0))
    assert gate.offer(batch(0, 0)) is Flow.DONE
    assert room.nbytes == 0
    assert gate.offer(batch(1, 1)) is Flow.DONE and gate.close(0) is Flow.DONE
    assert not gate.is_busy


def test_failure_lets_go_and_frees_the_gate() -> None:
    def push(b: Batch) -> Flow:
        raise ValueError("no")

    room = window()
    gate = OrderGate(push, room)
    gate.offer(batch(1, 0))
    with pytest.raises(ValueError):
        gate.offer(batch(0, 0))
    assert room.nbytes == 0 and not gate.is_busy
    assert gate.offer(batch(0, 1)) is Flow.DONE


def test_rows_behind_the_end_of_their_partition_are_a_fault() -> None:
    gate = OrderGate(lambda b: Flow.MORE, window())
    gate.close(0)
    with pytest.raises(RuntimeError, match="after its end"):
        gate.offer(batch(0, 0))
    gate.close(2)
    with pytest.raises(RuntimeError, match="after its end"):
        gate.offer(batch(2, 0))


def test_window_tells_when_it_has_room_again() -> None:
    told: list[int] = []
    room = Window(100, QueryBudget(1 << 20, 0), lambda: told.append(1))
    room.add(60)
    room.add(60)
    assert room.is_full() and not told
    room.add(-10)
    assert not told
    room.add(-60)
    assert told == [1] and not room.is_full() and room.peak == 120
