"""Where CSV records begin and end in a file: headers, blocks of whole records, and borders that byte ranges agree on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.text import QueryError
from ..arrow import bytes_of
from ..batch import PAD
from .csvcells import Block
from .csvquick import QuickBlock
from .csvtext import CR, LF, QUOTE, Cells, Dialect, cut, well_placed
from .files import is_utf8, padded, read_range
from .plainfile import PlainFile
from .textlines import repaired

LONGEST_CELL = 64 << 20  # a quote that is still open after so many bytes is taken as text
TAIL = 4096  # first guess at how far the last record of a range reaches past it


def make_block(
    buffer: pa.Buffer, data: NDArray[np.uint8], begin: int, end: int, dialect: Dialect,
    *, final: bool, keep_blank: bool, compiled: bool = False,
) -> Block:  # fmt: skip
    """The whole records of buffer[begin:end], as valid UTF-8. `cells.consumed` is a place in the buffer as given."""
    cells = cut(data, begin, end, dialect, final=final, keep_blank=keep_blank, compiled=compiled)
    if is_utf8(data, begin, cells.consumed):
        return Block(buffer, cells, 0, cells.n_records, compiled)
    fixed, size = repaired(data[begin : cells.consumed].tobytes())
    good = bytes_of(fixed)
    # replacing bytes touches no separator, so the records stay the same
    again = cut(good, PAD, PAD + size, dialect, final=True, keep_blank=keep_blank, compiled=compiled)
    bad = _replaced(again) != _replaced(cells)
    again.consumed = cells.consumed
    return Block(fixed, again, 0, again.n_records, compiled, bad, cells)


def _replaced(cells: Cells) -> NDArray[np.int64]:
    """How many U+FFFD each record holds."""
    data = cells.data
    first = np.flatnonzero(data[:-2] == 0xEF)
    hits = first[(data[first + 1] == 0xBF) & (data[first + 2] == 0xBD)]
    heads, tails = cells.first[:-1], cells.first[1:] - 1
    found: NDArray[np.int64] = np.searchsorted(hits, cells.stop[tails]) - np.searchsorted(hits, cells.start[heads])
    return found


def first_record(raw: bytes, dialect: Dialect, *, ended: bool) -> tuple[list[bytes], int, int] | None:
    """The cells of the first record that is not blank, the bytes up to its end and the lines in them; None: not whole yet."""
    _, data = padded(raw)
    cells = cut(data, PAD, PAD + len(raw), dialect, final=ended, keep_blank=False)
    if not cells.n_records:
        return None
    width = int(cells.first[1])
    found = [data[cells.start[i] : cells.stop[i]].tobytes() for i in range(width)]
    end = int(cells.stop[width - 1])
    end += 1 if end < PAD + len(raw) and data[end] == CR else 0
    end += 1 if end < PAD + len(raw) and data[end] == LF else 0
    lines = cut(data, PAD, end, dialect, final=True, keep_blank=True).n_lines
    return found, end - PAD, lines


Place: TypeAlias = "tuple[pa.Buffer, NDArray[np.uint8], int, int]"  # a buffer, its memory, where records begin and end
Quick: TypeAlias = (
    "Callable[[Place, bool], QuickBlock | None]"  # of the records of a place; True: none come behind them
)


def stream_blocks(
    chunks: Iterator[bytes], kept: bytes, dialect: Dialect, *, keep_blank: bool, compiled: bool = False,
    quick: Quick | None = None,
) -> Iterator[Block | QuickBlock]:  # fmt: skip
    """Whole records of a stream. A fault of the stream is raised behind all records before it."""
    trouble: QueryError | None = None
    ended, wanted = False, 0
    while not ended:
        parts, have = [kept], len(kept)
        while not ended and (have <= wanted or len(parts) == 1):
            try:
                chunk = next(chunks, b"")
            except QueryError as why:
                trouble, chunk = why, b""
            ended = not chunk
            parts.append(chunk)
            have += len(chunk)
        buffer, data = padded(*parts)
        place, final = (buffer, data, PAD, PAD + have), ended and trouble is None
        block = (quick(place, final) if quick is not None else None) or _block_of(
            place, dialect, final, keep_blank, compiled
        )
        kept = data[block.consumed : PAD + have].tobytes()
        wanted = 2 * len(kept) if block.consumed == PAD else 0  # a long record: not looked at for each chunk again
        yield block
    if trouble is not None:
        raise trouble


def _block_of(place: Place, dialect: Dialect, final: bool, keep_blank: bool, compiled: bool) -> Block:
    buffer, data, begin, end = place
    block = make_block(buffer, data, begin, end, dialect, final=final, keep_blank=keep_blank, compiled=compiled)
    if final or block.cells.n_records or end - begin < LONGEST_CELL:
        return block
    settled = cut(data, begin, end, dialect, final=True, keep_blank=True, compiled=compiled)
    last = int(settled.start[settled.first[-2]])
    if last == begin:
        return block
    return make_block(buffer, data, begin, last, dialect, final=True, keep_blank=keep_blank, compiled=compiled)


class Borders:
    """Byte ranges of a plain file moved to where records begin. Each border is found from the one before, once.

    A range without a quote needs only the line end behind it; in others quotes are counted from its first record on. Whoever
    finds a border holds its lock from before reading on, so that the next range is read meanwhile and not this one twice.
    """

    def __init__(self, file: PlainFile, size: int, nominal: Sequence[int], dialect: Dialect) -> None:
        self._file, self._size, self._nominal, self._dialect = file, size, nominal, dialect
        self._known: list[int | None] = [nominal[0], *(None for _ in nominal[1:])]
        self._locks = [threading.Lock() for _ in nominal]

    def records(self, k: int, compiled: bool) -> tuple[Place, int]:
        """The records of range k, and the place in the file of the buffer's first byte behind its margin."""
        low, high = self._nominal[k], self._nominal[k + 1]
        with self._locks[k + 1]:
            end = self._known[k + 1]
            reach = min(high + TAIL, self._size) if end is None else end
            buffer, data, got = read_range(self._file, low, reach)
            start = self._begin(k, compiled)
            if end is None and start < high:
                at_end = low + got >= self._size or got < reach - low  # a file may have been cut off meanwhile
                found = self._quick_border(data, start - low, got, high - low, at_end, compiled)
                end = low + found if found >= 0 else self._next(start, high, compiled)
            end = self._known[k + 1] = start if end is None else max(end, high)
        if start >= end:
            return (buffer, data, PAD, PAD), low
        if end > low + got:
            low = start
            buffer, data, got = read_range(self._file, low, end)
        return (buffer, data, PAD + min(start - low, got), PAD + min(end - low, got)), low

    def _begin(self, k: int, compiled: bool) -> int:
        """Where range k begins."""
        with self._locks[k]:
            known = self._known[k]
            if known is None:
                found = self._next(self._begin(k - 1, compiled), self._nominal[k], compiled)
                known = self._known[k] = max(found, self._nominal[k])
            return known

    def _quick_border(
        self, data: NDArray[np.uint8], begin: int, got: int, high: int, at_end: bool, compiled: bool
    ) -> int:
        """The border at or behind `high`, where a record begins at data[PAD + begin]; -1: not sure, or not within what was read."""
        if at_end and high >= got:
            return got
        if not compiled:
            return -1
        from ..kernels import csvcut

        return max(-1, int(csvcut.next_record(data, PAD + begin, PAD + high, PAD + got, self._dialect.sep)) - PAD)

    def _next(self, start: int, high: int, compiled: bool) -> int:
        """The first place at or behind `high` where a record begins; `start` is such a place too."""
        if start >= high:
            return start
        reach = high + TAIL
        while True:
            reach = min(reach, self._size)
            _, data, got = read_range(self._file, start, reach)
            at_end = start + got >= self._size or got < reach - start
            found = self._quick_border(data, 0, got, high - start, at_end, compiled)
            if found < 0:
                found = self._border(data, got, high - start, at_end, compiled)
            if found >= 0:
                return start + found
            reach = start + 2 * (reach - start)

    def _border(self, data: NDArray[np.uint8], got: int, high: int, at_end: bool, compiled: bool) -> int:
        end = PAD + got
        quotes = np.flatnonzero(data[PAD:end] == QUOTE) + PAD
        if well_placed(data, PAD, end, quotes, self._dialect) and not (at_end and len(quotes) % 2):
            tail = data[PAD + high - 1 : end]
            ends = np.flatnonzero((tail == LF) | (tail == CR)) + PAD + high - 1
            ends = ends[np.searchsorted(quotes, ends) % 2 == 0]  # those in quotes end nothing
            if len(ends):
                at = int(ends[0]) - PAD
                if data[PAD + at] == LF:
                    return at + 1
                if at + 1 < got:
                    return at + 2 if data[PAD + at + 1] == LF else at + 1
            if at_end or got - high <= LONGEST_CELL:
                return got if at_end else -1
        settled = at_end or got - high > LONGEST_CELL
        cells = cut(data, PAD, end, self._dialect, final=settled, keep_blank=True, compiled=compiled)
        begins = cells.start[cells.first[:-1]] - PAD
        later = begins[begins >= high]
        if len(later):
            return int(later[0])
        if at_end:
            return got
        return cells.consumed - PAD if not settled and cells.consumed - PAD >= high else -1
