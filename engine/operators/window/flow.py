"""Order-flow imbalance of quotes (Cont, Kukanov, Stoikov, "The price impact of order book events", 2014)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....planner.records import dataclass
from ...arrow import array_from
from .evaluation import Evaluation, Faults, Made
from .functions import Function

WIDE = 2.0**62  # sums of four of these fit 64 bits


@dataclass(frozen=True, slots=True)
class Imbalance(Function):
    arity: int = 4


def imbalance(ev: Evaluation, state: Imbalance, out: str) -> Made:
    """Of each quote against the one before it in its group. One with a null is none, and has none."""
    mask = ev.mask(0, 1, 2, 3)
    live = np.arange(ev.n) if mask is None else np.flatnonzero(mask)
    bid, bid_size, ask, ask_size = (ev.numbers(i)[live] for i in range(4))
    group = ev.segment.group[live]
    known = group[1:] == group[:-1]
    terms = (
        (bid[1:] >= bid[:-1], bid_size[1:], 1),
        (bid[1:] <= bid[:-1], bid_size[:-1], -1),
        (ask[1:] <= ask[:-1], ask_size[1:], -1),
        (ask[1:] >= ask[:-1], ask_size[:-1], 1),
    )
    whole = pa.types.is_int64(ev.column.type.arrow)
    flow = np.zeros(len(known), np.int64 if whole else np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        for holds, size, sign in terms:
            flow += sign * np.where(holds, size, 0)
    at = live[1:][known]
    made, nulls = np.zeros(ev.n, flow.dtype), np.ones(ev.n, np.bool_)
    made[at], nulls[at] = flow[known], False
    faults = None
    if whole:
        exact = sum(sign * np.where(holds, size, 0).astype(np.float64) for holds, size, sign in terms)
        doubtful = np.flatnonzero(known & (np.abs(exact) > WIDE))
        over = [i for i in doubtful.tolist() if not -(2**63) <= _exact(terms, i) < 2**63]
        if over:
            bad = live[1:][over]
            nulls[bad] = True
            faults = Faults(bad, pa.array([str(_exact(terms, i)) for i in over], pa.string()))
    return Made(array_from(made, nulls), faults=faults)


def _exact(terms: Sequence[tuple[NDArray[Any], NDArray[Any], int]], i: int) -> int:
    return sum(sign * int(size[i]) for holds, size, sign in terms if holds[i])
