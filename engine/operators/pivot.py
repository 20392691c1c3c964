"""`pivot`: groups laid out as one row for each combination of row keys and one column for each of the others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.records import dataclass
from ...planner.text import fault
from ...planner.types import Schema, Type
from ..arrow import array_from, indices, numbers_of
from ..arrow import nulls as null_array
from ..aside import aside
from ..context import Context
from ..notes import At
from ..operator import Source
from .wide import MOST_CELLS, GroupsSink, MemoryRows, check_names, labels_of, numbered

NOT_LISTED = "rows of values that are not listed"
HINT = "rename the values, or name the aggregate with 'as'"


@dataclass(frozen=True, slots=True)
class PivotLayout:
    """What the groups `row keys, column keys, aggregates` become.

    `listed`: the label and the name of each column's value where the query lists them; then the last of the groups'
    columns is how many rows each had. None: the values that there are, ascending.
    """

    rows: tuple[tuple[str, Type], ...]
    cols: tuple[Type, ...]
    aggs: tuple[tuple[str, Type], ...]
    listed: tuple[tuple[str, str], ...] | None

    def names(self, label: str) -> list[tuple[str, Type]]:
        """The columns of one value."""
        return [(label if len(self.aggs) == 1 else f"{label}_{alias}", type_) for alias, type_ in self.aggs]


class PivotSink(GroupsSink):
    """Takes the groups sorted by key; gives the table."""

    hint = "fewer values of `for`, or values= with those that are wanted"

    def __init__(self, layout: PivotLayout, at: At) -> None:
        super().__init__(at)
        self._layout = layout

    def result(self, ctx: Context) -> Source:
        layout = self._layout
        if not self._batches:
            listed = [f for _, name in layout.listed or () for f in layout.names(name)]
            schema = Schema((*layout.rows, *listed))
            return MemoryRows([null_array(0, t.arrow) for _, t in schema.fields], schema, self._at.command)
        columns = self._columns()
        zone, nbytes = ctx.settings.timezone, sum(c.nbytes for c in columns)
        made = aside(ctx, nbytes, lambda: _Cells(layout, columns, zone))
        if made.n_left_out:
            ctx.notes.count(self._at, "truncate", NOT_LISTED, made.n_left_out)
        self._charge(9 * len(layout.aggs) * made.n_cells)
        names, values = aside(ctx, nbytes + 9 * made.n_cells, made.table)
        return MemoryRows(values, Schema(tuple(names)), self._at.command)


class _Cells:
    """The groups by series (a value of the column keys) and, within each, by row."""

    def __init__(self, layout: PivotLayout, columns: list[pa.Array[Any]], zone: str) -> None:
        self._layout = layout
        n, n_rows = len(columns[0]), len(layout.rows)
        keys, cols = columns[:n_rows], columns[n_rows : n_rows + len(layout.cols)]
        self._aggs = columns[n_rows + len(layout.cols) :]
        row, first_rows = numbered(keys, [t for _, t in layout.rows], n)
        series, first = numbered(cols, layout.cols, n)
        self._keys = [k.take(indices(first_rows)) for k in keys]
        labels = labels_of(cols, layout.cols, first, zone)
        known = {label for label, _ in layout.listed or ()}
        # a text "null" beside a null, or texts that join to one name
        check_names([label for label in labels if layout.listed is None or label in known], HINT)
        self._order = np.argsort(series, kind="stable")
        self._bounds = np.searchsorted(series[self._order], np.arange(len(first) + 1))
        self._row, self._n_rows = row, len(first_rows)
        numbers = {label: i for i, label in enumerate(labels)}
        wanted = layout.listed if layout.listed is not None else tuple((label, label) for label in labels)
        self._series = [(name, numbers.get(label)) for label, name in wanted]
        rest = [i for i, label in enumerate(labels) if label not in known] if layout.listed is not None else []
        self.n_left_out = self._rows_of(rest)
        self.n_cells = len(self._series) * self._n_rows
        if self.n_cells > MOST_CELLS:
            raise fault("E701", f"{self._n_rows:,} rows of {len(self._series):,} values of `for`: more than "
                        f"{MOST_CELLS:,} cells", hint="values= with those that are wanted, or stats")  # fmt: skip

    def _rows_of(self, series: list[int]) -> int:
        if not series:
            return 0
        counts = numbers_of(self._aggs[-1])
        return sum(int(counts[self._groups(i)].sum()) for i in series)

    def _groups(self, series: int) -> NDArray[np.int64]:
        return self._order[self._bounds[series] : self._bounds[series + 1]]

    def table(self) -> tuple[list[tuple[str, Type]], list[pa.Array[Any]]]:
        names, made = list(self._layout.rows), list(self._keys)
        for label, number in self._series:
            names += self._layout.names(label)
            at = np.full(self._n_rows, -1, np.int64)
            if number is not None:
                groups = self._groups(number)
                at[self._row[groups]] = groups
            cells = array_from(np.maximum(at, 0), at < 0)
            made += [values.take(cells) for values, _ in zip(self._aggs, self._layout.aggs, strict=False)]
        check_names([n for n, _ in names], HINT)
        return names, made
