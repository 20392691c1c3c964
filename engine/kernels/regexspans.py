"""Runs a regular expression that was compiled to a program (`engine/regexprogram.py`) over rows of valid UTF-8.

A program is an array of words: a head, then instructions of WIDTH words, then what they point at. Runs of a class end
where a vector compare says so, 64 bytes at a time; there is a choice only at gaps, optional parts and alternatives, which
go on a stack and are taken up again from the latest one, in the order of preference that Perl and RE2 have. A budget in
proportion to the line keeps the time linear: beyond it the row is UNSURE, and RE2 answers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import (
    atleast_64,
    between_64,
    equal_64,
    folded_64,
    i32,
    i32w,
    i64c,
    i64w,
    inline,
    kernel,
    leading_zeros,
    load_u64,
    long_,
    trailing_zeros,
    u8,
    u8w,
)  # fmt: skip
from .regexcode import (
    BACK,
    CHECKED,
    CLASS_AT,
    CLASS_N,
    CLASS_NOT,
    EDGE,
    END,
    FIRST,
    FIRST_BYTE,
    FIRST_FOLD,
    FLAGS,
    FOLD,
    FORGET_FROM,
    FORGET_TO,
    GAP,
    GROUPS_AT,
    HEAD,
    JUMP,
    LEAD,
    LEAST,
    LITERAL,
    MARGIN,
    MASK,
    MATCH,
    MOST,
    N_OPS,
    NEED,
    NEEDLE,
    NEEDLE_FOLD,
    NEEDLE_MASK,
    NEEDLE_WORD,
    NEXT_AT,
    NEXT_N,
    NEXT_NOT,
    NO_MATCH,
    ONLY_ASCII,
    PLACES,
    PROBE,
    PROBE_BYTE,
    REACHES,
    RUN,
    SECOND,
    SECOND_AT,
    SECOND_BYTE,
    SECOND_FOLD,
    SECOND_N,
    SECOND_NOT,
    SIZE,
    SKIPS,
    STACK,
    TARGET,
    TO_END,
    TO_LAST,
    TRY,
    UNSURE,
    WIDTH,
    WORD,
)  # fmt: skip

PATIENCE, PATIENCE_AT_LEAST, RESUMED = (
    32,
    8192,
    64,
)  # bytes looked at for each of the line; what taking up a choice costs


@inline
def class_64(data: Any, at: Any, program: Any, ranges: Any, n: Any, inverted: Any) -> Any:
    """Bit j: data[at + j] is in the class."""
    mask = np.uint64(0)
    for j in range(ranges, ranges + 2 * n, 2):
        mask |= between_64(data, at, np.uint8(program[j]), np.uint8(program[j + 1]))
    return mask ^ np.uint64(inverted)


@kernel(u8, long_, long_, i64c, long_, is_inner=True, is_pasted=True)
def run_end(data: Any, pos: Any, hi: Any, program: Any, op: Any) -> Any:
    """Where the run of the instruction's class that begins at `pos` ends."""
    ranges, n, inverted = program[op + CLASS_AT], program[op + CLASS_N], ~program[op + CLASS_NOT]
    at = pos
    while at < hi:
        stops = class_64(data, at, program, ranges, n, inverted)
        if stops:
            at += trailing_zeros(stops)
            break
        at += 64
    return min(at, hi)


@inline
def is_word(byte: Any) -> Any:
    """RE2's \\w."""
    return (byte >= 48 and byte < 58) or byte == 95 or ((byte | 32) >= 97 and (byte | 32) < 123)


@kernel(u8, long_, long_, i64c, long_, is_inner=True, is_pasted=True)
def first_place(data: Any, low: Any, high: Any, program: Any, op: Any) -> Any:
    """The first place from `low` to `high` (inclusive) where what is behind the gap can begin; high + 1 without one.

    With BACK the byte before it must be of the next instruction's class.
    """
    run, back, second = op + WIDTH, program[op + FLAGS] & BACK, program[op + SECOND_N]
    ranges, n, inverted = program[op + NEXT_AT], program[op + NEXT_N], program[op + NEXT_NOT]
    probe, byte = program[op + PROBE], np.uint8(program[op + PROBE_BYTE])
    at, found = low, high + 1
    while at <= high:
        places = class_64(data, at, program, ranges, n, inverted)
        if probe:
            places &= equal_64(data, at + probe, byte)
        if places and second:
            places &= class_64(data, at + 1, program, program[op + SECOND_AT], second, program[op + SECOND_NOT])
        if places and back:
            places &= class_64(
                data, at - 1, program, program[run + CLASS_AT], program[run + CLASS_N], program[run + CLASS_NOT]
            )
        if places:
            found = min(at + trailing_zeros(places), high + 1)
            break
        at += 64
    return found


@inline
def is_needle(data: Any, at: Any, program: Any) -> Any:
    """Whether the program's needle stands at `at`."""
    word = load_u64(data, at) | np.uint64(program[NEEDLE_FOLD])
    return (word ^ np.uint64(program[NEEDLE_WORD])) & np.uint64(program[NEEDLE_MASK]) == 0


