"""Workers that open a collecting sink at once share it."""

from __future__ import annotations

import threading
import time

import pytest

from cortado.engine.notes import At
from cortado.engine.operators import collect
from cortado.engine.operators.sort import SortSink


def test_workers_at_once_have_one_sort(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(SortSink):
        def __init__(self, *args) -> None:  # type: ignore[no-untyped-def]
            time.sleep(0.05)
            super().__init__(*args)

    monkeypatch.setattr(collect, "SortSink", Slow)
    sink = collect.CollectSink(At("1", "parsekv"))
    seen: list[int] = []
    workers = [threading.Thread(target=lambda: seen.append(id(sink._sort()))) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(seen) == 4 and len(set(seen)) == 1
