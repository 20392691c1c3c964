"""Which template each row of a batch joins (engine.analytics.drain): rows in order, templates of a leaf oldest first."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from .jit import i32, i32w, i64, i64w, kernel, long_, u8w

CHECK_ROWS = 1 << 10


@kernel(i64, long_, i64, i32, i32, i32, i32, i32, i64, i32w, i64w, types.float64, i32w, i64w, i32w, u8w)
def scan(
    pairs: Any, begin: Any, offsets: Any, codes: Any, numbers: Any, leaf_of: Any, head: Any, following: Any, first: Any,
    pool: Any, version: Any, similarity: Any, known: Any, since: Any, out: Any, stop: Any,
) -> Any:  # fmt: skip
    """From row `begin` on; gives the first row that joins no template, or the number of rows.

    `known`, `since`: of a line the template that it joined without changing it, and the version of its leaf then.
    """
    for row in range(begin, pairs.size):
        if row % CHECK_ROWS == 0 and stop[0]:
            return pairs.size
        line = pairs[row]
        leaf = leaf_of[line]
        if since[line] == version[leaf]:
            out[row] = known[line]
            continue
        at = offsets[line]
        size = offsets[line + 1] - at
        best, most = np.int64(-1), np.int64(-1)
        template = np.int64(head[leaf])
        while template >= 0 and most < size:
            tokens = first[template]
            agree = np.int64(0)
            for j in range(size):
                agree += pool[tokens + j] == numbers[codes[at + j]]
            if agree > most:
                best, most = template, agree
            template = np.int64(following[template])
        if best < 0 or most < similarity * size:
            return row
        changed = False
        if most < size:
            tokens = first[best]
            for j in range(size):
                token = pool[tokens + j]
                if token != 0 and token != numbers[codes[at + j]]:
                    pool[tokens + j] = 0
                    changed = True
        out[row] = best
        if changed:
            version[leaf] += 1
        else:
            known[line], since[line] = best, version[leaf]
    return pairs.size
