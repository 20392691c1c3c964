"""The most frequent value, the different values and their entropy over stretches, by counts that move along with them."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...arrow import array_from, nan_as_null
from ..states.base import Finished
from ..states.distinct import Distinct, lists, weighed_logs
from .evaluation import Evaluation, Made
from .segment import I32, I64

Values: TypeAlias = "pa.Array[Any]"


def codes_of(ev: Evaluation, state: Distinct) -> I64:
    """Numbers of the argument's values, in order of place."""
    coder = state._ready(ev.ctx.compiled, ev.ctx.stop)
    codes = coder.codes(ev.argument(), ev.ctx.stop)
    ev.ctx.check()
    return ev.segment.bring(codes.astype(np.int64))


def counted(ev: Evaluation, state: Distinct, out: str) -> Made:
    """`out`: mode, values or entropy; kernels are there."""
    mask = ev.mask(0)
    codes = codes_of(ev, state)
    by_rank, rank_of = state.rank_of_codes()
    rank = rank_of[codes].astype(np.int32)
    if mask is not None:
        rank[~mask] = -1
    low, high = (np.ascontiguousarray(side, np.int32) for side in (ev.stretch.low, ev.stretch.high))
    few = ev.too_few(mask)
    if out == "entropy":
        return ev.made(Finished(_entropy(ev, rank, low, high, len(by_rank))), few)
    assert state.coder is not None
    values = state.coder.values()
    if out == "mode":
        return ev.made(Finished(_mode(ev, rank, low, high, values, by_rank)), few)
    return ev.made(_different(ev, rank, low, high, values, by_rank, state.cap), few)


def _entropy(ev: Evaluation, rank: I32, low: I32, high: I32, n_values: int) -> Values:
    from ...kernels import windowcounts

    logs, weighed = weighed_logs(np.arange(int((high - low).max(initial=0)) + 1))
    made = np.empty(ev.n)
    windowcounts.entropies(rank, low, high, ev.stretch.holed, n_values, logs.copy(), weighed, made, ev.ctx.stop)
    ev.ctx.check()
    return nan_as_null(made)


def _mode(
    ev: Evaluation,
    rank: I32,
    low: I32,
    high: I32,
    values: Values,
    by_rank: NDArray[np.int64],
) -> Values:
    from ...kernels import windowcounts

    made = np.empty(ev.n, np.int32)
    windowcounts.modes(rank, low, high, ev.stretch.holed, len(by_rank), made, ev.ctx.stop)
    ev.ctx.check()
    return values.take(array_from(by_rank[np.maximum(made, 0)], made < 0))


def _different(
    ev: Evaluation,
    rank: I32,
    low: I32,
    high: I32,
    values: Values,
    by_rank: NDArray[np.int64],
    cap: int | None,
) -> Finished:
    from ...kernels import windowcounts

    sizes, n_values, most = np.empty(ev.n, np.int64), len(by_rank), np.iinfo(np.int64).max if cap is None else cap
    none, nothing = np.empty(0, np.int64), np.empty(0, np.int32)
    windowcounts.different(rank, low, high, ev.stretch.holed, n_values, most, none, nothing, sizes, ev.ctx.stop)
    ev.ctx.check()
    given = np.minimum(sizes, most)
    ends = np.cumsum(given)
    found = np.empty(int(given.sum()), np.int32)
    windowcounts.different(rank, low, high, ev.stretch.holed, n_values, most, ends, found, sizes, ev.ctx.stop)
    ev.ctx.check()
    cut = int((sizes - given).sum())
    return Finished(lists(values.take(array_from(by_rank[found])), given, given == 0), cut=cut)
