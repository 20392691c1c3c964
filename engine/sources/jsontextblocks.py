"""Where JSON records begin and end: lines of a file, or the elements of one array."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.records import dataclass
from ...planner.text import QueryError
from ..arrow import bytes_of
from ..batch import PAD, Spans
from .files import is_utf8, padded
from .quarantine import Raw, raw_of
from .textlines import newlines

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
BLANKS = b" \t\r\n"
LF, CR, QUOTE, BACKSLASH = 10, 13, 34, 92
DEEPEST = 400  # deeper records are read by Python, whose parser minds its stack


@dataclass(slots=True)
class Records:
    """Records of a block: data[start[i]:stop[i]]; between them are only blanks."""

    buffer: pa.Buffer
    data: NDArray[np.uint8]
    start: Ints
    stop: Ints
    line: Ints  # of each record, counted from the block's first
    n_lines: int
    consumed: int
    bad: Mask | None = None  # bytes that are no UTF-8 were replaced
    before: tuple[NDArray[np.uint8], Ints, Ints] | None = None  # data, start and stop before that

    def __len__(self) -> int:
        return len(self.start)

    def slice(self, begin: int, end: int) -> Records:
        bad = None if self.bad is None else self.bad[begin:end]
        part = slice(begin, end)
        return Records(
            self.buffer, self.data, self.start[part], self.stop[part], self.line[part], self.n_lines, self.consumed, bad,
            None if self.before is None else (self.before[0], self.before[1][part], self.before[2][part]),
        )  # fmt: skip

    def spans(self) -> Spans:
        return Spans(self.buffer, self.data, self.start.astype(np.int32), (self.stop - self.start).astype(np.int32))

    def bytes_at(self, base: int | None) -> Callable[[NDArray[Any]], Raw]:
        """Gives records as they lie in the file. `base`: its offset of the first byte of the buffer; None: not known."""
        data, start, stop = self.before or (self.data, self.start, self.stop)
        return lambda rows: raw_of(data, start[rows], stop[rows], base)

    def text(self, i: int) -> bytes:
        return self.data[self.start[i] : self.stop[i]].tobytes()


def lines(
    buffer: pa.Buffer, data: NDArray[np.uint8], begin: int, end: int, *, final: bool, compiled: bool = False
) -> Records:
    """The lines of data[begin:end] that are not blank; with `final` the last one needs no line end."""
    stops = newlines(data, begin, end, compiled)
    consumed = int(stops[-1]) + 1 if len(stops) else begin
    if final and consumed < end:
        stops, consumed = np.append(stops, end), end
    start = np.empty(len(stops), np.int64)
    if len(stops):
        start[0], start[1:] = begin, stops[:-1] + 1
    stop = stops - ((stops > start) & (data[np.maximum(stops - 1, begin)] == CR))
    line = np.arange(len(stops))
    suspects = np.flatnonzero((stop == start) | (data[np.minimum(start, end - 1 if end > begin else begin)] <= 32))
    if len(suspects):
        blank = np.zeros(len(start), np.bool_)
        for i in suspects.tolist():
            blank[i] = bool((data[start[i] : stop[i]] <= 32).all())
        start, stop, line = start[~blank], stop[~blank], line[~blank]
    return repair(Records(buffer, data, start, stop, line, len(stops), consumed), begin)


def repair(records: Records, begin: int) -> Records:
    """The same records as valid UTF-8."""
    data, end = records.data, records.consumed
    if is_utf8(data, begin, end):
        return records
    parts, sizes, bad = [], [], []
    for i in range(len(records)):
        raw = records.text(i)
        good = raw.decode("utf-8", "replace").encode()
        parts.append(good)
        sizes.append(len(good) + 1)
        bad.append(good != raw)
    buffer, fixed = padded(b"\n".join(parts))
    stops = np.cumsum(np.array(sizes, np.int64)) - 1 + PAD
    start = np.concatenate([[PAD], stops[:-1] + 1]).astype(np.int64) if len(parts) else np.zeros(0, np.int64)
    return Records(
        buffer, fixed, start, stops, records.line, records.n_lines, records.consumed, np.array(bad, np.bool_),
        (data, records.start, records.stop),
    )  # fmt: skip


def brackets(data: NDArray[np.uint8], begin: int, end: int) -> tuple[Ints, Ints, NDArray[np.uint8]]:
    """Brackets and commas outside of strings: their places, the depth behind each, and what they are. `begin` is outside."""
    part = data[begin:end]
    quotes = np.flatnonzero(part == QUOTE)
    slashes = np.flatnonzero(part == BACKSLASH)
    if len(slashes) and len(quotes):
        # a quote behind an odd run of backslashes is escaped
        runs = np.flatnonzero(np.diff(slashes, prepend=-2) != 1)
        run_start, run_end = slashes[runs], np.append(slashes[runs[1:] - 1], slashes[-1]) + 1
        at = np.searchsorted(run_end, quotes)
        near = np.minimum(at, len(run_end) - 1)
        touching = (at < len(run_end)) & (run_end[near] == quotes)
        odd = touching & ((run_end[near] - run_start[near]) % 2 == 1)
        quotes = quotes[~odd]
    marks = np.flatnonzero(
        (part == ord("{")) | (part == ord("}")) | (part == ord("[")) | (part == ord("]")) | (part == ord(","))
    )
    if len(quotes):
        marks = marks[(np.searchsorted(quotes, marks) & 1) == 0]
    kind = part[marks]
    step = ((kind == ord("{")) | (kind == ord("["))).astype(np.int64) - ((kind == ord("}")) | (kind == ord("]")))
    return marks + begin, np.cumsum(step), kind


def are_objects(records: Records) -> bool:
    """Whether each record begins and ends as an object does. Arrow ends the process on a leading `null`, takes later
    ones for rows, and would read an object that stands on two lines."""
    data, start, last = records.data, records.start, records.stop - 1
    if bool((data[start] == ord("{")).all() and (data[last] == ord("}")).all()):
        return True
    edges = ((data[s : e + 1].tobytes().strip(BLANKS)) for s, e in zip(start.tolist(), last.tolist(), strict=True))
    return all(text[:1] == b"{" and text[-1:] == b"}" for text in edges)


def too_deep(records: Records) -> Mask:
    """Records nested deeper than a parser with a stack should see. Exact, and looked at only where brackets abound."""
    out = np.zeros(len(records), np.bool_)
    if not len(records):
        return out
    low, high = int(records.start[0]), int(records.stop[-1])
    opens = np.flatnonzero((records.data[low:high] == ord("[")) | (records.data[low:high] == ord("{"))) + low
    counts = np.searchsorted(opens, records.stop) - np.searchsorted(opens, records.start)
    for i in np.flatnonzero(counts > DEEPEST).tolist():
        _, depth, _ = brackets(records.data, int(records.start[i]), int(records.stop[i]))
        out[i] = len(depth) > 0 and int(depth.max()) > DEEPEST
    return out


def stream_lines(chunks: Iterator[bytes], kept: bytes = b"", compiled: bool = False) -> Iterator[Records]:
    """Records of a stream of lines; its fault is raised behind all records before it."""
    trouble: QueryError | None = None
    ended = False
    while not ended:
        parts, have = [kept], 0
        while not ended and (have < len(kept) or len(parts) == 1):
            try:
                chunk = next(chunks, b"")
            except QueryError as why:
                trouble, chunk = why, b""
            ended = not chunk
            parts.append(chunk)
            have += len(chunk)
        buffer, data = padded(*parts)
        end = PAD + sum(map(len, parts))
        found = lines(buffer, data, PAD, end, final=ended and trouble is None, compiled=compiled)
        kept = data[found.consumed : end].tobytes()
        yield found
    if trouble is not None:
        raise trouble


def stream_values(chunks: Iterator[bytes], kept: bytes = b"") -> Iterator[Records]:
    """The elements of one array, or objects one behind the other over several lines."""
    trouble: QueryError | None = None
    ended, inside, begun = False, False, False
    while not ended:
        parts, have = [kept], 0
        while not ended and (have < len(kept) or len(parts) == 1):
            try:
                chunk = next(chunks, b"")
            except QueryError as why:
                trouble, chunk = why, b""
            ended = not chunk
            parts.append(chunk)
            have += len(chunk)
        raw = b"".join(parts)
        if not begun and raw.strip():
            begun = True
            inside = raw.lstrip()[:1] == b"["
            if inside:
                raw = raw.replace(b"[", b" ", 1)
        found, kept, inside = _values(raw, inside, ended and trouble is None)
        yield found
    if trouble is not None:
        raise trouble


def _values(raw: bytes, inside: bool, final: bool) -> tuple[Records, bytes, bool]:
    """The whole values at the front of `raw`, what is left, and whether that is still inside of an array."""
    buffer, data = padded(raw)
    end = PAD + len(raw)
    at, depth, kind = brackets(data, PAD, end)
    width = 1 if inside else 0  # of what separates two values
    if inside:
        close = np.flatnonzero(depth < 0)
        upto = int(close[0]) if len(close) else len(at)
        borders = at[:upto][(depth[:upto] == 0) & (kind[:upto] == ord(","))]
        if len(close):
            borders, inside = np.append(borders, at[upto]), False
    else:
        borders = at[(depth == 0) & ((kind == ord("}")) | (kind == ord("]")))] + 1
    consumed = int(borders[-1]) + width if len(borders) else PAD
    start = np.append(np.int64(PAD), borders + width)
    stop = np.append(borders, np.int64(end))
    if not final or not raw[consumed - PAD :].strip():
        start, stop = start[:-1], stop[:-1]
    if final:
        consumed = end
    newlines = np.flatnonzero(data[PAD:consumed] == LF) + PAD
    if width:
        data[borders] = 32
    left = raw[consumed - PAD :]
    start, stop = _trimmed(data, PAD, consumed, start.astype(np.int64), stop.astype(np.int64))
    line = np.searchsorted(newlines, start)
    return repair(Records(buffer, data, start, stop, line, len(newlines), consumed), PAD), left, inside


def _trimmed(data: NDArray[np.uint8], begin: int, end: int, start: Ints, stop: Ints) -> tuple[Ints, Ints]:
    """Without blanks around; what is blank altogether is no record (a comma before the closing bracket)."""
    ink = np.flatnonzero(data[begin:end] > 32) + begin
    first, behind = np.searchsorted(ink, start), np.searchsorted(ink, stop)
    kept = behind > first
    return ink[first[kept]], ink[behind[kept] - 1] + 1


__all__ = ["DEEPEST", "Records", "bytes_of", "lines", "stream_lines", "stream_values", "too_deep"]
