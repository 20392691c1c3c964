"""Where groups begin in rows that come in order of their keys, batch by batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.types import Type
from ..arrow import concat
from ..batch import Batch
from .fillcarry import changes


class Begins:
    """`keys`: the columns that groups have in common; without keys all rows are one group."""

    def __init__(self, keys: Sequence[int], types: Sequence[Type]) -> None:
        self._keys, self._types = list(keys), types
        self._before: list[pa.Array[Any]] | None = None

    def of(self, batch: Batch) -> NDArray[np.bool_]:
        """The rows of the next batch, which has some, that begin a group."""
        keys = [batch.array(i) for i in self._keys]
        begins = changes(keys, self._types, batch.n_rows)
        if self._before is not None:
            border = [concat([b, k.slice(0, 1)]) for b, k in zip(self._before, keys, strict=True)]
            begins[0] = changes(border, self._types, 2)[1]
        self._before = [k.slice(batch.n_rows - 1) for k in keys]
        return begins
