"""A stretch of a text file in one call: read, cut into lines, checked, words captured and made numbers of.

Only what the query keeps is copied out of the buffer. What a call is not sure of it leaves to the general path: a row at a
time where a match is not certain, from the line on where a text is no valid UTF-8 or too long.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import (
    atleast_64,
    equal_64,
    folded_64,
    i32w,
    i64c,
    i64w,
    kernel,
    load_u64,
    long_,
    prefetch,
    prefetch_far,
    trailing_zeros,
    u8w,
)
from .rawread import (
    AT,
    BAD_TEXT,
    DONE,
    END,
    FROM,
    FULL,
    GO_ON,
    GROW,
    HIGH,
    N_BAD,
    N_GROUPED,
    N_LINES,
    N_MATCHED,
    N_ROWS,
    N_UNMATCHED,
    N_UNREAD,
    PAD,
    POS,
    SEEN,
    SKIPS,
    STOPPED,
    TO,
    USED,
    ahead_of,
    find_first_line,
    put,
    refill,
)
from .regexcode import (
    FIRST,
    FIRST_BYTE,
    FIRST_FOLD,
    MATCH,
    NEEDLE,
    NEEDLE_FOLD,
    NEEDLE_MASK,
    NEEDLE_WORD,
    NO_MATCH,
    ONLY_ASCII,
    SECOND,
    SECOND_BYTE,
    SECOND_FOLD,
    UNSURE,
)  # fmt: skip
from .regexspans import is_ascii_line, match_line
from .scangroups import FIRST as KEY_FIRST
from .scangroups import HASH, KEY, LONGEST, NUMBERS, UNMATCHED, add_rows
from .scangroups import SECOND as KEY_SECOND
from .spans import signed_number
from .textkeys import mix, text_key
from .utf8 import is_utf8
from .words import DONE as WORDS_DONE
from .words import UNSURE as WORDS_UNSURE
from .words import word_ends

READ, NULL, UNREAD = 0, 1, 2  # of a number, as kernels.spans has it
SAMPLES = 3  # lines of a call that do not match are put out, as notes show them: of the others it is known that they are there
REACH = 7  # bytes in front of what was read that may begin a needle
END_MARK = 2**31 - 1
KEEPS, DROPS = 1, 2  # what is wanted
LINES_AHEAD = 6  # lines whose ends are asked for before they are looked at, as the second cache has them


@kernel(u8w, long_, long_, i64c, i32w, i32w, is_inner=True)
def index_lines(buf: Any, begin: Any, end: Any, program: Any, newlines: Any, needles: Any) -> Any:
    """Places of the newlines in buf[begin:end] and of the program's needles, behind the last one END_MARK.

    Returns twice the number of newlines, plus 1 if there are bytes above 127. Needles may reach beyond `end`, so the last of them
    are to be taken for possible ones. Blocks begin where the memory's do, which spares loads that lie across two of them; so the
    second byte of a needle looks back for the first.
    """
    searched, first, second = np.int64(0), np.int64(0), np.int64(0)
    first_fold, first_byte, second_fold, second_byte = np.uint8(0), np.uint8(0), np.uint8(0), np.uint8(0)
    fold, word, mask = np.uint64(0), np.uint64(0), np.uint64(0)
    if program.size:
        searched, first, second = program[NEEDLE], program[FIRST], program[SECOND]
        first_fold, first_byte = np.uint8(program[FIRST_FOLD]), np.uint8(program[FIRST_BYTE])
        second_fold, second_byte = np.uint8(program[SECOND_FOLD]), np.uint8(program[SECOND_BYTE])
        fold, word = np.uint64(program[NEEDLE_FOLD]), np.uint64(program[NEEDLE_WORD])
        mask = np.uint64(program[NEEDLE_MASK])
    apart = np.uint64(second - first)
    high, before = np.uint64(0), np.uint64(0)
    n_lines, n_needles = np.int64(0), np.int64(0)
    shift = (np.int64(buf.ctypes.data) + begin) & 63
    keep = ~np.uint64(0) << np.uint64(shift)
    for block in range(begin - shift, end, 64):
        hits = equal_64(buf, block, np.uint8(10))
        beyond = atleast_64(buf, block, np.uint8(128))
        if end - block < 64:
            keep &= (np.uint64(1) << np.uint64(end - block)) - np.uint64(1)
        high |= beyond & keep
        hits &= keep
        while hits:
            newlines[n_lines] = block + trailing_zeros(hits)
            n_lines += 1
            hits &= hits - np.uint64(1)
        if searched:
            firsts = folded_64(buf, block, first_fold, first_byte) & keep
            places = folded_64(buf, block, second_fold, second_byte) & keep
            places &= (firsts << apart) | ((before >> np.uint64(1)) >> (np.uint64(63) - apart))
            before = firsts
            while places:
                place = block + trailing_zeros(places) - second
                needles[n_needles] = place
                n_needles += np.int64(((load_u64(buf, place) | fold) ^ word) & mask == 0)
                places &= places - np.uint64(1)
        keep = ~np.uint64(0)
    needles[n_needles] = END_MARK
    return 2 * n_lines + np.int64(high != 0)


@kernel(
    long_, long_, u8w, i32w, i32w, i64w, i64c, i64w, i64c, i64c, long_, u8w, i32w, i32w, i32w, i32w, i32w, u8w, i64w, u8w, i32w,
    i64w, i64w, i64w, u8w,
)  # fmt: skip
def scan_captures(
    read: Any, fd: Any, buf: Any, newlines: Any, needles: Any, state: Any, program: Any, marks: Any, ends: Any,
    as_number: Any, wants: Any, text: Any, line: Any, line_start: Any, line_length: Any, starts: Any, lengths: Any,
    status: Any, numbers: Any, number_status: Any, bad: Any, cells: Any, held: Any, waiting: Any, stop: Any,
) -> Any:  # fmt: skip
    """Rows of the stretch from where `state` stands: captures as places in `text`, some read as whole numbers, too.

    `program`: see regexspans; empty: the first and the last word (marks 0, 1 and 2, 3). Group j lies between the marks
    ends[2 * j] and ends[2 * j + 1]. Of row i it lies at j * rows + i, with as many rows as `status` has room for; its number, if
    as_number[j] is not -1, at as_number[j] * rows + i. A line is put out with KEEPS in `wants`, where it is not certain whether it
    matches, and where it does not and is among the first (the others are empty, and with DROPS no rows at all). Rows whose line is
    no valid UTF-8 go into `bad`, while that has room: whether they match is not certain. If `line` has room, it says which line each
    row is; it has to where not all lines are rows.

    If `waiting` has room a row that certainly matches, has all groups, all numbers and a short key is not put
    out: it is grouped and added up in `cells` and `held` (see scangroups). One that certainly does not match is counted there where
    it is a row and not among the first. GROW: call again with more cells, and `state` as it is.

    `text` has (2 + groups) * ROOM bytes at least; `newlines` and `needles` are space, ROOM each.
    """
    if state[SKIPS]:
        code = find_first_line(read, fd, buf, state, stop)
        if code != GO_ON:
            return code
    at, end, rows, used, lines = state[AT], state[END], state[N_ROWS], state[USED], state[N_LINES]
    n_groups, capacity, room = as_number.size, status.size, text.size - PAD
    keeps, drops = (wants & KEEPS) != 0, (wants & DROPS) != 0
    code, unmatched, unread, n_bad = np.int64(GO_ON), state[N_UNMATCHED], state[N_UNREAD], state[N_BAD]
    n_waiting, grouped, matched, width = state[TO], state[N_GROUPED], state[N_MATCHED], np.int64(NUMBERS)
    for j in range(n_groups):
        width += as_number[j] >= 0
    key, most = held[KEY], waiting.size // width
    searched, ascii, unsaid = np.int64(0), np.int64(0), np.int64(SAMPLES)
    if program.size:
        searched, ascii = program[NEEDLE], program[ONLY_ASCII]
    needle = np.int64(-1)  # the first in the line that has begun
    was_high, begin = np.int64(0), at
    while True:
        last_line = end - state[POS] + state[HIGH]  # lines that begin here or behind are others'
        told = index_lines(buf, begin, end, program, newlines, needles) if begin < end else np.int64(0)
        n_lines, is_high = told >> 1, was_high | (told & 1)
        was_high = (told & 1) | (was_high if n_lines == 0 else np.int64(0))
        if begin >= end:
            needles[0] = END_MARK
        next_, ahead = np.int64(0), ahead_of(state)
        for k in range(n_lines):
            newline = np.int64(newlines[k])
            if at >= last_line:
                code = np.int64(DONE)
                break
            if k + LINES_AHEAD < n_lines:
                later = np.int64(newlines[k + LINES_AHEAD])
                prefetch(buf, later - 16)
                prefetch(buf, later + 16)
            if ahead != 0:
                for byte in range(at, newline, 64):
                    prefetch_far(ahead + byte)
            if searched and needle < 0:
                while needles[next_] < at:
                    next_ += 1
                if needles[next_] < newline:
                    needle = np.int64(needles[next_])
            is_high_line, is_bad = False, False
            if is_high:
                is_high_line = not is_ascii_line(buf, at, newline)
                is_bad = is_high_line and not is_utf8(buf, at, newline)
                if is_bad and n_bad >= bad.size:
                    code = np.int64(BAD_TEXT)
                    break
            is_no_match = searched > 0 and needle < 0 and not is_bad
            if is_no_match and drops and unsaid <= 0:
                lines += 1
                at = newline + 1
                continue
            if rows >= capacity or used + (1 + n_groups) * (newline - at) + (2 + n_groups) * 16 > room:
                code = np.int64(FULL)
                break
            if most and n_waiting == most:
                code = np.int64(GROW)
                break
            stop_at = newline
            if newline > at and buf[newline - 1] == 13:
                stop_at -= 1
            kind = NO_MATCH
            if is_bad:
                kind = UNSURE
                bad[n_bad] = rows
                n_bad += 1
            elif program.size == 0:
                ended, front, back = word_ends(buf, at, stop_at)
                kind = MATCH if ended == WORDS_DONE else UNSURE if ended == WORDS_UNSURE else NO_MATCH
                marks[0], marks[1], marks[2], marks[3] = at, front, back, stop_at
            elif not is_no_match:
                if ascii and is_high_line:  # noqa: SIM108
                    kind = UNSURE
                else:
                    kind = match_line(buf, at, stop_at, needle, program, marks)
            needle = np.int64(-1)
            lines += 1
            if kind == NO_MATCH:
                if drops and unsaid <= 0:
                    at = newline + 1
                    continue
                unsaid -= 1
            is_grouped: Any = most > 0 and (kind == MATCH or (kind == NO_MATCH and unsaid < 0))
            row, place = np.uint64(rows), np.uint64(rows)
            key_at, key_size, misread = at, np.int64(0), np.int64(0)
            for j in range(n_groups):
                begun = marks[ends[2 * j]] if kind == MATCH else np.int64(-1)
                size = marks[ends[2 * j + 1]] - begun if begun >= 0 else np.int64(-1)
                starts[place], lengths[place] = begun, size
                is_grouped = is_grouped and (size >= 0 or kind == NO_MATCH)
                if as_number[j] >= 0:
                    cell = np.uint64(as_number[j] * capacity + rows)
                    value, good = signed_number(buf, begun, size)
                    numbers[cell], number_status[cell] = value, READ if good else NULL if size < 0 else UNREAD
                    misread += not good and size >= 0
                if j == key:
                    key_at, key_size = begun, size
                place += np.uint64(capacity)
            if is_grouped and misread == 0 and key_size <= LONGEST:
                if kind == MATCH:
                    word0, word1 = text_key(buf, key_at, key_size)
                    slot = n_waiting * width
                    waiting[slot + KEY_FIRST], waiting[slot + KEY_SECOND] = np.int64(word0), np.int64(word1)
                    waiting[slot + HASH] = np.int64(mix(word0, word1))
                    for j in range(width - NUMBERS):
                        waiting[slot + NUMBERS + j] = numbers[j * capacity + rows]
                    n_waiting += 1
                    matched += 1
                else:
                    held[UNMATCHED] += 1
                grouped += 1
                at = newline + 1
                continue
            status[row] = kind
            if line.size:
                line[row] = lines - 1
            shift = used - at
            line_start[row], line_length[row] = used, -1 if kind == MATCH else 0
            if keeps or kind == UNSURE or (kind == NO_MATCH and unsaid >= 0):
                line_length[row] = stop_at - at
                used = put(text, used, buf, at, stop_at - at)
            place = row
            for _j in range(n_groups):
                begun, size = np.int64(starts[place]), np.int64(lengths[place])
                starts[place] = begun + shift if keeps and size > 0 else used
                if size > 0 and not keeps:
                    used = put(text, used, buf, begun, size)
                place += np.uint64(capacity)
            unread += misread
            unmatched += kind != MATCH
            rows += 1
            at = newline + 1
        state[TO], state[N_GROUPED], state[N_MATCHED] = n_waiting, grouped, matched
        if code == GO_ON and searched and needle < 0:  # of the line that has begun
            while needles[next_] < at:
                next_ += 1
            if needles[next_] < END_MARK:
                needle = np.int64(needles[next_])
        state[AT], state[N_ROWS], state[USED], state[N_LINES] = at, rows, used, lines
        state[N_UNMATCHED], state[N_UNREAD], state[N_BAD] = unmatched, unread, n_bad
        before = at
        if code == GO_ON:
            code = np.int64(STOPPED) if stop[0] else refill(read, fd, buf, state)
        if code != GO_ON:
            if n_waiting and code != STOPPED:
                state[FROM] = add_rows(cells, held, waiting, width, state[FROM], n_waiting)
                if state[FROM] < n_waiting:
                    return GROW
                state[FROM], state[TO], n_waiting = 0, 0, np.int64(0)
            if code != GROW:
                return code
            needle, was_high, begin, code = np.int64(-1), np.int64(0), at, np.int64(GO_ON)  # on with the same piece
            continue
        at, end = state[AT], state[END]
        begin = max(at, state[SEEN] - REACH)
        if needle >= 0:
            needle -= before - at
