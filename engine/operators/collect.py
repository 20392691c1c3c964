"""Rows as they are, kept in input order until all are there. Spills."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...planner.plan import Here, Sort
from ...planner.types import Schema
from ..batch import Batch
from ..context import Context
from ..notes import At
from ..operator import Flow, Source
from .sort import SortLocal, SortSink


class CollectSink:
    """A sort without keys. `schema` is set by whoever lowers what comes before: it may not be known earlier."""

    needs_order = False

    def __init__(self, at: At) -> None:
        self._at = at
        self.schema = Schema()
        self._made: SortSink | None = None

    def _sort(self) -> SortSink:
        if self._made is None:
            self._made = SortSink(Sort(inputs=(Here(columns=self.schema),), keys=()), self.schema, self._at)
        return self._made

    def open(self, ctx: Context) -> SortLocal:
        return self._sort().open(ctx)

    def push(self, batch: Batch, local: SortLocal) -> Flow:
        return self._sort().push(batch, local)

    def combine(self, local: SortLocal) -> None:
        self._sort().combine(local)

    def merge(self, ctx: Context) -> Sequence[Callable[[], None]]:
        return self._sort().merge(ctx)

    def result(self, ctx: Context) -> Source:
        return self._sort().result(ctx)

    def close(self) -> None:
        if self._made is not None:
            self._made.close()

    def describe_run(self) -> Any:
        return self._made.describe_run() if self._made is not None else ""
