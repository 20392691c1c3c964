"""Columns that are worked out of a whole group at once: what `stl` and `anomalies` add to their rows."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ....planner.records import dataclass
from ...arrow import nan_as_null
from ...context import Context
from ...notes import N_SAMPLES, At
from ...values import row_text
from .evaluation import Evaluation, Made
from .functions import Function

MOST_CHOICES = 8  # different choices that are told apart


@dataclass(slots=True)
class Told:
    """What groups say of themselves, from any thread. The same in any order."""

    dropped: dict[str, int] = field(default_factory=dict)  # by reason: rows
    examples: dict[str, list[str]] = field(default_factory=dict)  # by reason: the keys of such groups
    choices: dict[str, int] = field(default_factory=dict)  # by what was chosen: groups
    counts: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def drop(self, reason: str, n_rows: int, keys: str) -> None:
        with self._lock:
            self.dropped[reason] = self.dropped.get(reason, 0) + n_rows
            self.examples[reason] = sorted([*self.examples.get(reason, []), *([keys] if keys else [])])[:N_SAMPLES]

    def choose(self, what: str) -> None:
        with self._lock:
            self.choices[what] = self.choices.get(what, 0) + 1

    def count(self, what: str, n: int) -> None:
        if n:
            with self._lock:
                self.counts[what] = self.counts.get(what, 0) + n

    def tell(self, at: At, ctx: Context) -> None:
        for reason, n in sorted(self.dropped.items()):
            if n:
                ctx.notes.count(at, "drop", reason, n, samples=self.examples[reason])
        for what, n in sorted(self.counts.items()):
            ctx.notes.count(at, "info", what, n)
        told = sorted(self.choices.items(), key=lambda item: (-item[1], item[0]))
        for what, n in told[:MOST_CHOICES]:
            ctx.notes.count(at, "info", what, n)
        if len(told) > MOST_CHOICES:
            ctx.notes.count(at, "info", "other choices", sum(n for _, n in told[MOST_CHOICES:]))


@dataclass(frozen=True, slots=True)
class WholeFunction(Function):
    """`columns` is called once a segment; a column's maker names its part of the answer.

    The first `inputs` arguments are numbers, those behind them the keys of the groups.
    """

    inputs: int = 1
    told: Told = field(default_factory=Told, compare=False)

    def columns(self, ev: Evaluation) -> Mapping[str, Made]:
        raise NotImplementedError

    def groups(self, ev: Evaluation) -> Iterator[tuple[int, int]]:
        """First place and end of each group that has rows. Sees a cancel before each."""
        starts = ev.segment.starts.tolist()
        for low, high in pairwise(starts):
            if low < high:
                ev.ctx.check()
                yield low, high

    def keys(self, ev: Evaluation, low: int) -> str:
        """The keys of the group that begins at a place, as text."""
        keys = range(self.inputs, len(ev.column.args))
        columns, types = [ev.argument(i) for i in keys], [ev.type(i) for i in keys]
        return row_text(columns, types, int(ev.segment.perm[low]), ev.ctx.settings.timezone)


def whole(ev: Evaluation, state: WholeFunction, out: str) -> Made:
    made: Mapping[str, Made] = ev.share("whole", lambda: state.columns(ev))
    return made[out]


def doubles_out(values: NDArray[np.float64]) -> Made:
    """Values by place; NaN is null."""
    return Made(nan_as_null(values))