@inline
def needles_64(data: Any, at: Any, program: Any) -> Any:
    """Bit j: the program's needle may stand at at + j."""
    first = folded_64(data, at + program[FIRST], np.uint8(program[FIRST_FOLD]), np.uint8(program[FIRST_BYTE]))
    return first & folded_64(data, at + program[SECOND], np.uint8(program[SECOND_FOLD]), np.uint8(program[SECOND_BYTE]))


@inline
def first_needle(data: Any, lo: Any, hi: Any, program: Any) -> Any:
    """The first place of the needle in data[lo:hi], or -1."""
    last = hi - program[NEEDLE]
    at, found = lo, np.int64(-1)
    while at <= last and found < 0:
        places = needles_64(data, at, program)
        while places:
            place = at + trailing_zeros(places)
            if place > last:
                break
            if is_needle(data, place, program):
                found = place
                break
            places &= places - np.uint64(1)
        at += 64
    return found


@inline
def is_ascii_line(data: Any, lo: Any, hi: Any) -> Any:
    """Whether no byte of data[lo:hi] is above 127."""
    good = True
    for at in range(lo, hi, 64):
        beyond = atleast_64(data, at, np.uint8(128))
        if beyond and at + trailing_zeros(beyond) < hi:
            good = False
            break
    return good


@kernel(u8, long_, long_, i64c, long_, is_inner=True, is_pasted=True)
def run_begin(data: Any, pos: Any, low: Any, program: Any, op: Any) -> Any:
    """Where the run of the instruction's class that ends at `pos` begins, not before `low`."""
    ranges, n, inverted = program[op + CLASS_AT], program[op + CLASS_N], ~program[op + CLASS_NOT]
    at = pos
    while at > low:
        stops = class_64(data, at - 64, program, ranges, n, inverted)
        if stops:
            at -= leading_zeros(stops)
            break
        at -= 64
    return max(at, low)


@kernel(u8, long_, long_, i64c, long_, is_inner=True, is_pasted=True)
def last_place(data: Any, low: Any, high: Any, program: Any, op: Any) -> Any:
    """The last place from `low` to `high` (inclusive) where what is behind the gap can begin; low - 1 without one."""
    ranges, n, inverted = program[op + NEXT_AT], program[op + NEXT_N], program[op + NEXT_NOT]
    probe, byte = program[op + PROBE], np.uint8(program[op + PROBE_BYTE])
    at, found = high, low - 1
    while at >= low:
        places = class_64(data, at - 63, program, ranges, n, inverted)
        if probe:
            places &= equal_64(data, at - 63 + probe, byte)
        if places:
            found = max(at - leading_zeros(places), low - 1)
            break
        at -= 64
    return found


