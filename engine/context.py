"""What an operator may ask of its query: settings, the stop byte, memory, notes, scratch space."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from threading import get_ident
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..planner.records import dataclass
from ..planner.types import Type
from .batch import Batch
from .memory import Budget
from .notes import Ledger, WorkerNotes

if TYPE_CHECKING:
    from .metrics import OperatorMetrics
    from .storage.spill import SpillArea


DEFAULT_ROWS = 65_536
MORE = 4
PIECES = 4  # for each worker, at least, of what is joined
BATCH_BYTES = 16 << 20


class Stopped(Exception):
    """Raised inside operators when the stop byte is set; never reaches a user."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Of one query. Results depend on none of these but timezone, strict and seed."""

    threads: int = 2
    batch_rows: int = DEFAULT_ROWS  # the most in a batch that users get
    morsel_bytes: int = 2 << 20
    window_bytes: int = 64 << 20  # parked batches and rows the reader has not fetched yet
    memory: int = 1 << 30
    timezone: str = "UTC"
    strict: bool = False
    seed: int = 0
    kernels: str = "auto"  # auto: compiled ones once the input is large; always; never
    optimiser: bool = True
    spill_dir: str = ""  # empty: the system's temp folder
    spill_limit: int = 0  # bytes on disk; 0: half of what is free

    def scan_rows(self, n_columns: int, nbytes: int, n_rows: int) -> int:
        """Rows of a batch from a source whose `n_rows` rows are `nbytes` as they lie in the file.

        A call costs operators over columns as much as some thousand rows, so batches are larger than users get them,
        unless a small size was asked for.
        """
        if self.batch_rows < DEFAULT_ROWS:
            return self.batch_rows
        row_bytes = max(8 * n_columns, nbytes // max(n_rows, 1), 1)
        return max(self.batch_rows, min(MORE * self.batch_rows, BATCH_BYTES // row_bytes))

    def joined_rows(self, n_columns: int, nbytes: int, n_rows: int) -> int:
        """As `scan_rows`, of a partition made of several small ones: twice as many, where each worker gets some."""
        most = 2 * self.scan_rows(n_columns, nbytes, n_rows) if self.batch_rows >= DEFAULT_ROWS else 0
        return min(most, n_rows // (PIECES * self.threads))


@dataclass(slots=True)
class QueryState:
    """Shared by all workers of a pipeline; what is no field of one pipeline is shared by the whole query.

    A pipeline has a ledger and a stop byte of its own: partitions are numbered in each from 0.
    """

    settings: Settings
    memory: Budget
    now_us: int = 0  # start of the query, UTC
    spill: SpillArea | None = None
    late: dict[str, tuple[Any, Type]] = field(default_factory=dict)  # values of setq parameters, as Arrow scalars
    shares: dict[int, Budget] = field(default_factory=dict)  # of the sinks, by id
    stop: NDArray[np.uint8] = field(default_factory=lambda: np.zeros(1, np.uint8))
    ledger: Ledger = field(default_factory=Ledger)
    endings: list[tuple[int, Callable[[], None], Callable[[], None]]] = field(
        default_factory=list
    )  # stage, commit, abort
    lend: Callable[[], None] = lambda: (
        None
    )  # gives the task's slot to another query that waits, takes the next free one
    has_room: Callable[[int], bool] = lambda seq: True  # whether rows of a partition may go on, or are wanted no more
    rest: Callable[[Callable[[], bool]], None] = lambda until: None  # gives the task's slot away until something is so
    compiled: Callable[[], bool] = lambda: False  # whether compiled kernels are there by now
    want_kernels: Callable[[float], None] = (
        lambda seconds: None
    )  # told by work that takes general kernels so long: may load the compiled ones, and wait for them where they are near
    figures: Callable[[], list[OperatorMetrics]] = list  # of all operators, so far


@dataclass(slots=True)
class Context:
    """One per Local: `push` gets no context, so a Local keeps the one it was opened with."""

    query: QueryState
    notes: WorkerNotes
    share: Budget | None = None  # the operator's part of the memory
    kernels: bool | None = None  # set between two morsels; None: whatever the query says now
    answers: dict[int, tuple[Any, Any, Any]] = field(
        default_factory=dict, repr=False
    )  # of functions over a dictionary's values
    _scratch: dict[tuple[str, int], NDArray[Any]] = field(default_factory=dict, repr=False)

    @property
    def settings(self) -> Settings:
        return self.query.settings

    @property
    def stop(self) -> NDArray[np.uint8]:
        return self.query.stop

    @property
    def memory(self) -> Budget:
        """The operator's part; its `limit` by the number of threads is what one Local may hold."""
        return self.query.memory if self.share is None else self.share

    @property
    def compiled(self) -> bool:
        """Whether compiled kernels may be used; does not change within a push."""
        return self.query.compiled() if self.kernels is None else self.kernels

    def check(self) -> None:
        """Between batches and between the chunks of long work: sees a cancel, and lets other queries in.

        May wait for other queries' tasks: never call it with a lock held that another task may want.
        """
        if self.query.stop[0]:
            raise Stopped
        self.query.lend()

    def pause(self, seq: int) -> None:
        """As `check`, between batches where one row may become very many: waits while their reader, or the window of parked
        rows, has enough of partition `seq`. Else all of them would be held at once."""
        self.check()
        if not self.query.has_room(seq):
            self.query.rest(lambda: self.query.has_room(seq))
            self.check()

    def on_success(self, stage: int, commit: Callable[[], None], abort: Callable[[], None]) -> None:
        """What a writer does after the last pipeline: `commit` in order of stages if all went well, else `abort`.

        `abort` is also called where a commit before it fails, and where its own does.
        """
        self.query.endings.append((stage, commit, abort))

    def last_row(self, batch: Batch, row: int) -> None:
        """Told by an operator in sequence that answers DONE: no row behind this one is wanted (-1: nor any of the batch)."""
        self.query.ledger.last = (batch.origin.seq, batch.origin.source_row(row) if row >= 0 else -1)

    def scratch(self, name: str, size: int, dtype: DTypeLike) -> NDArray[Any]:
        """Space reused from call to call; nothing in it may outlive the call that asked for it.

        A thread has its own: tasks of one merge share a context.
        """
        key = name, get_ident()
        got = self._scratch.get(key)
        if got is None or got.size < size:
            got = self._scratch[key] = np.empty(max(size, 1024), dtype)
        return got
