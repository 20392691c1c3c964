"""`unpivot`: the listed fields of a row become rows of a name and a value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.types import Schema, Type, join
from ..arrow import array_from, coded, is_valid, numbers_of
from ..batch import Batch
from ..context import Context
from ..jsontext import woven
from ..notes import At
from ..operator import Emit, Flow, StreamTransform
from ..values import BEYOND_NS, texts_from, to_text, unify
from .expand import piece_rows, repeated
from .fillcarry import NUMBERS


class UnpivotTransform(StreamTransform):
    """For each row one for each of the fields at `listed`, in that order: the others repeat, then name and value."""

    def __init__(self, listed: Sequence[int], schema: Schema, drop: bool, at: At) -> None:
        self._listed, self._drop, self._at = list(listed), drop, at
        self._others = [i for i in range(len(schema)) if i not in listed]
        self._types = [schema.fields[i][1] for i in listed]
        self._names = texts_from([schema.fields[i][0] for i in listed])
        self._type = join(self._types)

    def push(self, batch: Batch, local: Context, emit: Emit) -> Flow:
        width = len(self._listed)
        if not width or not batch.n_rows:
            return Flow.MORE
        step = max(1, piece_rows(batch, local) // width)
        for begin in range(0, batch.n_rows, step):
            local.pause(batch.origin.seq)
            part = batch.slice(begin, min(begin + step, batch.n_rows))
            if emit(self._rows(part, local)) is Flow.DONE:
                return Flow.DONE
        return Flow.MORE

    def _rows(self, batch: Batch, local: Context) -> Batch:
        n, width = batch.n_rows, len(self._listed)
        columns = [self._joined(batch, i, t, local) for i, t in zip(self._listed, self._types, strict=True)]
        values = _woven(columns, n, self._type)
        names: pa.Array[Any] = coded(array_from(np.tile(np.arange(width, dtype=np.int32), n)), self._names)
        rows = np.repeat(np.arange(n, dtype=np.int32), width)
        if self._drop:
            kept = is_valid(values)
            if not kept.all():
                told = batch.select(()).take(rows)
                local.notes.rows(self._at, "drop", "null value", told, np.flatnonzero(~kept), None)
                places = np.flatnonzero(kept)
                rows, values = rows[places], _taken(values, places)
                names = coded(array_from((places % width).astype(np.int32)), self._names)
        out = repeated(batch.select(self._others), rows, width)
        return out.with_columns([names, values])

    def _joined(self, batch: Batch, i: int, type_: Type, local: Context) -> pa.Array[Any]:
        """A listed column in the type of all; what was no text and becomes one is told."""
        array = batch.array(i)

        def refuse(beyond: NDArray[np.bool_]) -> None:
            texts = to_text(array, type_, local.settings.timezone)
            local.notes.rows(self._at, "reject", "overflow", batch, np.flatnonzero(beyond), texts, BEYOND_NS)

        joined = unify(array, type_, self._type, local.settings.timezone, refuse)
        if self._type.kind == "string" and type_.kind not in ("string", "null", "any"):
            mixed = np.flatnonzero(is_valid(array))
            if len(mixed):
                reason, hint = f"{type_} becomes text", "the listed fields are of several types"
                local.notes.rows(self._at, "mixed", reason, batch, mixed, joined, hint)
        return joined


def _taken(values: pa.Array[Any], places: NDArray[np.int64]) -> pa.Array[Any]:
    """Of values that are not null."""
    if type(values) in NUMBERS:
        return array_from(numbers_of(values)[places], None, values.type)
    return values.take(array_from(places))


def _woven(columns: Sequence[pa.Array[Any]], n: int, type_: Type) -> pa.Array[Any]:
    """Columns of n rows as one, row by row."""
    if len(columns) == 1:
        return columns[0]
    if type_.kind not in ("long", "double", "date", "duration", "months"):
        return woven(columns, n)
    values = np.stack([numbers_of(c) for c in columns], axis=1).ravel()
    missing: NDArray[np.bool_] | None = None
    if any(c.null_count for c in columns):
        missing = np.stack([~is_valid(c) for c in columns], axis=1).ravel()
    return array_from(values, missing, type_.arrow)
