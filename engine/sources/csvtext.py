"""Bytes of a CSV file to cells: where each begins and ends. Nothing is copied, no object is made a cell.

A quote opens a cell only as its first byte; inside, `""` is a quote; behind the closing one the rest of the cell is taken
as it stands. So says the state machine of `walk`. Where every quote stands as RFC 4180 wants, counting quotes gives the
same answer for a whole block at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...planner.records import dataclass

QUOTE, LF, CR = 34, 10, 13
RESTARTS = 64  # so many unclosed quotes are looked at one by one

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Dialect:
    """`sep`: one byte. `strict`: quotes must stand as RFC 4180 says, other records are refused."""

    sep: int = ord(",")
    strict: bool = False


@dataclass(slots=True)
class Cells:
    """Records begin..end of a buffer. Cell i is data[start[i]:stop[i]] as written, quotes and all."""

    data: NDArray[np.uint8]
    start: Ints
    stop: Ints
    first: Ints  # record r has cells first[r] .. first[r + 1]
    consumed: int  # where the next record begins
    n_lines: int  # line ends passed, those in quotes too
    line: Ints | None = None  # line of each record, counted from the block's first; None: one record a line
    quotes: Ints | None = None  # places of all quotes, ascending; None: there are none
    unclosed: tuple[int, ...] = ()  # places of quotes that nothing closes, taken as text
    is_orderly: bool = True  # every quote stands as RFC 4180 wants it

    @property
    def n_records(self) -> int:
        return len(self.first) - 1

    def counts(self) -> Ints:
        """Cells of each record."""
        return np.diff(self.first)


def cut(
    data: NDArray[np.uint8],
    begin: int,
    end: int,
    dialect: Dialect,
    *,
    final: bool,
    keep_blank: bool,
    compiled: bool = False,
) -> Cells:
    """The complete records of data[begin:end]; with `final` the last one needs no line end and no closing quote."""
    at, kind = _specials(data, begin, end, dialect, compiled)
    trailing_cr = not final and end > begin and data[end - 1] == CR  # whether an LF follows is not known yet
    if trailing_cr:
        at, kind = at[:-1], kind[:-1]
    quotes: Ints | None = None
    unclosed: tuple[int, ...] = ()
    orderly = True
    is_quote = kind == QUOTE
    lines = at[(kind == LF) | ((kind == CR) & ~_before_lf(data, at, kind))]
    if is_quote.any():
        quotes = at[is_quote]
        orderly = well_placed(data, begin, end, quotes, dialect) and not (final and len(quotes) % 2)
        if orderly:
            outside = ~is_quote & ((np.cumsum(is_quote) & 1) == 0)
        else:
            outside, unclosed = _outside(begin, at, kind, dialect, final, compiled)
        at, kind = at[outside], kind[outside]
    pairs = _before_lf(data, at, kind)
    if pairs.any():
        at, kind = at[~pairs], kind[~pairs]
    is_end = kind != dialect.sep
    if final and (not len(at) or not is_end[-1] or at[-1] + 1 < end) and end > begin:
        at, is_end = np.append(at, end), np.append(is_end, True)
    ends = np.flatnonzero(is_end)
    n_cells = int(ends[-1]) + 1 if len(ends) else 0
    at = at[:n_cells]
    start = np.empty(n_cells, np.int64)
    if n_cells:
        start[0], start[1:] = begin, at[:-1] + 1
    consumed = min(int(at[-1]) + 1, end) if n_cells else begin
    stop = at.copy()
    stop[ends] -= (
        (stop[ends] > start[ends])
        & (at[ends] < end)
        & (data[np.minimum(at[ends], end - 1)] == LF)
        & (data[at[ends] - 1] == CR)
    )
    first = np.concatenate([[0], ends + 1])
    cells = Cells(
        data, start, stop, first, consumed, int(np.searchsorted(lines, consumed)), None, quotes, unclosed, orderly
    )
    if final and n_cells and at[-1] == end:
        cells.n_lines += 1
    if not keep_blank:
        _drop_blank(cells, lines)
    elif cells.n_lines != cells.n_records:
        _number(cells, lines)
    return cells


def _specials(
    data: NDArray[np.uint8], begin: int, end: int, dialect: Dialect, compiled: bool
) -> tuple[Ints, NDArray[np.uint8]]:
    """Places of separators, line ends and quotes, and what stands there."""
    if compiled:
        from ..kernels import csvscan

        guess = 1024 + (end - begin) // 3
        while (n := csvscan.specials(data, begin, end, np.uint8(dialect.sep), out := np.empty(guess, np.int64))) < 0:
            guess *= 2
        at = out[:n]
        return at, data[at]
    part = data[begin:end]
    hits = part == dialect.sep
    for byte in (QUOTE, LF, CR):
        hits |= part == byte
    at = np.flatnonzero(hits) + begin
    return at, data[at]


def _before_lf(data: NDArray[np.uint8], at: Ints, kind: NDArray[np.uint8]) -> Mask:
    """Carriage returns that are the first half of a line end."""
    out: Mask = kind == CR
    if out.any() and len(at) > 1:
        out[:-1] &= (kind[1:] == LF) & (at[1:] == at[:-1] + 1)
        out[-1] = False
    elif len(at) == 1:
        out[:] = False
    return out


def _outside(
    begin: int, at: Ints, kind: NDArray[np.uint8], dialect: Dialect, final: bool, compiled: bool
) -> tuple[Mask, tuple[int, ...]]:
    """Which separators and line ends are no part of a quoted cell; and the quotes that nothing closes."""
    unclosed: list[int] = []
    literal = np.zeros(len(at), np.bool_)
    while True:
        outside = np.zeros(len(at), np.bool_)
        opened = _walk(at, kind, literal, begin, outside, compiled)
        if opened < 0 or not final or dialect.strict:
            return outside, tuple(unclosed)
        unclosed.append(int(at[opened]))
        literal[opened] = True
        if len(unclosed) > RESTARTS:
            literal[opened:] = True


def well_placed(data: NDArray[np.uint8], begin: int, end: int, quotes: Ints, dialect: Dialect) -> bool:
    """Whether every opening quote is the first byte of a cell (or follows a closing one) and every closing one the last."""
    if not len(quotes):
        return True
    opening, closing = quotes[0::2], quotes[1::2]
    before = data[np.maximum(opening - 1, begin)]
    good = (before == dialect.sep) | (before == LF) | (before == CR) | (before == QUOTE) | (opening == begin)
    if not good.all():
        return False
    after = data[np.minimum(closing + 1, end - 1)]
    return bool(
        ((after == dialect.sep) | (after == LF) | (after == CR) | (after == QUOTE) | (closing + 1 == end)).all()
    )


def _walk(at: Ints, kind: NDArray[np.uint8], literal: Mask, begin: int, outside: Mask, compiled: bool) -> int:
    if compiled:
        from ..kernels import csvscan

        return int(csvscan.walk(at, kind, literal, begin, outside))
    return walk(at.tolist(), kind.tolist(), literal.tolist(), begin, outside)


def walk(at: Any, kind: Any, literal: Any, begin: int, outside: Any) -> int:
    """Marks the separators and line ends outside of quotes; the index of a quote that is still open at the end, or -1.

    `at`: places of separators, line ends and quotes; `literal`: quotes to be taken as text. O(len(at)).
    """
    n, i, cell, opened = len(at), 0, begin, -1
    while i < n:
        if opened >= 0:
            if kind[i] == 34:
                if i + 1 < n and kind[i + 1] == 34 and at[i + 1] == at[i] + 1:
                    i += 1
                else:
                    opened = -1
        elif kind[i] != 34:
            outside[i] = True
            cell = at[i] + 1
        elif at[i] == cell and not literal[i]:
            opened = i
        i += 1
    return opened


def _drop_blank(cells: Cells, lines: Ints) -> None:
    """Lines with nothing on them are no records."""
    counts = cells.counts()
    heads = cells.first[:-1]
    blank = (counts == 1) & (cells.start[heads] == cells.stop[heads]) if len(heads) else np.zeros(0, np.bool_)
    if not blank.any():
        if cells.n_lines != cells.n_records:
            _number(cells, lines)
        return
    keep = np.repeat(~blank, counts)
    _number(cells, lines)
    assert cells.line is not None
    cells.line = cells.line[~blank]
    cells.start, cells.stop = cells.start[keep], cells.stop[keep]
    cells.first = np.concatenate([[0], np.cumsum(counts[~blank])])


def _number(cells: Cells, lines: Ints) -> None:
    cells.line = np.searchsorted(lines, cells.start[cells.first[:-1]])
