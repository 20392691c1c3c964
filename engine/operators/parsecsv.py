"""`parsecsv`: the cells of one record a row."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.types import STRING, Schema
from ..arrow import array_from, concat, nulls
from ..batch import Batch, Column
from ..context import Context
from ..exprs import plain
from ..notes import At
from ..operator import Emit, Flow, StreamTransform
from ..sources.csvcells import Block, misquoted
from ..sources.csvtext import Dialect, cut
from ..sources.jsontextblocks import Records
from .overlay import Overlay, by_width, each
from .pairs import TextField, has_value, refuse_rows
from .parsejson import places_of, present, records_of
from .reasons import Reasons

Mask = NDArray[np.bool_]


def column_name(place: int) -> str:
    return f"column{place}"


def blocks(records: Records, dialect: Dialect, check: Callable[[], None]) -> Iterator[tuple[Block, bool]]:
    """The records of the rows, some at a time, and whether there is more in a row than one record (then it is one row).

    Rows that a quote or a line end would mix up are cut apart until each is by itself.
    """
    n = len(records)
    if not n:
        return
    check()
    begin, end = int(records.start[0]), int(records.stop[-1])
    cells = cut(records.data, begin, end, dialect, final=True, keep_blank=True)
    if cells.n_records == n and (cells.start[cells.first[:-1]] == records.start).all():
        yield Block(records.buffer, cells, 0, n), False
    elif n == 1 and begin == end:
        yield Block(records.buffer, _blank(cells, begin), 0, 1), False
    elif n == 1:
        yield Block(records.buffer, cells, 0, 1), cells.n_records > 1
    else:
        yield from blocks(records.slice(0, n // 2), dialect, check)
        yield from blocks(records.slice(n // 2, n), dialect, check)


def _blank(cells: Any, at: int) -> Any:
    """A text without a byte is a record of one empty cell."""
    cells.start = cells.stop = np.array([at], np.int64)
    cells.first = np.array([0, 1], np.int64)
    return cells


class FindWidth(StreamTransform):
    """Passes all rows on and remembers how many cells the longest record has."""

    def __init__(self, text: TextField, dialect: Dialect) -> None:
        self._text, self._dialect, self._lock, self._width = text, dialect, threading.Lock(), 0

    @property
    def found(self) -> Schema:
        return Schema(tuple((column_name(i), STRING) for i in range(self._width)))

    def push(self, batch: Batch, local: Context, emit: Emit) -> Flow:
        records = records_of(present(self._text.read(batch, local)))
        widths = [int(block.counts().max()) for block, _ in blocks(records, self._dialect, local.check)]
        with self._lock:
            self._width = max([self._width, *widths])
        return emit(batch)


class CsvTransform(StreamTransform):
    """`columns`: names with the place of their cell (None: no cell is called so). `width`: cells that a record should have."""

    def __init__(
        self, text: TextField, dialect: Dialect, columns: Sequence[tuple[str, int | None]], width: int | None,
        overlay: Overlay, at: At,
    ) -> None:  # fmt: skip
        self._text, self._dialect, self._columns, self._width = text, dialect, columns, width
        self._overlay, self._at = overlay, at

    def push(self, batch: Batch, local: Context, emit: Emit) -> Flow:
        return each(by_width(batch, len(self._columns)), lambda piece: self._parsed(piece, local), emit)

    def _parsed(self, batch: Batch, local: Context) -> Batch:
        text, reasons = self._text.read(batch, local), Reasons(batch.n_rows)
        there = has_value(text)
        parts: list[list[pa.Array[Any]]] = [[] for _ in self._columns]
        counts, wrong, more = [], [], []
        for block, has_more in blocks(records_of(present(text)), self._dialect, local.check):
            counts.append(block.counts())
            bad = misquoted(block) if self._dialect.strict else np.zeros(block.n_rows, np.bool_)
            wrong.append(bad)
            more.append(np.full(block.n_rows, has_more))
            for part, (_, place) in zip(parts, self._columns, strict=True):
                part.append(_cells(block, place, bad))
        made: dict[str, Column] = {}
        if counts:
            back = None if there.all() else places_of(there)
            for (name, _), part in zip(self._columns, parts, strict=True):
                whole = concat(part)
                made[name] = whole if back is None else whole.take(back)
            self._tell(
                batch, local, text, np.flatnonzero(there), reasons, [np.concatenate(p) for p in (counts, wrong, more)]
            )
        return self._overlay.build(batch, made, reasons, local.settings.timezone)

    def _tell(
        self, batch: Batch, ctx: Context, text: Column, rows: NDArray[Any], reasons: Reasons, told: Sequence[Any]
    ) -> None:
        counts, wrong, more = told
        faults = [
            ("quotes", wrong, "the parsed fields are null"),
            ("surplus", more & ~wrong, "what follows is left out"),
        ]
        if self._width is not None:
            faults[1] = ("surplus", (more | (counts > self._width)) & ~wrong, "what follows is left out")
            faults.append(("short", (counts < self._width) & ~wrong, "the other fields are null"))
        for reason, mask, hint in faults:
            if mask.any():
                at = np.zeros(batch.n_rows, np.bool_)
                at[rows[mask]] = True
                reasons.add(reason, at)
                refuse_rows(ctx, self._at, reason, batch, at, text, hint)


def _cells(block: Block, place: int | None, bad: Mask) -> pa.Array[Any]:
    if place is None:
        return nulls(block.n_rows, pa.string())
    made = plain(block.text(place, None)[0], block.n_rows)
    if not bad.any():
        return made
    rows = np.where(bad, -1, np.arange(block.n_rows))
    return made.take(array_from(rows.astype(np.int64), bad))
