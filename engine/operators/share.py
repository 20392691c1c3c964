"""`top`, `rare`: to counts that come sorted by group and value, the share that each has of its group."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.types import Schema, Type
from ..arrow import array_from, numbers_of
from ..batch import Batch, Origin
from ..context import Context
from ..notes import At
from ..operator import Flow, Partition, Source
from .keyform import Words, normal
from .keysort import row_key
from .spool import Spool
from .wide import numbered

BEYOND = "values beyond the limit"


class ShareSink:
    """Takes rows `group keys, values, count`, sorted; gives them with `percent`, the count's part of its group's total.

    `limit`: how many values of each group a later stage keeps, so that the others are told.
    """

    needs_order = True

    def __init__(self, schema: Schema, keys: Sequence[Type], limit: int | None, at: At) -> None:
        self._schema, self._keys, self._limit, self._at = schema, tuple(keys), limit, at
        self._spool = Spool(at.command)
        self._last: tuple[Any, ...] | None = None  # the key of the last group so far
        self._totals, self._sizes = np.zeros(0, np.int64), np.zeros(0, np.int64)
        self._n = 0

    def open(self, ctx: Context) -> Context:
        return ctx

    def push(self, batch: Batch, local: Context) -> Flow:
        if not batch.n_rows:
            return Flow.MORE
        columns = batch.own(range(len(batch.columns)))
        groups = self._groups(columns, batch.n_rows)
        self._room(int(groups[-1]) + 1)
        np.add.at(self._totals, groups, numbers_of(columns[-1]))
        np.add.at(self._sizes, groups, 1)
        self._spool.add(local, (*columns, array_from(groups)))
        return Flow.MORE

    def _groups(self, columns: Sequence[pa.Array[Any]], n: int) -> NDArray[np.int64]:
        """The number of each row's group: equal keys stand together."""
        keys = columns[: len(self._keys)]
        found, first = numbered(keys, self._keys, n)
        forms = [self._form(k, t) for k, t in zip(keys, self._keys, strict=True)]
        begins = self._last is None or row_key(forms, 0) != self._last
        self._last = row_key(forms, n - 1)
        base = self._n if begins else self._n - 1
        self._n = base + len(first)
        return found + base

    @staticmethod
    def _form(key: pa.Array[Any], type_: Type) -> pa.Array[Any]:
        form: Any = normal(type_, key)
        return form.to_arrow() if isinstance(form, Words) else form

    def _room(self, n: int) -> None:
        if n > len(self._totals):
            more = np.zeros(max(n, 2 * len(self._totals)) - len(self._totals), np.int64)
            self._totals, self._sizes = np.append(self._totals, more), np.append(self._sizes, more)

    def combine(self, local: Context) -> None:
        return None

    def merge(self, ctx: Context) -> Sequence[Callable[[], None]]:
        return ()

    def result(self, ctx: Context) -> Source:
        if self._limit is not None:
            beyond = int(np.maximum(self._sizes - self._limit, 0).sum())
            if beyond:
                ctx.notes.count(self._at, "truncate", BEYOND, beyond, "limit=0 gives all")
        return _Shares(self)

    def shares(self, ctx: Context) -> Iterator[Batch]:
        row = 0
        for *columns, groups in self._spool.batches():
            ctx.check()
            total = self._totals[numbers_of(groups)]
            percent = array_from(numbers_of(columns[-1]) * 100 / total)
            n = len(groups)
            yield Batch(n, (*columns, percent), Origin(0, self._at.command, 0, row))
            row += n

    @property
    def schema(self) -> Schema:
        return self._schema

    def close(self) -> None:
        self._spool.close()

    def describe_run(self) -> dict[str, int | str]:
        return {"spilled_bytes": self._spool.written}


class _Shares:
    """One partition: the rows are read once."""

    def __init__(self, sink: ShareSink) -> None:
        self._sink = sink

    @property
    def schema(self) -> Schema:
        return self._sink.schema

    def partitions(self, target: int) -> Sequence[Partition]:
        return [self]

    def batches(self, ctx: Context) -> Iterator[Batch]:
        return self._sink.shares(ctx)
