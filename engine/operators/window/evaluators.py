"""Which way a column is computed: by the kind of its state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..states.best import Best
from ..states.distinct import Distinct
from ..states.errors import MeanError
from ..states.extremes import Extreme, Range, Truth
from ..states.moments import Moments
from ..states.percentile import Percentile
from ..states.rates import Rate
from ..states.smooth import Ema
from ..states.sums import Count, SumDouble, SumLong
from ..states.twap import Twap
from . import flow, functions, ordered, picks, series, sums
from .evaluation import Evaluation, Made
from .general import by_group, by_state
from .moments import moments
from .whole import WholeFunction, whole

EVALUATORS: Mapping[type, Callable[[Evaluation, Any, str], Made]] = {
    Count: sums.count,
    SumLong: sums.sum_long,
    SumDouble: sums.sum_double,
    Rate: sums.rate,
    Extreme: picks.extreme,
    Truth: picks.extreme,
    Range: picks.spread,
    Best: picks.best,
    Percentile: ordered.percentile,
    Distinct: ordered.distinct,
    Moments: moments,
    MeanError: series.mean_error,
    Ema: series.ema,
    Twap: series.twap,
    functions.RowNumber: functions.row_number,
    functions.Shift: functions.shift,
    functions.ShiftTime: functions.shift_time,
    functions.Difference: functions.difference,
    functions.Rank: functions.rank,
    functions.Tile: functions.tile,
    flow.Imbalance: flow.imbalance,
    functions.ZScore: functions.zscore,
}


def evaluate(ev: Evaluation) -> Made:
    maker = ev.column.maker
    state = maker.make()
    if ev.is_whole and not isinstance(state, functions.Function):
        return by_group(ev, state, maker.out)
    if isinstance(state, WholeFunction):
        return whole(ev, state, maker.out)
    known = EVALUATORS.get(type(state))
    if known is not None:
        return known(ev, state, maker.out)
    return by_state(ev, state, maker.out, maker.make)
