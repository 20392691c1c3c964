"""Sessions that must leave no thread behind."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from cortado.engine.scheduler import EngineSession

from .toys import our_threads


@pytest.fixture
def session_of() -> Iterator[Callable[..., EngineSession]]:
    made: list[EngineSession] = []

    def make(threads: int = 2, memory: int = 1 << 30) -> EngineSession:
        made.append(EngineSession(threads, memory))
        return made[-1]

    before = set(our_threads())
    yield make
    for session in made:
        session.close()
    time.sleep(0)
    assert set(our_threads()) <= before
