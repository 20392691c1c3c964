"""`key=value` texts with delimiters of one byte: where the values of known keys lie. The rules are those of `engine.pairs`."""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import i32, i64, i64w, inline, kernel, long_, u8, u8w

EMPTY = -1
OFFSET, PRIME = 0xCBF29CE484222325, 0x100000001B3  # FNV-1a, 64 bits


@inline
def is_blank(byte: Any) -> Any:
    return byte == 32 or 9 <= byte <= 13


@inline
def closing_quote(data: Any, at: Any, end: Any, pair: Any, quote: Any) -> Any:
    """The quote that ends a value which goes on at `at`; `end` if there is none."""
    while at < end:
        byte = data[at]
        if byte == 92:
            at += 2
            continue
        if byte == quote:
            behind = at + 1
            while behind < end and data[behind] != pair and is_blank(data[behind]):
                behind += 1
            if behind >= end or data[behind] == pair:
                return at
        at += 1
    return end


@inline
def spelling_of(data: Any, low: Any, high: Any, names: Any, name_at: Any, slots: Any) -> Any:
    """The number of the spelling that the bytes are; EMPTY if they are none."""
    value = np.uint64(OFFSET)
    for i in range(low, high):
        value = (value ^ np.uint64(data[i])) * np.uint64(PRIME)
    mask = np.uint64(slots.size - 1)
    slot = (value ^ (value >> np.uint64(32))) & mask
    while slots[slot] != EMPTY:
        found = np.int64(slots[slot])
        begin = np.int64(name_at[found])
        if name_at[found + 1] - begin == high - low:
            same = True
            for i in range(high - low):
                if names[begin + i] != data[low + i]:
                    same = False
                    break
            if same:
                return found
        slot = (slot + np.uint64(1)) & mask
    return np.int64(EMPTY)


@kernel(u8, i64, i64, long_, long_, u8, i64, i32, i64, long_, i64w, i64w, u8w, u8w, i64w, i64w, i64w)
def scan_pairs(
    data: Any, start: Any, stop: Any, kv: Any, pair: Any, names: Any, name_at: Any, slots: Any, numbers: Any, learns: Any,
    value_start: Any, value_length: Any, escaped: Any, has_pair: Any, first_row: Any, first_byte: Any, unknown: Any,
) -> Any:  # fmt: skip
    """Rows data[start[i]:stop[i]].

    `names`, `name_at`: spellings one behind the other; `slots`: a table of their numbers by hash, a power of two of them;
    `numbers`: of each spelling its field, below 0 for none. Out: of field f in row i value_start, value_length, escaped at
    [f * rows + i] (nothing is written where the key is not); has_pair[i]; of each field the first row and byte with it (-1:
    none). Keys that are no spelling go to `unknown` as row, start, length: all with `learns`, else those with bytes beyond
    ASCII, which may be names spelled in another way. Returns how many there are, and stops when there is no room. O(bytes).
    """
    n = start.size
    room = unknown.size // 3
    count = 0
    for row in range(n):
        at = start[row]
        end = stop[row]
        dead_double = False
        dead_single = False
        while at < end:
            while at < end and is_blank(data[at]):
                at += 1
            equals = at
            key = at
            while equals < end and data[equals] != kv:
                if data[equals] == pair:
                    key = equals + 1
                equals += 1
            if equals >= end:
                break
            while key < equals and is_blank(data[key]):
                key += 1
            key_stop = equals
            while key_stop > key and is_blank(data[key_stop - 1]):
                key_stop -= 1
            if key_stop > at and data[key_stop - 1] == 34:
                opening = key_stop - 2
                while opening >= at and data[opening] != 34:
                    opening -= 1
                if opening >= at and (opening == at or is_blank(data[opening - 1]) or data[opening - 1] == pair):
                    key = opening + 1
                    key_stop -= 1
            value = equals + 1
            while value < end and data[value] != pair and is_blank(data[value]):
                value += 1
            value_stop = value
            quoted = False
            slashed = False
            if value < end and data[value] != pair and (data[value] == 34 or data[value] == 39):
                quote = data[value]
                if not (dead_double if quote == 34 else dead_single):
                    close = closing_quote(data, value + 1, end, pair, quote)
                    if close < end:
                        quoted = True
                        value += 1
                        value_stop = close
                        for i in range(value, close):
                            if data[i] == 92:
                                slashed = True
                                break
                        at = close + 1
                        while at < end and data[at] != pair:
                            at += 1
                    elif quote == 34:
                        dead_double = True
                    else:
                        dead_single = True
            if not quoted:
                at = value
                while at < end and data[at] != pair:
                    at += 1
                value_stop = at
                while value_stop > value and is_blank(data[value_stop - 1]):
                    value_stop -= 1
            at += 1
            if key_stop <= key:
                continue
            has_pair[row] = 1
            found = spelling_of(data, key, key_stop, names, name_at, slots)
            if found == EMPTY:
                wide = learns != 0
                for i in range(key, key_stop):
                    wide = wide or data[i] >= 128
                if wide:
                    if count >= room:
                        return count
                    unknown[3 * count] = row
                    unknown[3 * count + 1] = key
                    unknown[3 * count + 2] = key_stop - key
                    count += 1
                continue
            field = numbers[found]
            if field < 0:
                continue
            if first_row[field] < 0:
                first_row[field] = row
                first_byte[field] = key - start[row]
            place = field * n + row
            if value_start.size > place:
                value_start[place] = value
                value_length[place] = value_stop - value
                escaped[place] = 1 if slashed else 0
    return count
