"""A query's pipelines as its scheduler sees them: what each waits for, and what it does now."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import field
from typing import Any, TypeAlias

from ..planner.records import dataclass
from .failures import Phase
from .pipeline import Pipeline

Task: TypeAlias = Callable[[], None]


@dataclass(slots=True)
class Step:
    """What a pipeline does now: tasks that may run at once. A scan has none: its leases are made as there is room."""

    phase: Phase
    tasks: deque[Task] = field(default_factory=deque)
    n_running: int = 0
    n_begun: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self) -> tuple[int, Task] | None:
        """The next task and its number; workers ask as well as the scheduler."""
        with self.lock:
            if not self.tasks:
                return None
            self.n_begun += 1
            return self.n_begun, self.tasks.popleft()

    @property
    def is_scan(self) -> bool:
        return self.phase is Phase.SCAN


@dataclass(slots=True)
class Part:
    """A pipeline and its place among the others."""

    pipe: Pipeline
    sink: Any
    after: list[Part]
    parent: Part | None = None  # whose `then` gave it
    steps: Iterator[Step] | None = None
    step: Step | None = None
    children: list[Part] = field(default_factory=list)  # what its `then` gave
    is_complete: bool = False
    is_closed: bool = False

    def is_settled(self) -> bool:
        """Complete, and so are the pipelines it gave."""
        return self.is_complete and all(c.is_settled() for c in self.children)

    def is_over(self) -> bool:
        """Nothing of it runs any more, nor of the pipelines it gave."""
        return self.pipe.is_over and all(c.is_over() for c in self.children)

    def is_ready(self) -> bool:
        return all(p.is_settled() for p in self.after)


@dataclass(frozen=True, slots=True)
class Progress:
    """`nbytes_total`: of all sources; None where one cannot tell. `stage`: where the query is."""

    rows: int
    nbytes: int
    nbytes_total: int | None
    stage: str
