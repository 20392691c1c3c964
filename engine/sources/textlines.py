"""Bytes to lines: newlines found, CR cut off, text made valid UTF-8."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.records import dataclass
from ..arrow import buffer_of, bytes_of
from ..batch import PAD, Spans
from ..context import Context

REPLACEMENT = "\ufffd".encode()


@dataclass(frozen=True, slots=True)
class Lines:
    """`bad`: the lines in which bytes were replaced; None if there are none."""

    text: Spans
    bad: NDArray[np.bool_] | None = None
    raw: Spans | None = None  # the same lines before that


def lines_of(buffer: pa.Buffer, begin: int, end: int, ctx: Context) -> Lines:
    """The lines in buffer[begin:end], which ends with a newline or is empty; PAD bytes lie on either side."""
    data = bytes_of(buffer)
    if end <= begin:
        empty = np.empty(0, np.int32)
        return Lines(Spans(buffer, data, empty, empty))
    if _is_ascii(data, begin, end, ctx) or _is_utf8(data, begin, end):
        return Lines(Spans(buffer, data, *_cut(data, begin, end, ctx)))
    raw_start, raw_length = _cut(data, begin, end, ctx)
    fixed, size = repaired(data[begin:end].tobytes())
    text = bytes_of(fixed)
    start, length = _cut(text, PAD, PAD + size, ctx)
    bad = _replaced(text, start, length) != _replaced(data, raw_start, raw_length)
    return Lines(Spans(fixed, text, start, length), bad, Spans(buffer, data, raw_start, raw_length))


def _is_ascii(data: NDArray[np.uint8], begin: int, end: int, ctx: Context) -> bool:
    if ctx.compiled:
        from ..kernels import scan

        return bool(scan.is_ascii(data, begin, end))
    return bool(data[begin:end].max() < 128)


def _is_utf8(data: NDArray[np.uint8], begin: int, end: int) -> bool:
    offsets = buffer_of(np.array([begin, end], np.int32))
    whole: Any = pa.Array.from_buffers(pa.string(), 1, [None, offsets, buffer_of(data)])
    try:
        whole.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _cut(data: NDArray[np.uint8], begin: int, end: int, ctx: Context) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Start and length of each line; a CR before the LF is not part of it."""
    if ctx.compiled:
        from ..kernels import scan

        guess = 2 + (end - begin) // 64 + 64
        while (n := scan.line_ends(data, begin, end, ends := ctx.scratch("line_ends", guess, np.int32))) < 0:
            guess *= 4
        start, length = np.empty(n, np.int32), np.empty(n, np.int32)
        scan.cut_lines(data, begin, ends, n, start, length)
        return start, length
    stops = (np.flatnonzero(data[begin:end] == 10) + begin).astype(np.int32)
    start = np.empty(len(stops), np.int32)
    start[0], start[1:] = begin, stops[:-1] + 1
    length = stops - start
    length -= (length > 0) & (data[stops - 1] == 13)
    return start, length


def newlines(data: NDArray[np.uint8], begin: int, end: int, compiled: bool) -> NDArray[np.int64]:
    """Where newlines stand in data[begin:end]."""
    if not compiled:
        return np.flatnonzero(data[begin:end] == 10) + begin
    from ..kernels import scan

    guess = 128 + (end - begin) // 64
    while (n := scan.line_ends(data, begin, end, ends := np.empty(guess, np.int32))) < 0:
        guess *= 4
    return ends[:n].astype(np.int64)


def find_newline(data: NDArray[np.uint8], begin: int, end: int) -> int:
    """First newline in data[begin:end], looking a little way at a time; -1 if there is none."""
    step = 512
    while begin < end:
        hits = np.flatnonzero(data[begin : min(begin + step, end)] == 10)
        if len(hits):
            return begin + int(hits[0])
        begin += step
        step *= 8
    return -1


def repaired(raw: bytes) -> tuple[pa.Buffer, int]:
    """The same lines as valid UTF-8, U+FFFD in place of what is not, in a padded buffer; and how many bytes."""
    good = raw.decode("utf-8", "replace").encode()
    fixed = pa.allocate_buffer(len(good) + 2 * PAD)
    bytes_of(fixed)[PAD : PAD + len(good)] = np.frombuffer(good, np.uint8)
    return fixed, len(good)


def _replaced(data: NDArray[np.uint8], start: NDArray[np.int32], length: NDArray[np.int32]) -> NDArray[np.int64]:
    """How many U+FFFD each line holds."""
    first = np.flatnonzero(data[:-2] == REPLACEMENT[0])
    hits = first[(data[first + 1] == REPLACEMENT[1]) & (data[first + 2] == REPLACEMENT[2])]
    return np.searchsorted(hits, start + length) - np.searchsorted(hits, start)
