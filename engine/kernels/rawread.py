"""Stretches of a text file, read piece by piece into a small buffer that stays in the processor's cache.

`state` says where the reading stands; a kernel that scans goes on where it stopped. The buffer has PAD readable bytes
before and behind what lies in it.

While a piece is looked through the processor is asked to fetch the next one, so that the system's copy finds it in the cache, where it
would wait for the memory. What it is asked for has to have an address: the file is mapped, too. Nothing is ever read through that map, so a
file that is cut off ends nothing; a fetch of what is not there is no fetch.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import (
    advise,
    atleast_64,
    copy_16,
    equal_64,
    i64w,
    inline,
    kernel,
    leading_zeros,
    long_,
    move_bytes,
    read_file,
    trailing_zeros,
    u8,
    u8w,
)
from .utf8 import is_utf8

PAD = 64
PIECE = 192 << 10  # bytes read at a time
TAIL = 4 << 10  # ... at first behind the end of the stretch, for its last line
ROOM = 2 * PIECE + 4 * PAD  # of the buffer: a line that has begun, and a piece
SPACE = ROOM + 2 * 4 * ROOM  # ... and two words for each of its bytes, where places are noted
# how a call ended: nothing is left; no room for more rows; a line longer than the buffer takes; the next line is no valid
# UTF-8; the file cannot be read; the stop byte is set; a text that is too hard to search for; a table of groups must grow
GO_ON, DONE, FULL, LONG_LINE, BAD_TEXT, FAILED, STOPPED, TOO_HARD, GROW = -1, 0, 1, 2, 3, 4, 5, 6, 7
# fields of `state`: place in the file of the next byte to read, the first that is no more of the stretch, and the end of the file;
# in the buffer the next line, the end of what was read, and of what was looked at; whether the first line is still sought;
# lines before the next one; rows and bytes put out; rows without a certain match, without a number, and that are no valid UTF-8;
# rows that were grouped, and of these those that match; rows that wait to be grouped: from, to
# where the file's first byte would be mapped (0: nothing is), from where to where in the file, up to where it has pages, and the
# address of `madvise`
POS, HIGH, SIZE, AT, END, SEEN, SKIPS, N_LINES, N_ROWS, USED, N_UNMATCHED, N_UNREAD, N_BAD = range(13)
N_GROUPED, N_MATCHED, FROM, TO, MAP, MAP_LOW, MAP_END, MAP_SEEN, MADVISE, N_STATE = range(13, 23)
COUNTS = (N_LINES, N_ROWS, N_UNMATCHED, N_UNREAD, N_BAD, N_GROUPED, N_MATCHED)  # of a call


WINDOW = 2 << 20  # bytes of the map that have pages at a time; it begins at a multiple of these
OLDEST = 2 * WINDOW
DONT_NEED, POPULATE_READ = 4, 22


@kernel(i64w, is_inner=True)
def look_ahead(state: Any) -> Any:
    """Gives the map pages as far as the next piece, and takes those from it that lie behind."""
    until = min(state[POS] + PIECE, state[MAP_END])
    while state[MAP] != 0 and state[MAP_SEEN] < until:
        begin = state[MAP_SEEN]
        end = min((begin | (WINDOW - 1)) + 1, state[MAP_END])
        if advise(state[MADVISE], state[MAP] + begin, end - begin, POPULATE_READ):
            state[MAP] = 0  # the system does not know how
            return 0
        if begin >= state[MAP_LOW] + OLDEST:
            advise(state[MADVISE], state[MAP] + begin - OLDEST, WINDOW, DONT_NEED)
        state[MAP_SEEN] = end
    return until - state[POS]


@inline
def ahead_of(state: Any) -> Any:
    """What a place in the buffer and this are the address of: the byte that stands there when the next piece is read."""
    return state[MAP] + state[POS] - state[SEEN] if state[MAP] != 0 else np.int64(0)


@kernel(long_, long_, u8w, i64w, is_inner=True)
def refill(read: Any, fd: Any, buf: Any, state: Any) -> Any:
    """Moves the line that has begun to the front and reads a piece behind it; GO_ON, or how the stretch ended."""
    at, end = state[AT], state[END]
    if state[POS] - (end - at) >= state[HIGH]:
        return DONE
    left = state[SIZE] - state[POS]
    if left <= 0:
        if at >= end:
            return DONE
        buf[end] = np.uint8(10)  # the last line has no newline of its own
        state[SEEN] = end
        state[END] = end + 1
        state[POS] += 1
        state[SIZE] += 1
        return GO_ON
    if end - at > PIECE:
        return LONG_LINE
    if at > PAD:
        move_bytes(buf, PAD, buf, at, end - at)
        end -= at - PAD
        state[AT] = PAD
    want = min(min(max(state[HIGH] - state[POS], 0) + TAIL, PIECE), left)
    got = read_file(read, fd, buf, end, want, state[POS])
    if got < 0:
        return FAILED
    if got == 0:  # shorter than it was
        state[SIZE] = state[POS]
    state[SEEN] = end
    state[END] = end + got
    state[POS] += got
    look_ahead(state)
    return GO_ON


@kernel(u8, long_, long_, is_inner=True)
def newline_in(data: Any, at: Any, end: Any) -> Any:
    """The first newline in data[at:end]; -1 if there is none."""
    while at < end:
        hits = equal_64(data, at, np.uint8(10))
        if hits:
            place = at + trailing_zeros(hits)
            return place if place < end else -1
        at += 64
    return -1


@kernel(u8, long_, long_, is_inner=True)
def last_newline_in(data: Any, at: Any, end: Any) -> Any:
    while end > at:
        hits = equal_64(data, end - 64, np.uint8(10))
        if hits:
            place = end - 1 - leading_zeros(hits)
            return place if place >= at else -1
        end -= 64
    return -1


@kernel(long_, long_, u8w, i64w, u8, is_inner=True)
def find_first_line(read: Any, fd: Any, buf: Any, state: Any, stop: Any) -> Any:
    """To the first line that begins in the stretch: behind the first newline, from the byte before the stretch on."""
    while True:
        if stop[0]:
            return STOPPED
        code = refill(read, fd, buf, state)
        if code != GO_ON:
            return code
        place = newline_in(buf, state[SEEN], state[END])
        if place >= 0:
            state[AT], state[SEEN], state[SKIPS] = place + 1, place + 1, 0
            return GO_ON
        state[AT] = state[END]


@kernel(u8, long_, long_, is_inner=True)
def bad_line(data: Any, begin: Any, end: Any) -> Any:
    """Where the first line of data[begin:end] begins that is no valid UTF-8; -1 if all are. The last byte is a newline."""
    at = begin
    while at < end:
        high = atleast_64(data, at, np.uint8(128))
        if high == 0:
            at += 64
            continue
        at += trailing_zeros(high)
        if at >= end:
            return -1
        stop = newline_in(data, at, end)
        if not is_utf8(data, at, stop):
            while at > begin and data[at - 1] != 10:
                at -= 1
            return at
        at = stop + 1
    return -1


@inline
def put(out: Any, used: Any, data: Any, at: Any, size: Any) -> Any:
    """Copies 16 bytes at a time; `out` has room for 16 more."""
    done = np.int64(0)
    while done < size:
        copy_16(out, used + done, data, at + done)
        done += 16
    return used + size
