"""Rows that get columns worked out of their whole groups; those without a number are counted as they come."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...arrow import is_valid, numbers_of
from ...batch import Batch
from ...context import Context
from ...notes import NOT_FINITE, NULL_VALUE, At
from ...operator import Flow, Source
from .sink import Local, WindowSink
from .spec import Program
from .whole import Told


class WholeSink(WindowSink):
    """Counts the rows whose inputs are no numbers, and tells what the groups say."""

    def __init__(self, program: Program, at: At, inputs: tuple[int, ...], told: Told) -> None:
        super().__init__(program, at)
        self._inputs, self._told = inputs, told

    def push(self, batch: Batch, local: Local) -> Flow:
        for i in self._inputs:
            tell_odd(batch.array(i), batch, self._at, local.ctx)
        return super().push(batch, local)

    def result(self, ctx: Context) -> Source:
        made = super().result(ctx)
        self._told.tell(self._at, ctx)
        return made


def tell_odd(column: pa.Array[Any], batch: Batch, at: At, ctx: Context) -> None:
    """Counts rows that have no number in a column."""
    valid = is_valid(column)
    _tell(NULL_VALUE, ~valid, column, batch, at, ctx)
    if pa.types.is_floating(column.type):
        _tell(NOT_FINITE, valid & ~np.isfinite(numbers_of(column)), column, batch, at, ctx)


def _tell(reason: str, rows: NDArray[np.bool_], column: pa.Array[Any], batch: Batch, at: At, ctx: Context) -> None:
    found = np.flatnonzero(rows)
    if len(found):
        ctx.notes.rows(at, "drop", reason, batch, found, column)
