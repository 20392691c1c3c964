"""`anomalies`: how unusual each row is among those of its group, by an isolation forest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....planner.records import dataclass
from ...analytics.forest import grown, walked, walked_compiled
from ...arrow import array_from, bools_of, call, int32_of, numbers_of
from .evaluation import Evaluation, Made
from .whole import WholeFunction, doubles_out

LEAST = 2  # rows to learn from
F64 = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Isolation(WholeFunction):
    """Columns: score, scorer. `trains`: behind the fields an argument says which rows are scored; the others are learnt from."""

    fields: tuple[str, ...] = ()
    sample: int = 256
    size: int = 100
    top: int = 0
    seed: int = 0
    trains: bool = False

    def columns(self, ev: Evaluation) -> Mapping[str, Made]:
        good = np.ones(ev.n, np.bool_)
        for i in range(len(self.fields)):
            good &= _is_usable(ev, i)
        asks = ev.truth(ev.column.args[len(self.fields)]) if self.trains else None
        score = np.full(ev.n, np.nan)
        best = np.full((ev.n, self.top), -1, np.int64)
        for low, high in self.groups(ev):
            live = np.flatnonzero(good[low:high]) + low
            known, asked = (live, live) if asks is None else (live[~asks[live]], live[asks[live]])
            if len(known) < LEAST:
                self.told.drop(f"fewer than {LEAST} rows to learn from", len(asked), self.keys(ev, low))
            elif len(asked):
                score[asked], best[asked] = self._scored(ev, known, asked)
        made = {"score": doubles_out(score)}
        if self.top:
            made["scorer"] = self._named(best)
        return made

    def _scored(
        self, ev: Evaluation, known: NDArray[np.int64], asked: NDArray[np.int64]
    ) -> tuple[F64, NDArray[np.int64]]:
        ctx = ev.ctx
        pairs = [_values(ev, i, known, asked) for i in range(len(self.fields))]
        rows = np.stack([a for a, _ in pairs], axis=1)
        forest = grown(rows, self.sample, self.size, self.seed, ctx.check)
        target = np.stack([b for _, b in pairs], axis=1) if self.trains else rows
        if ctx.compiled:
            length, gains = walked_compiled(forest, target, self.top > 0, ctx.stop)
        else:
            length, gains = walked(forest, target, self.top > 0, ctx.check)
        ctx.check()
        # rounded as a length is, so that equal rows have 0.5; Arrow's power: bits do not depend on the place of a value
        usual = np.cumsum(np.full(self.size, forest.usual))[-1] / self.size
        score = numbers_of(call("power", 2.0, array_from(-length / usual)))
        if gains is None:
            return score, np.empty((len(target), 0), np.int64)
        return score, np.argsort(-gains, axis=1, kind="stable")[:, : self.top]

    def _named(self, best: NDArray[np.int64]) -> Made:
        """The names of the fields of each row, the weightiest first, by commas."""
        found, at = np.unique(best, axis=0, return_inverse=True)
        texts = [", ".join(self.fields[f] for f in row) for row in found.tolist()]
        picked = np.where(best[:, 0] < 0, -1, at.reshape(-1))
        return Made(values=pa.array(texts, pa.string()), picked=picked.astype(np.int32))


def _is_usable(ev: Evaluation, i: int) -> Mask:
    valid = ev.valid(i)
    out = np.ones(ev.n, np.bool_) if valid is None else valid.copy()
    if pa.types.is_floating(ev.argument(i).type):
        out &= np.isfinite(ev.numbers(i))
    return out


def _values(ev: Evaluation, i: int, known: NDArray[np.int64], asked: NDArray[np.int64]) -> tuple[F64, F64]:
    """A field of the rows that are learnt from, and of those that are asked about, as numbers."""
    array = ev.argument(i)
    if pa.types.is_boolean(array.type):
        values = ev.segment.bring(bools_of(array).astype(np.float64))
        return values[known], values[asked]
    if not pa.types.is_string(array.type) and not pa.types.is_dictionary(array.type):
        values = ev.doubles(i)
        return values[known], values[asked]
    perm = ev.segment.perm
    a, b = (_texts(array, perm[places]) for places in (known, asked))
    levels = pa.chunked_array([a, b]).combine_chunks().dictionary_encode()
    codes = int32_of(levels.indices)
    counts = np.bincount(codes[: len(known)], minlength=len(levels.dictionary)).astype(np.float64)
    return counts[codes[: len(known)]], counts[codes[len(known) :]]


def _texts(array: pa.Array, rows: Sequence[int] | NDArray[np.int32]) -> pa.Array:  # type: ignore[type-arg]
    taken = array.take(array_from(np.asarray(rows)))
    return taken.dictionary_decode() if isinstance(taken, pa.DictionaryArray) else taken
