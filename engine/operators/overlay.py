"""Columns behind a stage that makes fields of a value: the new ones, those of the row that go on, and reasons."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from ...planner.types import NULL, Schema, Type
from ..arrow import array_from, call, is_valid, nulls
from ..batch import Batch, Column
from ..exprs import plain
from ..operator import Emit, Flow
from ..values import unify
from .reasons import Reasons

MOST_CELLS = 16 << 20


def by_width(batch: Batch, width: int) -> Iterator[Batch]:
    """The batch in pieces of so few rows that `width` columns of them stay small: texts may have ten thousand keys."""
    step = max(1, MOST_CELLS // max(width, 1))
    if batch.n_rows <= step:
        yield batch
        return
    for begin in range(0, batch.n_rows, step):
        yield batch.slice(begin, min(begin + step, batch.n_rows))


def each(pieces: Iterable[Batch], made: Callable[[Batch], Batch], emit: Emit) -> Flow:
    """What is made of each piece goes on, one after the other."""
    for piece in pieces:
        if emit(made(piece)) is Flow.DONE:
            return Flow.DONE
    return Flow.MORE


class Overlay:
    """`out`: the columns. `made`: the new fields with their types. `keeps`: where a row has no new value, the old one of
    that name stays. `errors`: the column of reasons."""

    def __init__(self, out: Schema, before: Schema, made: Mapping[str, Type], errors: str, *, keeps: bool) -> None:
        self._out, self._before, self._made, self._errors, self._keeps = out, before, made, errors, keeps

    def build(self, batch: Batch, made: Mapping[str, Column], reasons: Reasons, zone: str) -> Batch:
        columns = [self._column(n, t, batch, made.get(n), reasons, zone) for n, t in self._out.fields]
        return Batch(batch.n_rows, tuple(columns), batch.origin)

    def _column(self, name: str, type_: Type, batch: Batch, new: Column | None, reasons: Reasons, zone: str) -> Column:
        if name == self._errors:
            return reasons.column()
        old = self._before.index(name) if name in self._before else None
        if name not in self._made:
            return batch.columns[old] if old is not None else nulls(batch.n_rows, type_.arrow)
        if new is None:
            new = nulls(batch.n_rows, self._made[name].arrow)
        if old is None or not self._keeps:
            return new
        array = unify(plain(new, batch.n_rows), self._made[name], type_, zone)
        if not array.null_count:
            return array
        was = unify(batch.array(old), self._before.type(name) or NULL, type_, zone)
        return call("if_else", array_from(is_valid(array)), array, was)
