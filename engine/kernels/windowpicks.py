"""The place of the least word of each stretch."""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import i32w, kernel, u8w, u64w


@kernel(u64w, u8w, i32w, i32w, i32w, u8w, makes_arrays=True)
def least(words: Any, valid: Any, low: Any, high: Any, out: Any, stop: Any) -> Any:
    """Into `out` the first place of the least valid word (`valid` empty: all) of low .. high, -1 where there is none.

    Candidates in a queue, each greater than those before it; begun anew where a stretch does not follow the one before.
    O(places) where stretches move forward.
    """
    queue = np.empty(words.size + 1, np.int32)
    head = tail = np.int64(0)
    a = b = np.int64(0)
    for i in range(low.size):
        if (i & 0xFFF) == 0 and stop[0]:
            return i
        begin, until = np.int64(low[np.uint64(i)]), np.int64(high[np.uint64(i)])
        if begin >= until:
            out[np.uint64(i)] = -1
            continue
        if begin < a or until < b or begin > b:
            head = tail = np.int64(0)
            b = begin
        a = begin
        while b < until:
            if not valid.size or valid[np.uint64(b)]:
                word = words[np.uint64(b)]
                while tail > head and words[np.uint64(queue[np.uint64(tail - 1)])] > word:
                    tail -= 1
                queue[np.uint64(tail)] = np.int32(b)
                tail += 1
            b += 1
        while head < tail and np.int64(queue[np.uint64(head)]) < begin:
            head += 1
        out[np.uint64(i)] = queue[np.uint64(head)] if head < tail else np.int32(-1)
    return low.size
