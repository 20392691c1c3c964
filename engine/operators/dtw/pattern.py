"""The pattern: a field of a subquery, a parameter, or numbers in the text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....planner.records import dataclass
from ....planner.text import fault
from ...arrow import is_valid
from ...batch import Batch
from ...context import Context
from ...memory import Reservation
from ...notes import At
from ...operator import Flow, SideRun
from .distances import normalised
from .series import EMPTY, FINE, NULL, doubles, series_of

F64 = NDArray[np.float64]
POINT_BYTES = 24


@dataclass(frozen=True, slots=True)
class Pattern:
    """Points as they were given; `points` are what series are compared with, and there are none if it has no use."""

    values: F64
    valid: NDArray[np.bool_]

    def ready(self, nulls: str, znorm: bool, at: At, ctx: Context) -> F64 | None:
        """What series are compared with; None, which is noted, if they cannot be."""
        made = series_of(self.values, self.valid, np.array([len(self.values)]), nulls)
        state = made.state[0]
        if state != FINE:
            kind, why = ("drop", "the pattern has no points") if state == EMPTY else (
                "reject", "null in the pattern" if state == NULL else "the pattern is not finite")  # fmt: skip
            ctx.notes.count(at, kind, why, 1, "no series has a distance to it")
            return None
        if not znorm:
            return made.values
        points, is_flat = normalised(made.values)
        if is_flat:
            ctx.notes.count(at, "info", "the pattern is flat", 1, "all its points are equal: normalised they are zeros")
        return points


@dataclass(frozen=True, slots=True)
class Given:
    """A pattern that is known, or the name of a parameter that a subquery gives."""

    known: Pattern | None = None
    late: str = ""

    def pattern(self, ctx: Context) -> Pattern:
        return self.known if self.known is not None else of_list(ctx.query.late[self.late][0])


def of_numbers(given: Sequence[float | None]) -> Pattern:
    return Pattern(
        np.array([0.0 if v is None else v for v in given], np.float64),
        np.array([v is not None for v in given], np.bool_),
    )


def of_list(value: Any) -> Pattern:
    """Of an array that a subquery gave, as an Arrow scalar; a null has no points."""
    if not value.is_valid:
        return of_numbers(())
    return Pattern(*doubles(value.values))


@dataclass(slots=True)
class Local:
    ctx: Context
    reservation: Reservation
    pieces: list[tuple[F64, NDArray[np.bool_]]] = field(default_factory=list)


class PatternSink:
    """Rows in the order of their points; its result is a Pattern. `order`: the column they are sorted by, if any."""

    needs_order = True

    def __init__(self, value: int, order: int | None, why: str, at: At) -> None:
        self._value, self._order, self._why, self._at = value, order, why, at
        self._local: Local | None = None

    def open(self, ctx: Context) -> Local:
        self._local = Local(ctx, ctx.memory.reserve(self._at.command))
        return self._local

    def push(self, batch: Batch, local: Local) -> Flow:
        if not batch.n_rows:
            return Flow.MORE
        if not local.reservation.grow(POINT_BYTES * batch.n_rows):
            raise fault("E702", f"{self._at.command}: the pattern does not fit into memory",
                        hint="raise the setting `memory`, or give a shorter pattern")  # fmt: skip
        values, valid = doubles(batch.array(self._value))
        if self._order is not None and (placed := is_valid(batch.array(self._order))).sum() < batch.n_rows:
            rows = np.flatnonzero(~placed)
            local.ctx.notes.rows(self._at, "drop", self._why, batch, rows, batch.array(self._value), "in the pattern")
            values, valid = values[placed], valid[placed]
        local.pieces.append((values.copy(), valid))
        return Flow.MORE

    def combine(self, local: Local) -> None:
        return None

    def merge(self, ctx: Context) -> Sequence[Callable[[], None]]:
        return ()

    def result(self, ctx: Context) -> Pattern:
        pieces = self._local.pieces if self._local is not None else []
        if not pieces:
            return of_numbers(())
        return Pattern(np.concatenate([v for v, _ in pieces]), np.concatenate([v for _, v in pieces]))

    def close(self) -> None:
        if self._local is not None:
            self._local.pieces = []
            self._local.reservation.release()


class PatternRun(SideRun):
    """`make`: the operators for the rows, of the pattern that the side gives."""

    def __init__(self, sink: PatternSink, make: Callable[[Pattern], list[Any]]) -> None:
        self.right, self._make = (sink,), make

    def left(self, taken: Pattern, ordered: bool) -> list[Any]:
        return self._make(taken)
