"""A sink that keeps nothing: `explain analyze` runs a query for its figures only."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...planner.types import Schema
from ..batch import Batch
from ..context import Context
from ..operator import Flow, Partition, Source


class Nothing:
    """A source without rows."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema

    def partitions(self, target: int) -> Sequence[Partition]:
        return []


class DiscardSink:
    needs_order = False

    def open(self, ctx: Context) -> None:
        return None

    def push(self, batch: Batch, local: None) -> Flow:
        return Flow.MORE

    def combine(self, local: None) -> None:
        return None

    def merge(self, ctx: Context) -> Sequence[Callable[[], None]]:
        return ()

    def result(self, ctx: Context) -> Source:
        return Nothing(Schema())

    def close(self) -> None:
        return None
