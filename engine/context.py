"""What an operator may ask of its query: settings, the stop byte, memory, notes, scratch space."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..planner.types import Type
from .memory import Budget
from .notes import Ledger, WorkerNotes

if TYPE_CHECKING:
    from .storage.paths import SpillArea


class Stopped(Exception):
    """Raised inside operators when the stop byte is set; never reaches a user."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Of one query. Results depend on none of these but timezone, strict and seed."""

    threads: int = 2
    batch_rows: int = 65_536
    morsel_bytes: int = 2 << 20
    window_bytes: int = 64 << 20  # parked batches and rows the reader has not fetched yet
    memory: int = 1 << 30
    timezone: str = "UTC"
    strict: bool = False
    seed: int = 0
    kernels: str = "auto"  # auto: compiled ones once the input is large; always; never
    optimiser: bool = True


@dataclass(slots=True)
class QueryState:
    """Shared by all workers of one query."""

    settings: Settings
    memory: Budget
    now_us: int = 0  # start of the query, UTC
    spill: SpillArea | None = None
    late: dict[str, tuple[Any, Type]] = field(default_factory=dict)  # values of setq parameters
    stop: NDArray[np.uint8] = field(default_factory=lambda: np.zeros(1, np.uint8))
    ledger: Ledger = field(default_factory=Ledger)
    commits: list[tuple[int, Callable[[], None]]] = field(default_factory=list)  # stage order, what to do at success
    aborts: list[Callable[[], None]] = field(default_factory=list)  # after a failure or a cancel
    lend: Callable[[], None] = lambda: None  # gives the task's slot to another query that waits, takes the next free one
    compiled: Callable[[], bool] = lambda: False  # whether compiled kernels are there by now


@dataclass(slots=True)
class Context:
    """One per Local: `push` gets no context, so a Local keeps the one it was opened with."""

    query: QueryState
    notes: WorkerNotes
    _scratch: dict[str, NDArray[Any]] = field(default_factory=dict, repr=False)

    @property
    def settings(self) -> Settings:
        return self.query.settings

    @property
    def stop(self) -> NDArray[np.uint8]:
        return self.query.stop

    @property
    def memory(self) -> Budget:
        return self.query.memory

    @property
    def compiled(self) -> bool:
        return self.query.compiled()

    def check(self) -> None:
        """Between batches and between the chunks of long work: sees a cancel, and lets other queries in."""
        if self.query.stop[0]:
            raise Stopped
        self.query.lend()

    def on_success(self, stage: int, commit: Callable[[], None], abort: Callable[[], None]) -> None:
        """What a writer does after the last pipeline: `commit` in order of stages if all went well, else `abort`."""
        self.query.commits.append((stage, commit))
        self.query.aborts.append(abort)

    def scratch(self, name: str, size: int, dtype: DTypeLike) -> NDArray[Any]:
        """Space reused from call to call; nothing in it may outlive the call that asked for it."""
        got = self._scratch.get(name)
        if got is None or got.size < size:
            got = self._scratch[name] = np.empty(max(size, 1024), dtype)
        return got
