"""Computed columns in the order in which the rows came."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...arrow import array_from, bools_of, concat, is_valid, numbers_of, pooled
from ...arrow import nulls as null_array
from .evaluation import Faults, Made, is_fixed
from .segment import Segment


class Out:
    """One column of a part's `n` rows. Segments put their rows in from any thread; a row that none has is null."""

    def __init__(self, n: int, kind: pa.DataType) -> None:
        self.n, self.kind = n, kind
        self.cut = 0
        self._lock = threading.Lock()
        self._values: NDArray[Any] | None = None  # words or booleans
        self._valid: NDArray[np.bool_] | None = None  # None: nothing is null
        self._at: NDArray[np.int64] | None = None  # places in `_parts`, -1: null
        self._parts: list[pa.Array[Any]] = []
        self._n_parts = 0
        self._faults: list[tuple[NDArray[Any], Faults]] = []
        self._rows_put = 0

    def put(self, segment: Segment, made: Made, source: pa.Array[Any] | None) -> None:
        if made.faults is not None or made.cut:
            with self._lock:
                self.cut += made.cut
                if made.faults is not None:
                    self._faults.append((segment.perm[made.faults.at], made.faults))
        if made.picked is not None and made.values is not None:
            first = self._add(made.values)
            at = np.where(made.picked >= 0, made.picked + first, -1).astype(np.int64)
            segment.give(at, self._places())
        elif made.picked is not None:
            assert source is not None
            self._pick(segment, made.picked, source)
        elif made.values is not None and (pa.types.is_boolean(self.kind) or is_fixed(self.kind)):
            self._fixed(segment, made.values)
        elif made.values is not None:
            first = self._add(made.values)
            at = np.arange(first, first + segment.n, dtype=np.int64)
            segment.give(at, self._places())

    def _fixed(self, segment: Segment, values: pa.Array[Any]) -> None:
        is_bool = pa.types.is_boolean(values.type)
        data: NDArray[Any] = bools_of(values) if is_bool else numbers_of(values)
        with self._lock:
            if self._values is None:
                self._values = pooled(self.n, data.dtype)
            self._rows_put += segment.n
            if values.null_count and self._valid is None:
                self._valid = np.ones(self.n, np.bool_)
        segment.give(data, self._values)
        if values.null_count:
            assert self._valid is not None
            segment.give(is_valid(values), self._valid)

    def _pick(self, segment: Segment, picked: NDArray[Any], source: pa.Array[Any]) -> None:
        with self._lock:
            if not self._parts:
                self._parts = [source]
        at = np.where(picked >= 0, segment.perm[np.maximum(picked, 0)], -1) if segment.n else picked
        segment.give(at.astype(np.int64), self._places())

    def _places(self) -> NDArray[np.int64]:
        with self._lock:
            if self._at is None:
                self._at = np.full(self.n, -1, np.int64)
            return self._at

    def _add(self, values: pa.Array[Any]) -> int:
        with self._lock:
            first = self._n_parts
            self._parts.append(values)
            self._n_parts += len(values)
            return first

    def leave_out(self, rows: NDArray[np.bool_]) -> None:
        """Rows that take no part: null."""
        with self._lock:
            if self._valid is None:
                self._valid = np.ones(self.n, np.bool_)
            self._valid &= ~rows

    def seal(self) -> None:
        """Nothing is put in any more; columns may be taken from any thread."""
        if len(self._parts) > 1:
            self._parts = [concat(self._parts)]

    def column(self, begin: int, end: int) -> pa.Array[Any]:
        if self._values is not None:
            nulls = None if self._valid is None else ~self._valid[begin:end]
            return array_from(self._values[begin:end], nulls, None if self._values.dtype == np.bool_ else self.kind)
        if self._at is None:
            return null_array(end - begin, self.kind)
        at = self._at[begin:end]
        bad = at < 0
        if self._valid is not None:
            bad |= ~self._valid[begin:end]
        return self._parts[0].take(array_from(np.maximum(at, 0), bad))

    def faults(self) -> list[tuple[str, NDArray[np.int64], pa.Array[Any]]]:
        """By reason: rows, ascending, and the values that were refused."""
        found = []
        for reason in sorted({f.reason for _, f in self._faults}):
            rows = np.concatenate([r for r, f in self._faults if f.reason == reason]).astype(np.int64)
            texts = concat([f.texts for _, f in self._faults if f.reason == reason])
            order = np.argsort(rows, kind="stable")
            found.append((reason, rows[order], texts.take(array_from(order))))
        return found

    def nbytes(self) -> int:
        held = sum(a.nbytes for a in (self._values, self._valid, self._at) if a is not None)
        return held + sum(p.nbytes for p in self._parts)
