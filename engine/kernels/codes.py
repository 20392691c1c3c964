"""Numbers by code: of the values of a dictionary, and of pairs of small codes (a cell of a grid for each)."""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import i32, i32w, i64w, kernel, long_

N_PAIRS = 0  # of `state`
ASKED = -2


@kernel(i32, i32w, i32w)
def map_codes(codes: Any, mapped: Any, out: Any) -> Any:
    """`out` = mapped[codes]; entries that are negative, and occur, become ASKED. Returns how many rows have such."""
    missing = 0
    for i in range(codes.size):
        code = np.uint64(codes[np.uint64(i)])
        number = mapped[code]
        if number < 0:
            mapped[code] = ASKED
            missing += 1
        out[np.uint64(i)] = number
    return missing


@kernel(i32, i32, i32w)
def translate(codes: Any, numbers: Any, out: Any) -> Any:
    """`out` = numbers[codes]. O(rows)."""
    for i in range(codes.size):
        out[np.uint64(i)] = numbers[np.uint64(codes[np.uint64(i)])]
    return codes.size


@kernel(i32, i32, long_, i32w, long_, i32w, i64w, i32w)
def pair_ids(
    first: Any, second: Any, row: Any, grid: Any, width: Any, known: Any, state: Any, out: Any
) -> Any:  # fmt: skip
    """Number of each row's pair from `row` on into out, in order of first sight. O(rows).

    `grid[a * width + b]` is the number of (a, b), -1 where it was not met; `known` holds a, b of each number. Returns
    the row it stopped at: all rows, or `known` must grow; call again from there.
    """
    room = known.size // 2
    while row < first.size:
        cell = np.uint64(np.int64(first[np.uint64(row)]) * width + np.int64(second[np.uint64(row)]))
        number = grid[cell]
        if number < 0:
            number = state[N_PAIRS]
            if number >= room:
                return row
            grid[cell] = number
            known[2 * number], known[2 * number + 1] = first[row], second[row]
            state[N_PAIRS] = number + 1
        out[np.uint64(row)] = number
        row += 1
    return row
