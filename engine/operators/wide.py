"""Groups as columns: what `timechart by` and `pivot` share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.records import dataclass
from ...planner.text import fault
from ...planner.types import Schema, Type
from ..arrow import concat, indices
from ..batch import Batch, Origin
from ..context import Context
from ..memory import Reservation
from ..notes import At
from ..operator import Flow, Partition
from ..values import to_text
from .keyform import Words, normal
from .keysort import ranks

MOST_CELLS = 100_000_000


def numbered(
    keys: Sequence[pa.Array[Any]], types: Sequence[Type], n: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """A number for each of n rows by ascending value of its keys, and the first row of each number."""
    codes = np.zeros(n, np.int64)
    for key, type_ in zip(keys, types, strict=True):
        form: Any = normal(type_, key)
        rank = ranks(form.to_arrow() if isinstance(form, Words) else form)
        codes = np.unique(codes * (int(rank.max()) + 1) + rank, return_inverse=True)[1].astype(np.int64)
    first = np.unique(codes, return_index=True)[1]
    return codes, first.astype(np.int64)


def labels_of(keys: Sequence[pa.Array[Any]], types: Sequence[Type], rows: NDArray[np.int64], zone: str) -> list[str]:
    """The names that these rows' keys give to columns: their texts, null as `null`, several joined by `_`."""
    at = indices(rows)
    texts = [to_text(k.take(at), t, zone).to_pylist() for k, t in zip(keys, types, strict=True)]
    return ["_".join("null" if part is None else part for part in parts) for parts in zip(*texts, strict=True)]


def check_names(names: Sequence[str], hint: str) -> None:
    """E350 for two columns of one name."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise fault("E350", f"two columns are named '{name}'", hint=hint)
        seen.add(name)


class GroupsSink:
    """Takes groups in order and keeps them, within the memory of its query; `result` lays them out."""

    needs_order = True
    hint = ""  # what to do where they do not fit

    def __init__(self, at: At) -> None:
        self._at = at
        self._batches: list[tuple[pa.Array[Any], ...]] = []
        self._reservation: Reservation | None = None

    def open(self, ctx: Context) -> Context:
        self._reservation = ctx.memory.reserve(self._at.command)
        return ctx

    def push(self, batch: Batch, local: Context) -> Flow:
        columns = batch.own(range(len(batch.columns)))
        self._charge(sum(c.nbytes for c in columns))
        self._batches.append(columns)
        return Flow.MORE

    def _charge(self, nbytes: int) -> None:
        assert self._reservation is not None
        if not self._reservation.grow(nbytes):
            raise fault("E702", f"{self._at.command} needs more memory than the query has", hint=self.hint)

    def _columns(self) -> list[pa.Array[Any]]:
        """Of all groups; they are let go of."""
        columns = [concat(parts) for parts in zip(*self._batches, strict=True)]
        self._batches.clear()
        return columns

    def combine(self, local: Context) -> None:
        return None

    def merge(self, ctx: Context) -> Sequence[Callable[[], None]]:
        return ()

    def close(self) -> None:
        if self._reservation is not None:
            self._reservation.release()


class MemoryRows:
    """Columns in memory as a source, which knows its columns only now."""

    def __init__(self, columns: Sequence[pa.Array[Any]], schema: Schema, name: str) -> None:
        self._columns, self._schema, self._name = tuple(columns), schema, name

    @property
    def schema(self) -> Schema:
        return self._schema

    def partitions(self, target: int) -> Sequence[Partition]:
        n = len(self._columns[0]) if self._columns else 0
        step = max(1, target)
        return [MemoryPart(self._columns, i, b, min(b + step, n), self._name) for i, b in enumerate(range(0, n, step))]


@dataclass(frozen=True, slots=True)
class MemoryPart:
    columns: tuple[pa.Array[Any], ...]
    seq: int
    begin: int
    end: int
    name: str

    def batches(self, ctx: Context) -> Iterator[Batch]:
        step = ctx.settings.batch_rows
        for row in range(self.begin, self.end, step):
            n = min(step, self.end - row)
            yield Batch(
                n, tuple(c.slice(row, n) for c in self.columns), Origin(self.seq, self.name, 0, row - self.begin)
            )
