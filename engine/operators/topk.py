"""`sort limit=N`: only rows that can be among the first N are kept, by a bound that all workers share.

The bound is the last of N rows that one worker has in order; a row behind it is dropped by its keys, before its other
columns are made. Candidates are sorted and cut when there are twice N of them, so memory stays at about 2 N rows a
worker; where even that is too much they spill as `sort` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.plan import Sort
from ...planner.records import dataclass
from ...planner.types import STRING, Schema, Type, scalar
from ..arrow import bools_of, call, is_valid, numbers_of
from ..batch import Batch, Column, Origin, Spans
from ..context import Context
from ..exprs import plain
from ..notes import At
from ..operator import Flow
from ..sources.pruning import Bound
from .keyform import SIGN, doubles_from
from .ranges import LEAST, MOST, rows_of
from .sort import SortLocal, SortSink
from .sortkeys import Keys, Row, SortBy, derived, keys_of
from .sortspill import FileRun

SHARED = 100  # rows up to which workers tell each other all that they keep
FEW = 1024  # candidates gathered at least before they are cut: cutting costs some ten calls


class TopKSink(SortSink):
    """The first `node.limit` rows of a sort without `by`; ties in input order, as if all rows were sorted."""

    kind = "top-k"

    def __init__(self, node: Sort, schema: Schema, at: At) -> None:
        if node.limit is None or node.by:
            raise ValueError("top-k needs a limit and no `by`")
        super().__init__(node, schema, at)
        self._limit = node.limit
        self._bound: Row | None = None
        self._best: dict[int, list[Row]] = {}  # of each worker the rows that it kept last, in order
        self._is_watched = False

    @property
    def bound(self) -> Row | None:
        return self._bound

    def watch(self, source: Any) -> None:
        """The source below may leave out rows that are behind the bound."""
        watch = getattr(source, "watch", None)
        if watch is None or not self._limit or not self.layout.sort_by:
            return
        by = self.layout.sort_by[0]
        if by.column < len(self._schema):
            name, kind = self._schema.fields[by.column]
            watch(FirstKey(self, name, kind.arrow, by))
            self._is_watched = True

    def push(self, batch: Batch, local: SortLocal) -> Flow:
        if not self._limit:
            return Flow.DONE
        if not batch.n_rows:
            return Flow.MORE
        first, bound = local.first_place(batch), self._bound
        chosen = None if bound is None else _first_key_passes(batch, self.layout.sort_by[:1], bound, local.pile.ctx)
        if chosen is None or len(chosen) == batch.n_rows:
            places = np.arange(first, first + batch.n_rows, dtype=np.int64)
        else:
            batch, places = batch.take(chosen.astype(np.int32)), chosen + np.int64(first)
        if bound is not None:
            if batch.n_rows:
                batch, places = _only(batch, places, np.flatnonzero(self._batch_keys(batch).before(bound, places)))
            if not batch.n_rows:
                return Flow.MORE
        local.pile.add(self.columns(batch), places, partial(self.spill, local))
        if local.pile.n_rows >= self._enough(bound is None):
            self._cut(local)
        return Flow.MORE

    def _enough(self, is_first: bool) -> int:
        """Rows that are worth a cut. A source that watches the bound reads less for each one that it is tighter."""
        if self._is_watched:
            return self._limit + 1 + self._limit // 8  # but no sort of all for each of few
        return self._limit + FEW if is_first else 2 * self._limit + FEW

    def _batch_keys(self, batch: Batch) -> Keys:
        """Keys of the rows as they come: nothing but key columns is looked at."""
        n_columns = len(self._schema)
        columns: dict[int, Column] = {}
        for by in self.layout.sort_by:
            if by.column < n_columns:
                columns[by.column] = batch.columns[by.column]
            else:
                columns[by.column] = derived(batch.array(self._derived[by.column - n_columns]))
        at = {column: i for i, column in enumerate(columns)}
        keys = [SortBy(at[by.column], by.descending, by.nulls_first) for by in self.layout.sort_by]
        return keys_of(list(columns.values()), keys, batch.n_rows)

    def _cut(self, local: SortLocal) -> None:
        """Candidates in order, the first `limit` of them kept; the last of these is a bound for all workers.

        A better one is the last of the first `limit` that all workers have.
        """
        pile = local.pile
        pile.keep_first(partial(self.spill, local))
        self._bind(pile.row(self._limit - 1))
        if not 0 < self._limit <= SHARED:
            return
        kept = [row for i in range(min(self._limit, pile.n_rows)) if (row := pile.row(i)) is not None]
        with self._lock:
            self._best[id(local)] = kept
            best = sorted(chain.from_iterable(self._best.values())) if len(self._best) > 1 else []
        if len(best) >= self._limit:
            self._bind(best[self._limit - 1])

    def spill(self, local: SortLocal) -> FileRun | None:
        run = super().spill(local)
        self._bind(run.last if run is not None and run.n_rows == self._limit else None)
        return run

    def _bind(self, last: Row | None) -> None:
        if last is None:
            return
        with self._lock:
            if self._bound is None or last < self._bound:
                self._bound = last

    def combine(self, local: SortLocal) -> None:
        if not local.spilled:
            self._cut(local)
        super().combine(local)


def _only(batch: Batch, places: NDArray[np.int64], rows: NDArray[Any]) -> tuple[Batch, NDArray[np.int64]]:
    if len(rows) == batch.n_rows:
        return batch, places
    return batch.take(rows.astype(np.int32)), places[rows]


def _first_key_passes(batch: Batch, first: Sequence[SortBy], bound: Row, ctx: Context) -> NDArray[Any] | None:
    """Rows whose first key is not behind the bound's, where one comparison of the column tells; None if it does not."""
    for by in first:
        column = batch.columns[by.column] if by.column < len(batch.columns) else None
        if column is None or isinstance(column, Spans) or column.null_count:
            return None
        test = AtBound.of("", by, column.type, bound)
        return None if test is None else test.rows([column], batch.n_rows, ctx)
    return None


