"""Copies rows that lie anywhere in a buffer one behind another, for machines that want them so."""

from __future__ import annotations

from typing import Any

from .jit import copy_64, i32, i32w, kernel, u8, u8w

SLACK = 64  # bytes behind the last row that may be written, too


@kernel(u8, i32, i32, u8w, i32w)
def copy_rows(data: Any, start: Any, length: Any, out: Any, offsets: Any) -> Any:
    """Row i is out[offsets[i]:offsets[i + 1]] (null: empty). `out` has SLACK bytes more than the rows. O(bytes).

    64 bytes at a time where the buffer holds them; what is written beyond a row is written over by the next.
    """
    to = 0
    offsets[0] = 0
    for i in range(start.size):
        size, at = length[i], start[i]
        if size > 0:
            if at + size + SLACK <= data.size:
                for j in range(0, size, 64):
                    copy_64(out, to + j, data, at + j)
            else:
                for j in range(size):
                    out[to + j] = data[at + j]
            to += size
        offsets[i + 1] = to
    return to
