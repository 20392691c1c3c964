"""Records of several lines: `brex` says where one begins, `erex` where it ends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..arrow import bytes_of
from ..batch import PAD, Spans
from ..regex import Pattern
from ..regextiers import search
from .textlines import Lines


class Cutter:
    """Joins lines to records, chunk by chunk; what may go on is kept for the next chunk.

    A record begins at a line that matches `begin` (or behind the end of the one before it) and lasts to the line that
    matches `end`, or to the line before the next beginning. Lines before the first beginning are a record of their own.
    """

    def __init__(self, begin: Pattern | None, end: Pattern | None) -> None:
        self._begin, self._end = begin, end
        self._kept: bytes = b""  # lines of the record that is still open, each with its newline
        self._kept_lines = 0
        self._kept_raw: bytes = b""  # the same as they lie in the file
        self._kept_bad = False

    def push(self, lines: Lines) -> Iterator[tuple[Lines, int]]:
        if self._begin is None and self._end is None:
            yield lines, len(lines.text)
            return
        if len(lines.text) == 0:
            return
        starts = self._starts(lines.text)
        rows = np.flatnonzero(starts)
        if not len(rows):
            self._keep(lines, 0)
            return
        if self._kept or rows[0] > 0:
            yield self._closed(lines, int(rows[0]))
        last = int(rows[-1])
        if len(rows) > 1:
            yield self._joined(lines, rows)
        self._keep(lines, last)

    def finish(self) -> Iterator[tuple[Lines, int]]:
        if self._kept_lines:
            kept, raw, n = self._kept, self._kept_raw, self._kept_lines
            self._kept, self._kept_raw, self._kept_lines = b"", b"", 0
            yield _one(kept, raw, self._kept_bad), n

    def _starts(self, text: Spans) -> NDArray[np.bool_]:
        """The lines that begin a record."""
        starts = np.zeros(len(text), np.bool_)
        if self._begin is not None:
            starts |= search(text, self._begin, compiled=False)
        if self._end is not None:
            ends = search(text, self._end, compiled=False)
            starts[1:] |= ends[:-1]
            starts[0] |= self._ended
            self._ended = bool(ends[-1])
        return starts

    _ended = True  # the line before the first one

    def _keep(self, lines: Lines, row: int) -> None:
        text = lines.text
        low = int(text.start[row])
        high = int(text.start[-1] + text.length[-1])
        self._kept += text.data[low:high].tobytes() + b"\n"
        raw = lines.raw or text
        self._kept_raw += raw.data[int(raw.start[row]) : int(raw.start[-1] + raw.length[-1])].tobytes() + b"\n"
        self._kept_lines += len(text) - row
        self._kept_bad = bool(lines.bad is not None and lines.bad[row:].any()) or (
            self._kept_bad and self._kept_lines > len(text) - row
        )

    def _closed(self, lines: Lines, row: int) -> tuple[Lines, int]:
        """The kept record with the lines before `row` at its end."""
        text = lines.text
        whole, raw, n, bad = self._kept, self._kept_raw, self._kept_lines + row, self._kept_bad
        if row:
            before = lines.raw or text
            whole += text.data[int(text.start[0]) : int(text.start[row - 1] + text.length[row - 1])].tobytes() + b"\n"
            raw += before.data[int(before.start[0]) : int(before.start[row - 1] + before.length[row - 1])].tobytes()
            raw += b"\n"
            bad |= bool(lines.bad is not None and lines.bad[:row].any())
        self._kept, self._kept_raw, self._kept_lines, self._kept_bad = b"", b"", 0, False
        return _one(whole, raw, bad), n

    def _joined(self, lines: Lines, rows: NDArray[Any]) -> tuple[Lines, int]:
        """All records of this chunk but the last, which may go on."""
        text = lines.text
        first, after = rows[:-1], rows[1:] - 1
        bad = np.add.reduceat(lines.bad.astype(np.int64), rows)[:-1] > 0 if lines.bad is not None else None
        raw = None if lines.raw is None else _from_to(lines.raw, first, after)
        return Lines(_from_to(text, first, after), bad, raw), int(rows[-1] - rows[0])


def _from_to(text: Spans, first: NDArray[Any], last: NDArray[Any]) -> Spans:
    """Of each pair of rows all from the beginning of the first to the end of the last."""
    start = text.start[first]
    length = text.start[last] + text.length[last] - start
    return Spans(text.buffer, text.data, start, length.astype(np.int32))


def _one(whole: bytes, raw: bytes, bad: bool) -> Lines:
    if not bad:
        return Lines(_span(whole))
    return Lines(_span(whole), np.array([True]), _span(raw))


def _span(raw: bytes) -> Spans:
    raw = raw[:-1]
    buffer = pa.allocate_buffer(len(raw) + 2 * PAD)
    data = bytes_of(buffer)
    data[PAD : PAD + len(raw)] = np.frombuffer(raw, np.uint8)
    return Spans(buffer, data, np.array([PAD], np.int32), np.array([len(raw)], np.int32))
