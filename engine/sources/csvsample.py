"""The sample that types are told from, by kernels where these are there: the same cells as by the general cutter."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from ..batch import Column, Spans
from ..kernels import load
from ..strings import strings_from
from .csvblocks import Place, Quick, make_block
from .csvquick import QuickBlock, quick_block
from .csvtext import Dialect


def quick_sample(dialect: Dialect, width: int) -> Quick | None:
    """Reads records of so many cells, all of them; None: by the general cutter alone."""
    return partial(_quick, dialect, width) if load.ready() else None


def _quick(dialect: Dialect, width: int, place: Place, final: bool) -> QuickBlock | None:
    make = partial(make_block, *place, dialect, final=final, keep_blank=False)
    return quick_block(*place, dialect, [True] * width, final=final, make=make)


def sampled_text(column: Column) -> pa.Array[Any]:
    """Cells as plain text."""
    if not isinstance(column, Spans):
        return column
    if not load.ready():
        return column.to_arrow()
    from ..kernels import rowcopy

    size, offsets = int(np.maximum(column.length, 0).sum()), np.empty(len(column) + 1, np.int32)
    out = np.empty(size + rowcopy.SLACK, np.uint8)
    rowcopy.copy_rows(column.data, column.start, column.length, out, offsets)
    return strings_from(offsets, out, column.length < 0)
