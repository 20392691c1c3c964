"""`patterns`: lines are masked as they come, in any order; then one sink in sequence finds their templates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.records import dataclass
from ...planner.text import fault
from ...planner.types import Schema, Type
from ..analytics.drain import Lines, Miner, unified
from ..analytics.masking import masked, masked_compiled
from ..arrow import array_from, coded, indices, int32_of, is_valid, nulls, numbers_of
from ..batch import Batch, Column, Spans
from ..context import Context
from ..memory import Reservation
from ..notes import NULL_VALUE, At, shown
from ..operator import Emit, Flow, Source, StreamTransform
from ..values import text_column
from .grouping import Keys, new_keys
from .rows import Rows

I64 = NDArray[np.int64]
LAST = np.iinfo(np.int64).max


class MaskTransform(StreamTransform):
    """Adds a column behind the others: the masked lines, as codes."""

    def __init__(self, column: int, type_: Type, at: At) -> None:
        self._column, self._type, self._at = column, type_, at

    def push(self, batch: Batch, local: Context, emit: Emit) -> Flow:
        text = text_column(batch, self._column, self._type, local.settings.timezone)
        made = masked_codes(text, local)
        if made.null_count:
            missing = np.flatnonzero(~is_valid(made.indices))
            local.notes.rows(self._at, "drop", NULL_VALUE, batch, missing, None)
        return emit(batch.with_columns([made]))


def masked_codes(text: Column, ctx: Context) -> pa.DictionaryArray[Any, Any]:
    """Masked lines as codes of the distinct ones; lines that come as codes are masked once each."""
    if isinstance(text, pa.DictionaryArray):
        inner = _masked(text.dictionary, ctx).dictionary_encode()
        return coded(inner.indices.take(text.indices), inner.dictionary)
    return _masked(text, ctx).dictionary_encode()


def _masked(text: pa.Array[Any] | Spans, ctx: Context) -> pa.Array[Any]:
    if ctx.compiled:
        made = masked_compiled(text, ctx.stop)
        ctx.check()
        return made
    return masked(text.to_arrow() if isinstance(text, Spans) else text)


@dataclass(slots=True)
class Local:
    ctx: Context
    reservation: Reservation
    keys: Keys
    miner: Miner
    seen: int = 0  # rows
    charged: int = 0
    counts: I64 = field(default_factory=lambda: np.zeros(0, np.int64))  # by template, as all below
    first: I64 = field(default_factory=lambda: np.zeros(0, np.int64))
    last: I64 = field(default_factory=lambda: np.zeros(0, np.int64))
    samples: list[str] = field(default_factory=list)
    sample_bytes: int = 0


class PatternsSink:
    """Rows `keys, pattern_id, pattern, count, ratio, first, last, sample` of each template, by group and appearance.

    `line`, `time`: columns of the rows, the masked lines behind them all; `time` None: first and last are numbers of rows.
    """

    needs_order = True

    def __init__(
        self, schema: Schema, keys: Sequence[tuple[int, Type]], line: int, time: int | None, masks: int,
        depth: int, similarity: float, at: At,
    ) -> None:  # fmt: skip
        self._schema, self._keys, self._line, self._time, self._masks = schema, keys, line, time, masks
        self._depth, self._similarity, self._at = depth, similarity, at
        self._local: Local | None = None

    def open(self, ctx: Context) -> Local:
        keys = new_keys([t for _, t in self._keys], ctx.compiled)
        self._local = Local(ctx, ctx.memory.reserve(self._at.command), keys, Miner(self._depth, self._similarity))
        return self._local

    def push(self, batch: Batch, local: Local) -> Flow:
        if not batch.n_rows:
            return Flow.MORE
        ctx = local.ctx
        if ctx.compiled and not local.keys.compiled:
            local.keys.compile(ctx.stop)
        groups = local.keys.ids([batch.columns[i] for i, _ in self._keys], batch.n_rows, ctx.stop)
        ctx.check()
        masks = batch.coded(self._masks)
        assert masks is not None
        live = np.arange(batch.n_rows) if not masks.null_count else np.flatnonzero(is_valid(masks.indices))
        if len(live):
            templates = mined(local.miner, masks, groups, live, ctx)
            ctx.check()
            self._count(batch, live, templates, local)
        local.seen += batch.n_rows
        self._charge(local)
        return Flow.MORE

    def _count(self, batch: Batch, live: I64, templates: NDArray[np.int32], local: Local) -> None:
        known, n = len(local.counts), len(local.miner)
        more = n - known
        local.counts = np.append(local.counts, np.zeros(more, np.int64)) + np.bincount(templates, minlength=n)
        local.first = np.append(local.first, np.full(more, LAST))
        local.last = np.append(local.last, np.full(more, -LAST))
        if more:
            at = np.zeros(n, np.int64)
            at[templates[::-1]] = live[::-1]
            for row in at[known:].tolist():
                text = shown(batch.columns[self._line], row)
                local.samples.append(text)
                local.sample_bytes += 80 + len(text)
        if self._time is None:
            when, which = live + local.seen + 1, templates
        else:
            times = batch.array(self._time)
            timed = is_valid(times)[live]
            when, which = numbers_of(times)[live[timed]], templates[timed]
        if len(which):
            order = np.argsort(which, kind="stable")
            which, when = which[order], when[order]
            starts = np.flatnonzero(np.append(True, which[1:] != which[:-1]))
            some = which[starts]
            local.first[some] = np.minimum(local.first[some], np.minimum.reduceat(when, starts))
            local.last[some] = np.maximum(local.last[some], np.maximum.reduceat(when, starts))

    def _charge(self, local: Local) -> None:
        now = local.miner.nbytes() + local.keys.nbytes() + local.sample_bytes + 24 * len(local.counts)
        if now > local.charged:
            if not local.reservation.grow(now - local.charged):
                raise fault(
                    "E702", f"{len(local.miner):,} templates need more than {self._at.command}'s part of the memory",
                    hint="a lower similarity makes fewer templates; or raise the setting `memory`",
                )  # fmt: skip
            local.charged = now

    def combine(self, local: Local) -> None:
        return None

    def merge(self, ctx: Context) -> Sequence[Callable[[], None]]:
        return []

    def result(self, ctx: Context) -> Source:
        local = self._local
        if local is None or not len(local.counts):
            return Rows([nulls(0, t.arrow) for _, t in self._schema.fields], self._schema, self._at.command)
        of, firsts = unified(local.miner.groups, local.miner.texts())
        counts = np.bincount(of, weights=local.counts).astype(np.int64)
        texts = local.miner.texts()
        groups = np.array([local.miner.groups[t] for t in firsts], np.int64)
        order = np.argsort(groups, kind="stable")
        counts, groups, chosen = counts[order], groups[order], np.array(firsts)[order]
        number = np.arange(len(order)) - np.searchsorted(groups, groups) + 1
        total = np.bincount(groups, weights=counts)[groups]
        first, last = np.full(len(firsts), LAST), np.full(len(firsts), -LAST)
        np.minimum.at(first, of, local.first)
        np.maximum.at(last, of, local.last)
        at = indices(groups)
        columns: list[Any] = [v.take(at) for v in local.keys.values()]
        columns += [
            array_from(number), pa.array([texts[t] for t in chosen], pa.string()), array_from(counts), array_from(counts / total),
            *(self._moments(v[order]) for v in (first, last)),
            pa.array([local.samples[t] for t in chosen], pa.string()),
        ]  # fmt: skip
        return Rows(columns, self._schema, self._at.command)

    def _moments(self, values: I64) -> pa.Array[Any]:
        none = np.abs(values) == LAST
        return array_from(np.where(none, 0, values), none, (self._schema.type("first") or Type("long")).arrow)

    def close(self) -> None:
        if self._local is not None:
            self._local.reservation.release()
            self._local = None


def mined(
    miner: Miner, masks: pa.DictionaryArray[Any, Any], groups: NDArray[Any], live: I64, ctx: Context
) -> NDArray[np.int32]:
    """The template of each live row."""
    codes = int32_of(masks.indices)[live].astype(np.int64)
    n = len(masks.dictionary)
    both, pairs = np.unique(groups[live].astype(np.int64) * n + codes, return_inverse=True)
    lines = Lines(masks.dictionary.take(array_from(both % n)), both // n)
    return miner.assign(pairs.reshape(-1).astype(np.int64), lines, ctx.stop if ctx.compiled else None)