@kernel(u8, long_, long_, long_, i64c, i64w, is_inner=True, is_pasted=True)
def match_line(data: Any, lo: Any, hi: Any, needle: Any, program: Any, state: Any) -> Any:
    """The first match in data[lo:hi]: MATCH, with its marks in `state` (PARTS words an instruction), NO_MATCH or UNSURE.

    Mark k is where instruction k began, -1 where it took no part. MARGIN bytes either side of the line can be read.
    `needle`: no needle stands before. The caller has looked whether the line must be, and is, ASCII. O(bytes), with PATIENCE.
    """
    n_ops = program[N_OPS]
    if n_ops == 0:
        return UNSURE
    places, reaches, stack = PLACES * n_ops, REACHES * n_ops, STACK * n_ops
    led = np.int64(0)  # where the first instruction's places begin
    if program[LEAD] >= 0:
        led = needle - program[LEAD]
    pos, k, depth = lo, np.int64(0), np.int64(0)
    left = PATIENCE * (hi - lo) + PATIENCE_AT_LEAST
    if program[LEAD] >= 0 and not program[HEAD + FLAGS] & BACK:  # the gap's first place is known
        if led > hi - program[HEAD + NEED]:
            return NO_MATCH
        state[0], state[reaches], state[places], state[stack] = lo, hi, led, 0
        pos, k, depth = led, np.int64(1), np.int64(1)
    while True:
        op = HEAD + k * WIDTH
        kind = program[op]
        state[k] = pos
        good = True
        if kind == RUN:
            end = run_end(data, pos, min(hi, pos + program[op + MOST]), program, op)
            state[reaches + k] = end
            if end - pos < program[op + LEAST]:
                good = False
            else:
                checked = program[op + CHECKED]
                if checked:
                    for at in range(pos, min(end, pos + checked)):
                        if data[at] > 127:
                            return UNSURE
                pos = end
                k += 1
        elif kind == LITERAL:
            size = program[op + SIZE]
            word = load_u64(data, pos) | np.uint64(program[op + FOLD])
            if pos + size <= hi and not (word ^ np.uint64(program[op + WORD])) & np.uint64(program[op + MASK]):
                pos += size
                k += 1
            else:
                good = False
        elif kind == GAP:
            flags, need = program[op + FLAGS], program[op + NEED]
            reach = hi
            if program[op + CLASS_N]:
                reach = run_end(data, pos, hi, program, op)
            left -= reach - pos
            low, high = pos + program[op + LEAST], min(reach, hi - need)
            if flags & BACK:
                low += 1
            if k == 0:
                low = max(low, led)
            is_open = (flags & TO_END) != 0 and reach == hi and low <= hi
            if flags & TO_LAST:
                at = last_place(data, low, high, program, op) if not is_open else hi
                good = at >= low
            else:
                at = first_place(data, low, high, program, op)
                good = at <= high
                if not good and is_open:
                    at, good = hi, True
            state[reaches + k] = reach
            state[places + k] = at
            if good:
                state[stack + depth] = k
                depth += 1
                if flags & BACK:
                    k += 1
                    state[k] = run_begin(data, at, pos, program, op + WIDTH)
                    good = at - state[k] >= program[op + WIDTH + LEAST]
                pos = at
                k += 1
        elif kind == TRY:
            for j in range(program[op + FORGET_FROM], program[op + FORGET_TO]):
                state[j] = -1
            state[stack + depth] = k
            depth += 1
            k += 1
        elif kind == JUMP:
            k = program[op + TARGET]
        elif kind == END:
            good = pos == hi
            k += 1
        elif kind == EDGE:
            before, behind = False, False
            if pos > lo:
                before = is_word(data[pos - 1])
            if pos < hi:
                behind = is_word(data[pos])
            good = before != behind
            k += 1
        else:
            return MATCH
        while not good:  # take up the latest choice
            if depth == 0:
                return NO_MATCH
            k = state[stack + depth - 1]
            op = HEAD + k * WIDTH
            begun = state[k]
            is_try = program[op] == TRY
            left -= RESUMED + max(pos - (begun if is_try else state[places + k]), 0)
            if left < 0:
                return UNSURE
            if is_try:
                for j in range(program[op + FORGET_FROM], program[op + FORGET_TO]):
                    state[j] = -1
                depth -= 1
                pos = begun
                k = program[op + TARGET]
                break
            flags, need, reach, at = program[op + FLAGS], program[op + NEED], state[reaches + k], state[places + k]
            low, high = begun + program[op + LEAST], min(reach, hi - need)
            if flags & TO_LAST:
                at = last_place(data, low, min(at - 1, high), program, op)
                good = at >= low
            else:
                behind = at + 1
                if flags & SKIPS:
                    behind = max(behind, state[reaches + k + 1])
                if at < hi:
                    at = first_place(data, behind, high, program, op)
                    good = at <= high
                    if not good and flags & TO_END and reach == hi:
                        at, good = hi, True
            if good:
                state[places + k] = at
                if flags & BACK:
                    k += 1
                    state[k] = run_begin(data, at, begun, program, op + WIDTH)
                    good = at - state[k] >= program[op + WIDTH + LEAST]
                pos = at
                k += 1
            else:
                depth -= 1
    return UNSURE


@kernel(u8, i32, i32, i64c, i64w, u8w, i32w, i32w, u8w)
def match_rows(
    data: Any, start: Any, length: Any, program: Any, state: Any, spare: Any, starts: Any, lengths: Any, status: Any
) -> Any:
    """Spans of the program's groups in each row (length -1: null, no match) and the row's status. Returns how many are UNSURE.

    Group j of row i is at starts[j * rows + i], as bytes of `data`; length -1 where it took no part. A row that has no
    MARGIN is copied to `spare`, or UNSURE if it does not fit.
    """
    n, groups = start.size, program[GROUPS_AT]
    n_groups = starts.size // max(n, 1)
    room = spare.size - 2 * MARGIN
    searched, ascii = program[NEEDLE], program[ONLY_ASCII]
    unsure = 0
    for i in range(n):
        size, lo = np.int64(length[i]), np.int64(start[i])
        found, text, moved = NO_MATCH, data, np.int64(0)
        if size >= 0:
            if lo < MARGIN or lo + size + MARGIN > data.size:
                if size > room:
                    found = UNSURE
                else:
                    for j in range(size):
                        spare[MARGIN + j] = data[lo + j]
                    text, moved = spare, lo - MARGIN
                    lo = np.int64(MARGIN)
            if found == NO_MATCH:
                hi, needle = lo + size, lo
                if searched:
                    needle = first_needle(text, lo, hi, program)
                if needle >= 0:
                    if ascii and not is_ascii_line(text, lo, hi):
                        found = UNSURE
                    else:
                        found = match_line(text, lo, hi, needle, program, state)
        status[i] = found
        unsure += found == UNSURE
        for j in range(n_groups):
            place = j * n + i
            starts[place], lengths[place] = 0, -1
            if found == MATCH:
                begin, end = state[program[groups + 2 * j]], state[program[groups + 2 * j + 1]]
                if begin >= 0:
                    starts[place], lengths[place] = begin + moved, end - begin
    return unsure
