"""Rows that are set aside and come back later: where they stood goes with them, so that notes of later stages name it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...planner.types import LONG, Schema
from ..arrow import array_from, numbers_of
from ..arrow import nulls as null_array
from ..batch import Batch, Column, Origin
from .resort import PLACE

SEQ, ROW = "\0seq", "\0row"  # partition, and row within it, at the source
NOWHERE = -1


class Homes:
    """Adds columns for partition, row and place to batches, and takes them off again."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema.put(SEQ, LONG).put(ROW, LONG).put(PLACE, LONG)
        self._inner = schema
        self._sources: dict[int, str] = {}

    def noted(self, batch: Batch, first: int) -> Batch:
        """`first`: the place of the batch's first row; places rise from batch to batch."""
        origin, n = batch.origin, batch.n_rows
        self._sources.setdefault(origin.seq, origin.source)
        rows: NDArray[Any] = np.arange(n)
        for pick in reversed(origin.picks):
            rows = np.flatnonzero(pick)[rows] if pick.dtype == np.bool_ else pick[rows]
        places = np.arange(first, first + n, dtype=np.int64)
        more = (np.full(n, origin.seq, np.int64), rows.astype(np.int64) + origin.row, places)
        return batch.with_columns([array_from(m) for m in more])

    def homeless(self, columns: dict[int, Column], n: int) -> Batch:
        """Rows that stand for what is known of others, before all; the columns that are not given are null."""
        made = [columns.get(i, null_array(n, t.arrow)) for i, (_, t) in enumerate(self._inner.fields)]
        behind = [array_from(np.full(n, NOWHERE, np.int64))] * 3
        return Batch(n, (*made, *behind), Origin(0))

    def real(self, batch: Batch) -> Batch:
        """Without the homeless."""
        keep = numbers_of(batch.array(len(self._inner) + 2)) != NOWHERE
        return batch if keep.all() else batch.pick(keep)

    def sent_home(self, batch: Batch) -> Iterator[Batch]:
        """Without the columns added, in batches of one partition each."""
        n = len(self._inner)
        seqs, rows = numbers_of(batch.array(n)), numbers_of(batch.array(n + 1))
        cuts: Sequence[int] = np.flatnonzero(np.diff(seqs, prepend=-1, append=-1)).tolist()
        for low, high in pairwise(cuts):
            seq = int(seqs[low])
            origin = Origin(seq, self._sources.get(seq, ""), picks=(rows[low:high],))
            yield replace(batch.select(range(n)).slice(low, high), origin=origin)
