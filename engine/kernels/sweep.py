"""As-of search backward, both sides in order of time, where a row of the left has few keys to choose from.

A sweep is one chain of steps, each of which waits for the comparison before it and guesses wrong at every other row. So the
left is cut in four lanes that go side by side without a branch, each from where nothing is known of the rows in front of it;
what a lane leaves open the state of the lane before it settles.

A lane's state has place 0 for rows that take no part, then one place a key: the last row of the right, -1 for none, `OPEN`
where that is not known. Codes are numbers of keys, negative where a row takes no part.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import i32c, i32w, i64c, i64w, inline, kernel, long_, u8w

LANES = 4
OPEN = np.int32(-2)
STRIDE = np.int64(1 << 16)  # steps from one look at `stop` to the next


@kernel(i32c, long_, long_, i32w, u8w)
def look_back(code: Any, high: Any, low: Any, state: Any, stop: Any) -> Any:
    """Enter the last row in front of `high` of each key whose `state` is open, down to row `low`. O(rows looked at).

    Returns how many keys stay open.
    """
    still = np.int64(0)
    for i in range(state.size):
        still += np.int64(state[np.uint64(i)] == OPEN)
    row = high
    while row > low and still > 0:
        row -= 1
        if (row & np.int64(0xFFFF)) == 0 and stop[0]:
            return still
        number = np.int64(code[np.uint64(row)])
        if number >= 0 and state[np.uint64(number)] == OPEN:
            state[np.uint64(number)] = np.int32(row)
            still -= 1
    return still


@inline
def advance(
    lcode: Any, lkey: Any, rcode: Any, rkey: Any, less: Any, state: Any, base: Any, i: Any, j: Any, out: Any
) -> Any:
    """One step of a lane: 1 where row j of the right is passed, else 0: row i of the left has its answer."""
    passed = np.int64(rkey[np.uint64(j)] <= lkey[np.uint64(i)] - less)
    state[np.uint64(base + (np.int64(rcode[np.uint64(j)]) + 1) * passed)] = np.int32(j)
    out[np.uint64(i)] = state[np.uint64(base + np.int64(lcode[np.uint64(i)]) + 1)]
    return passed


@inline
def finish(
    lcode: Any, lkey: Any, rcode: Any, rkey: Any, less: Any, state: Any, base: Any, i: Any, last: Any, j: Any, end: Any, out: Any
) -> Any:  # fmt: skip
    """What is left of a lane once another has come to its end."""
    while i < last:
        until = lkey[np.uint64(i)] - less
        while j < end and rkey[np.uint64(j)] <= until:
            state[np.uint64(base + np.int64(rcode[np.uint64(j)]) + 1)] = np.int32(j)
            j += 1
        out[np.uint64(i)] = state[np.uint64(base + np.int64(lcode[np.uint64(i)]) + 1)]
        i += 1
    while j < end:
        state[np.uint64(base + np.int64(rcode[np.uint64(j)]) + 1)] = np.int32(j)
        j += 1
    return 0


@kernel(i32c, i64c, i32c, i64c, long_, i32w, i64w, i64w, i32w, u8w)
def sweep_lanes(
    lcode: Any, lkey: Any, rcode: Any, rkey: Any, less: Any, state: Any, left: Any, right: Any, out: Any, stop: Any
) -> Any:  # fmt: skip
    """The last row whose key is no more than that of each row of the left minus `less`. O(left + right + keys).

    `left`, `right`: where the lanes begin, and their end; whatever a row of the left may match stands in front of its lane's end.
    `state`: four states, the first that in front of all, the others open; the last is afterwards that at the end.
    Returns the number of rows of the left that stay open.
    """
    width = np.int64(state.size >> 2)
    a, b, c, d = np.int64(0), width, 2 * width, 3 * width
    ia, ib, ic, id_ = left[0], left[1], left[2], left[3]
    ja, jb, jc, jd = right[0], right[1], right[2], right[3]
    while True:
        most_left = min(min(left[1] - ia, left[2] - ib), min(left[3] - ic, left[4] - id_))
        most_right = min(min(right[1] - ja, right[2] - jb), min(right[3] - jc, right[4] - jd))
        steps = min(min(most_left, most_right), STRIDE)  # none of them comes to its end
        if steps <= 0 or stop[0]:
            break
        for _ in range(steps):
            go = advance(lcode, lkey, rcode, rkey, less, state, a, ia, ja, out)
            ja += go
            ia += 1 - go
            go = advance(lcode, lkey, rcode, rkey, less, state, b, ib, jb, out)
            jb += go
            ib += 1 - go
            go = advance(lcode, lkey, rcode, rkey, less, state, c, ic, jc, out)
            jc += go
            ic += 1 - go
            go = advance(lcode, lkey, rcode, rkey, less, state, d, id_, jd, out)
            jd += go
            id_ += 1 - go
    left_at, right_at = (ia, ib, ic, id_), (ja, jb, jc, jd)
    still = np.int64(0)
    for lane in range(LANES):
        if stop[0]:
            return still
        base = lane * width
        finish(
            lcode, lkey, rcode, rkey, less, state, base, left_at[lane], left[lane + 1], right_at[lane], right[lane + 1], out
        )  # fmt: skip
        for i in range(left[lane], left[lane + 1]):
            if lcode[np.uint64(i)] < 0:
                out[np.uint64(i)] = -1
            elif out[np.uint64(i)] == OPEN:
                if lane > 0:
                    out[np.uint64(i)] = state[np.uint64(base - width + np.int64(lcode[np.uint64(i)]) + 1)]
                still += np.int64(out[np.uint64(i)] == OPEN)
        if lane > 0:
            for k in range(width):
                if state[np.uint64(base + k)] == OPEN:
                    state[np.uint64(base + k)] = state[np.uint64(base - width + k)]
    return still
