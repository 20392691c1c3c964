"""Numbers of keys that a table of `group.py` has, without entering any; rows of each number one behind the other."""

from __future__ import annotations

from typing import Any

import numpy as np

from .group import AHEAD, word_key
from .jit import i32, i32w, i64w, kernel, prefetch, u8, u8w, u64, u64w
from .textkeys import LONG_TAG, mix, same_bytes, text_key


@kernel(u8, i32, i32, i32w, u64w, u64w, i32w, u8w, i32w, makes_arrays=True)
def find_texts(
    data: Any, start: Any, length: Any, slots: Any, key0: Any, key1: Any, sizes: Any, arena: Any, out: Any
) -> Any:
    """The number of each text, -1 where the table does not have it. Returns how many it has."""
    mask, n, found, row = np.uint64(slots.size - 1), start.size, 0, 0
    words: Any = np.empty((AHEAD, 3), np.uint64)
    while row < n:
        many = min(n - row, AHEAD)
        for j in range(many):
            at_row = np.uint64(row + j)
            word0, word1 = text_key(data, np.int64(start[at_row]), np.int64(length[at_row]))
            place = mix(word0, word1) & mask
            words[j, 0], words[j, 1], words[j, 2] = word0, word1, place
            prefetch(slots, np.int64(place))
        for j in range(many):
            group = slots[words[j, 2]]
            if group >= 0:
                prefetch(key0, np.int64(group))
                prefetch(key1, np.int64(group))
        for j in range(many):
            at_row = np.uint64(row + j)
            word0, word1, place = words[j, 0], words[j, 1], words[j, 2]
            size = np.int64(length[at_row])
            while True:
                group = slots[place]
                if group < 0:
                    break
                g = np.uint64(group)
                if key0[g] == word0:
                    if size <= 15:
                        if key1[g] == word1:
                            break
                    elif (key1[g] & LONG_TAG) == LONG_TAG and sizes[g] == size:  # noqa: SIM102
                        if same_bytes(arena, np.int64(key1[g] ^ LONG_TAG), data, np.int64(start[at_row]), size):
                            break
                place = (place + np.uint64(1)) & mask
            out[at_row] = group
            found += group >= 0
        row += many
    return found


@kernel(u64, u8, i32w, u64w, u64w, i32w, u64w, i32w)
def find_words(values: Any, nulls: Any, slots: Any, key0: Any, key1: Any, near: Any, base: Any, out: Any) -> Any:
    """As find_texts, of 64-bit keys. `near`: see group.word_ids."""
    mask = np.uint64(slots.size - 1)
    room = np.uint64(near.size)
    found = 0
    for row in range(values.size):
        at_row = np.uint64(row)
        value = values[at_row]
        null = nulls.size > 0 and nulls[at_row] != 0
        off = value - base[0]
        if off < room and not null:
            out[at_row] = near[off]
            found += near[off] >= 0
            continue
        word0, word1 = word_key(value, null)
        place = mix(word0, word1) & mask
        while True:
            group = slots[place]
            if group < 0 or (key0[np.uint64(group)] == word0 and key1[np.uint64(group)] == word1):
                break
            place = (place + np.uint64(1)) & mask
        out[at_row] = group
        found += group >= 0
    return found


@kernel(i32, i64w, i32w)
def rows_by_number(numbers: Any, fill: Any, rows: Any) -> Any:
    """Row i goes to the next free place of its number; `fill` holds these places. Negative numbers are left out."""
    for i in range(numbers.size):
        number = numbers[i]
        if number >= 0:
            at = fill[np.uint64(number)]
            rows[np.uint64(at)] = i
            fill[np.uint64(number)] = at + 1
    return numbers.size


@kernel(i32, i64w)
def count_pairs(numbers: Any, starts: Any) -> Any:
    """How many pairs `pairs` makes."""
    total = np.int64(0)
    for i in range(numbers.size):
        number = numbers[i]
        if number >= 0:
            total += starts[np.uint64(number) + np.uint64(1)] - starts[np.uint64(number)]
    return total


@kernel(i32, i64w, i32w, i32w, i32w)
def pairs(numbers: Any, starts: Any, rows: Any, left: Any, right: Any) -> Any:
    """Each row of the left with the rows of its number in turn; returns how many pairs there are."""
    at = 0
    for i in range(numbers.size):
        number = numbers[i]
        if number >= 0:
            for j in range(starts[np.uint64(number)], starts[np.uint64(number) + np.uint64(1)]):
                left[np.uint64(at)] = i
                right[np.uint64(at)] = rows[np.uint64(j)]
                at += 1
    return at
