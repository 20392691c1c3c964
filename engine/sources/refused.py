"""What happens to records that do not fit: told, made null, left out, kept in a table, or the end of the query."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...planner.records import dataclass
from ...planner.text import QueryError, fault
from ..batch import Batch, Column
from ..context import Context
from ..notes import At
from .quarantine import Quarantine, Raw

Mask = NDArray[np.bool_]


@dataclass(slots=True)
class Refused:
    """Rows of one batch that do not fit: told at once, left out or raised as `bad=` says.

    `raw`: the bytes of records and where they stand in their file; without it the value alone is kept.
    """

    at: At
    bad: str
    ctx: Context
    bare: Batch  # the rows as they were read; its origin places them
    quarantine: Quarantine | None = None
    raw: Callable[[NDArray[Any]], Raw] | None = None
    silent: frozenset[str] = (
        frozenset()
    )  # columns of which nothing is told, since nothing reads them; with bad=null only
    is_muted: bool = False
    before: int = 0  # rows of the file before its partition, where bad=fail tells of a row at once
    dropped: Mask | None = None
    _fault: tuple[int, QueryError] | None = None  # at the first row that does not fit

    def rows(
        self,
        reason: str,
        mask: Mask,
        text: Column | None,
        hint: str = "",
        *,
        told: bool = False,
        column: str | Sequence[str] = "",
    ) -> None:
        """`told`: the value stands all the same, so the row is never left out. `column`: whose value it is, of all rows or
        of each row of the mask.
        """
        if not mask.any() or self.is_muted or (isinstance(column, str) and column in self.silent):
            return
        if self.bad == "fail" and not told:
            self._keep_fault(reason, int(np.flatnonzero(mask)[0]), text)
            return
        kind = "reject"
        if self.bad == "skip" and not told:
            kind, given = "drop", mask
            mask = self._newly(mask)
            self.dropped = mask if self.dropped is None else mask | self.dropped
            if not isinstance(column, str):
                column = [c for c, stays in zip(column, mask[given], strict=True) if stays]
        if not mask.any():
            return
        rows = np.flatnonzero(mask)
        self.ctx.notes.rows(self.at, kind, reason, self.bare, rows, text, hint)
        if self.quarantine is not None:
            self.quarantine.add(self.bare, rows, column, (self.at, kind, reason), text, self.raw)

    def info(self, reason: str, rows: NDArray[Any], values: Column | None, hint: str = "", column: str = "") -> None:
        """Something that is said of rows that fit."""
        if not self.is_muted and column not in self.silent:
            self.ctx.notes.rows(self.at, "info", reason, self.bare, rows, values, hint)

    def of_time(self) -> Refused:
        """For what `time=` reads: told of where `_time` is."""
        return replace(self, silent=frozenset(), is_muted="_time" in self.silent) if self.silent else self

    def left_out(self, reason: str, mask: Mask) -> None:
        """Rows that are left out whatever `bad=` says."""
        mask = self._newly(mask)
        if mask.any():
            self.ctx.notes.rows(self.at, "drop", reason, self.bare, np.flatnonzero(mask), None)

    def _newly(self, mask: Mask) -> Mask:
        return mask if self.dropped is None else mask & ~self.dropped

    def _keep_fault(self, reason: str, row: int, text: Column | None) -> None:
        """Columns are read one after the other, but the first row in input order is the one to tell."""
        if self._fault is not None and self._fault[0] <= row:
            return
        from ..notes import shown

        origin = self.bare.origin
        place, value = f"{origin.source}:{self.before + origin.source_row(row) + 1}", shown(text, row)
        self._fault = row, fault("E501", f"a value does not fit ({reason}): {value[:80]}", samples=(f"{place}  {value}",),
                                 hint="bad=null makes it null, bad=skip leaves the record out")  # fmt: skip

    def batches(self, columns: Sequence[Column], keep: Mask | None = None) -> Iterator[Batch]:
        """The rows that stay. Those before a fault go on first, so that a `limit` may be content with them.

        `keep`: the rows that are wanted, whether they fit or not.
        """
        out = Batch(self.bare.n_rows, tuple(columns), self.bare.origin)
        if self.dropped is not None:
            keep = ~self.dropped if keep is None else keep & ~self.dropped
        if self._fault is not None:
            row, found = self._fault
            if row:
                yield _kept(out.slice(0, row), None if keep is None else keep[:row])
            raise found
        yield _kept(out, keep)


def _kept(out: Batch, keep: Mask | None) -> Batch:
    return out if keep is None or keep.all() else out.pick(keep)
