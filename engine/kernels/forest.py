"""Ways of rows through the trees of an isolation forest (engine.analytics.forest, whose general path gives the same bits)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from .jit import f64, f64w, i32, i64, kernel, long_, u8w

matrix = types.Array(types.float64, 2, "C", readonly=True)
matrix_w = types.Array(types.float64, 2, "C")
BLOCK = 512  # rows that go through one tree after the other: tree, rows and their places stay in the first cache


@kernel(matrix, i64, long_, i32, f64, i32, f64, f64w, u8w, makes_arrays=True)
def walk(
    rows: Any, roots: Any, depth: Any, field: Any, cut: Any, child: Any, length: Any, total: Any, stop: Any
) -> Any:
    """Adds the length of each row's ways to `total`. A leaf is its own child, its cut infinite: no branch is guessed wrong."""
    at = np.empty(BLOCK, np.int32)
    for begin in range(0, rows.shape[0], BLOCK):
        if stop[0]:
            return begin
        n = min(BLOCK, rows.shape[0] - begin)
        for tree in range(roots.size):
            for i in range(n):
                at[i] = roots[tree]
            for _ in range(depth):
                for i in range(n):
                    node = at[i]
                    at[i] = child[node] + np.int32(rows[begin + i, field[node]] >= cut[node])
            for i in range(n):
                total[begin + i] += length[at[i]]
    return rows.shape[0]


@kernel(matrix, i64, i32, f64, i32, f64, f64, f64w, matrix_w, u8w)
def gains(
    rows: Any, roots: Any, field: Any, cut: Any, child: Any, length: Any, gain: Any, total: Any, gained: Any, stop: Any
) -> Any:
    """As `walk`, and adds what each cut gained to its field in `gained`."""
    for begin in range(0, rows.shape[0], BLOCK):
        if stop[0]:
            return begin
        for tree in range(roots.size):
            for row in range(begin, min(begin + BLOCK, rows.shape[0])):
                at = roots[tree]
                f = field[at]
                while f >= 0:
                    at = np.int64(child[at]) + (1 if rows[row, f] >= cut[at] else 0)
                    gained[row, f] += gain[at]
                    f = field[at]
                total[row] += length[at]
    return rows.shape[0]