@dataclass(frozen=True, slots=True)
class AtBound:
    """Passed by values that do not come behind `value` in the order of a sort's first key."""

    field: str
    descending: bool
    nulls_first: bool
    value: Any  # a text; or a number, of dates and durations in their unit; never NaN

    @classmethod
    def of(cls, field: str, by: SortBy, kind: pa.DataType, bound: Row) -> AtBound | None:
        """None where no value can be told by the bound: it is null, or of a kind that is not compared here."""
        if bool(bound[0]) != by.nulls_first:
            return None
        if pa.types.is_string(kind):
            raw: bytes = bound[1].value if by.descending else bound[1]
            return cls(field, by.descending, by.nulls_first, raw.decode("utf-8", "surrogatepass"))
        if not _is_number(kind):
            return None
        is_double = pa.types.is_float64(kind)
        value = _number(np.dtype(np.float64 if is_double else np.int64), ~bound[1] if by.descending else bound[1])
        return None if value != value else cls(field, by.descending, by.nulls_first, value)

    @property
    def fields(self) -> tuple[str, ...]:
        return (self.field,)

    @property
    def span(self) -> tuple[int, int, bool] | None:
        if not isinstance(self.value, np.int64):
            return None
        low, high = (int(self.value), MOST) if self.descending else (LEAST, int(self.value))
        return low, high, self.nulls_first

    def bound(self, kind: Type) -> Bound:
        """The same as a bound of the field, dates in microseconds."""
        value: Any = self.value if isinstance(self.value, str) else self.value.item()
        if kind.kind == "date" and kind.unit == "ns":
            value = value // 1000 if self.descending else -(-value // 1000)
        return Bound(self.field, ">=" if self.descending else "<=", value, kind)

    def null_passes(self, kind: pa.DataType, ctx: Context) -> bool:
        return self.nulls_first

    def mask(self, columns: Sequence[Column], n: int, ctx: Context) -> NDArray[np.bool_]:
        column = plain(columns[0], n)
        passes = self._passes(column)
        if not column.null_count:
            return passes
        valid = is_valid(column)
        return passes | ~valid if self.nulls_first else passes & valid

    def _passes(self, column: pa.Array[Any]) -> NDArray[np.bool_]:
        """What a null gives is undefined."""
        if pa.types.is_string(column.type):
            return bools_of(
                call("greater_equal" if self.descending else "less_equal", column, scalar(self.value, STRING))
            )
        values = numbers_of(column)
        kept: NDArray[np.bool_] = values < self.value if self.descending else values <= self.value
        return ~kept if self.descending else kept  # NaN comes first descending

    def rows(self, columns: Sequence[Column], n: int, ctx: Context) -> NDArray[np.int32]:
        column = columns[0]
        if ctx.compiled and (span := self.span) is not None:
            found = rows_of(((0, *span[:2]),), Batch(n, (column,), Origin(0)), ctx)
            if found is not None:
                return found.copy()
        return np.flatnonzero(self.mask(columns, n, ctx)).astype(np.int32)


@dataclass(frozen=True, slots=True)
class FirstKey:
    """For the source below: the first key's bound as far as it is known."""

    sink: TopKSink
    field: str
    kind: pa.DataType
    by: SortBy

    @property
    def descending(self) -> bool:
        return self.by.descending

    def now(self) -> AtBound | None:
        bound = self.sink.bound
        return None if bound is None else AtBound.of(self.field, self.by, self.kind, bound)


def _is_number(kind: pa.DataType) -> bool:
    t = pa.types
    return bool(t.is_int64(kind) or t.is_float64(kind) or t.is_timestamp(kind) or t.is_duration(kind))


def _number(dtype: np.dtype[Any], word: np.uint64) -> Any:
    """The number that has this word."""
    if dtype == np.float64:
        return doubles_from(np.array([word]))[0]
    return np.array([word ^ SIGN]).view(np.int64)[0]
