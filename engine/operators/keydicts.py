"""Columns that come as a dictionary: their codes, and whether the dictionary is the one met before."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from ..arrow import is_valid
from ..batch import Spans
from .keytable import Ids


def codes_of(column: Any) -> Ids:
    """Codes of a dictionary column; null is the number behind the last value."""
    rows = column.indices
    codes = np.frombuffer(rows.buffers()[1], np.int32, len(rows) + rows.offset)[rows.offset :]
    if rows.null_count:
        codes = np.where(is_valid(rows), codes, np.int32(len(column.dictionary)))
    if column.dictionary.null_count:
        bad = ~is_valid(column.dictionary)
        codes = np.where(np.append(bad, False)[codes], np.int32(len(bad)), codes)
    return codes


def same_dictionary(a: Any, b: Any) -> bool:
    if a is b:
        return True
    if a is None or len(a) != len(b) or a.offset != b.offset or a.type != b.type:
        return False
    pairs = zip(a.buffers(), b.buffers(), strict=True)
    return all((x is None and y is None) or (x and y and x.address == y.address) for x, y in pairs)


def is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind)


def with_null(spans: Spans) -> Spans:
    """One row more, which is null."""
    start, length = np.append(spans.start, np.int32(0)), np.append(spans.length, np.int32(-1))
    return Spans(spans.buffer, spans.data, start, length)
