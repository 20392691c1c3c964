"""Log lines with what varies masked: a word with a digit is `<*>`.

A word is a run of letters, digits, `_ . + -` and all beyond ASCII; words with a digit that a colon joins are one (`10:00:01`,
`10.0.0.1:80`). White space (blank, tab, form feed, line ends) is one blank, none stands at the ends.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..arrow import bitmap_of, bools_of, buffer_of, bytes_of, call, is_valid, offsets_of
from ..batch import Spans

MASK = "<*>"
_RUN = r"[\w.+\-\x{80}-\x{10FFFF}]*[0-9][\w.+\-\x{80}-\x{10FFFF}]*"
VARIABLE = f"{_RUN}(?::{_RUN})*"
BLANKS = "\t\n\f\r "
_UNEVEN = r"[\t\n\f\r]|  |^ | $"


def evened(lines: pa.Array[Any]) -> pa.Array[Any]:
    """White space as one blank each."""
    uneven = call("match_substring_regex", lines, pattern=_UNEVEN)
    if not bools_of(call("fill_null", uneven, False)).any():
        return lines
    single = call("replace_substring_regex", lines, pattern=f"[{BLANKS}]+", replacement=" ")
    return call("utf8_trim", single, characters=" ")


def masked(lines: pa.Array[Any]) -> pa.Array[Any]:
    """The general path, by RE2."""
    return call("replace_substring_regex", evened(lines), pattern=VARIABLE, replacement=MASK)


def masked_compiled(lines: pa.Array[Any] | Spans, stop: NDArray[np.uint8]) -> pa.Array[Any]:
    """The same by a kernel, which also takes lines as they lie in the file."""
    from ..kernels import masking

    if isinstance(lines, Spans):
        data, start, length = lines.data, lines.start, np.maximum(lines.length, 0)
        nulls = lines.length < 0
    else:
        offsets = offsets_of(lines)
        body = lines.buffers()[2]
        data = bytes_of(body)
        start, length = offsets[:-1], np.diff(offsets)
        nulls = ~is_valid(lines) if lines.null_count else np.zeros(len(lines), np.bool_)
    at = np.zeros(len(start) + 1, np.int32)
    out = np.empty(3 * int(length.sum(dtype=np.int64)) + 8, np.uint8)
    n = masking.mask(data, start, np.where(nulls, 0, length).astype(np.int32), out, at, stop)
    return pa.Array.from_buffers(
        pa.string(), len(start), [bitmap_of(nulls), buffer_of(at), buffer_of(out[:n])]
    )  # fmt: skip
