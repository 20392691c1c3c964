"""Functions of a window that are no aggregates: of neighbouring rows, of a row's place, of its rank in the group."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....planner.records import dataclass
from ....planner.types import Type
from ...arrow import array_from, is_valid, numbers_of
from ..keyform import Words, normal
from ..keysort import ranks
from ..states.moments import Moments
from .evaluation import Evaluation, Faults, Made, is_fixed
from .frames import distant
from .segment import I32, I64
from .spec import Length

NO_LENGTH = Length()


@dataclass(frozen=True, slots=True)
class Function:
    """Stands where the state of an aggregate does. `frameless`: it looks at no frame."""

    arity: int = 1
    frameless: bool = True
    ordered: bool = True
    raw: bool = False


@dataclass(frozen=True, slots=True)
class RowNumber(Function):
    arity: int = 0


@dataclass(frozen=True, slots=True)
class Shift(Function):
    """`rows` back; negative: ahead."""

    rows: int = 1


@dataclass(frozen=True, slots=True)
class ShiftTime(Function):
    """The last row at least so long before, or the first at least so long after."""

    by: Length = NO_LENGTH  # in nanoseconds
    ahead: bool = False
    by_time: bool = True


@dataclass(frozen=True, slots=True)
class Difference(Function):
    """From the row before: `kind` delta or pct."""

    kind: str = "delta"


@dataclass(frozen=True, slots=True)
class Rank(Function):
    dense: bool = False


@dataclass(frozen=True, slots=True)
class Tile(Function):
    arity: int = 0
    tiles: int = 1


@dataclass(frozen=True, slots=True)
class ZScore(Function):
    frameless: bool = False


def row_number(ev: Evaluation, state: RowNumber, out: str) -> Made:
    return Made(array_from(_number(ev) + 1))


def _number(ev: Evaluation) -> I64:
    """The row's number in its group, from 0."""
    number: I64 = np.arange(ev.n) - ev.segment.starts[ev.segment.group]
    return number


def shift(ev: Evaluation, state: Shift, out: str) -> Made:
    if ev.ctx.compiled and is_fixed(ev.argument().type):
        return _shifted_words(ev, state.rows)
    return Made(picked=_shifted(ev, state.rows), source=ev.column.args[0])


def _shifted_words(ev: Evaluation, rows: int) -> Made:
    from ...kernels import windowrows

    values, valid = ev.numbers(), ev.valid()
    out, known = ev.segment.empty(values.dtype), np.empty(ev.n, np.bool_)
    windowrows.shift(
        values.view(np.int64),
        np.empty(0, np.uint8) if valid is None else valid.view(np.uint8),
        ev.segment.starts,
        max(-ev.n - 1, min(rows, ev.n + 1)),
        out.view(np.int64),
        known.view(np.uint8),
        ev.ctx.stop,
    )
    ev.ctx.check()
    return Made(array_from(out, ~known, ev.argument().type))


def _shifted(ev: Evaluation, rows: int) -> I32:
    """The place so many rows back; -1: there is none in the group."""
    rows = max(-ev.n - 1, min(rows, ev.n + 1))
    first, end = ev.segment.starts[ev.segment.group], ev.segment.starts[ev.segment.group + 1]
    at = np.arange(ev.n) - rows
    return np.where((at >= first) & (at < end), at, -1).astype(np.int32)


def shift_time(ev: Evaluation, state: ShiftTime, out: str) -> Made:
    assert ev.time is not None
    # times of microseconds that lie so many nanoseconds apart lie at least the next whole microsecond apart
    by = Length(state.by.months, state.by.ticks if ev.ns else -(-state.by.ticks // 1000))
    first, end = ev.segment.starts[ev.segment.group], ev.segment.starts[ev.segment.group + 1]
    if state.ahead:
        at = distant(ev.segment, ev.time, by, 1, False, ev.ns)
        at = np.where(at < end, at, -1)
    else:
        at = distant(ev.segment, ev.time, by, -1, True, ev.ns) - np.int32(1)
        at = np.where(at >= first, at, -1)
    return Made(picked=at.astype(np.int32), source=ev.column.args[0])


def difference(ev: Evaluation, state: Difference, out: str) -> Made:
    before = _shifted(ev, 1)
    valid = ev.valid()
    nulls = before < 0
    if valid is not None:
        nulls |= ~valid | ~valid[np.maximum(before, 0)]
    values = ev.numbers()
    earlier = values[np.maximum(before, 0)]
    if state.kind == "pct":
        return _relative(values, earlier, nulls)
    kind = ev.column.type
    if values.dtype == np.float64:
        with np.errstate(invalid="ignore", over="ignore"):
            return Made(array_from(values - earlier, nulls))
    with np.errstate(over="ignore"):
        gap = values - earlier
    over = ((values ^ earlier) & (values ^ gap)) < 0
    over &= ~nulls
    if ev.ns and ev.type().kind == "date":
        gap = np.where(gap < 0, -(-gap // 1000), gap // 1000)
    texts = [str(int(a) - int(b)) for a, b in zip(values[over].tolist(), earlier[over].tolist(), strict=True)]
    faults = Faults(np.flatnonzero(over), pa.array(texts, pa.string())) if texts else None
    return Made(array_from(gap, nulls | over, kind.arrow), faults=faults)


def _relative(values: NDArray[Any], earlier: NDArray[Any], nulls: NDArray[np.bool_]) -> Made:
    zero = (earlier == 0) & ~nulls
    x, y = values.astype(np.float64), earlier.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        change = (x - y) / y
    texts = [f"{v!r} from 0" for v in values[zero].tolist()]
    faults = Faults(np.flatnonzero(zero), pa.array(texts, pa.string()), "div0") if texts else None
    return Made(array_from(np.where(nulls | zero, 0.0, change), nulls | zero), faults=faults)


def rank(ev: Evaluation, state: Rank, out: str) -> Made:
    """The number of lesser values, or of lesser different values, in the group, and one."""
    words, valid = ev.share(("rank words", ev.column.args[0]), lambda: _words(ev)), ev.valid()
    group = ev.segment.group
    live = np.arange(ev.n) if valid is None else np.flatnonzero(valid)
    order = live[np.lexsort((words[live], group[live]))]
    head = np.ones(len(order), np.bool_)
    head[1:] = group[order[1:]] != group[order[:-1]]
    new = head.copy()
    new[1:] |= words[order[1:]] != words[order[:-1]]
    number = np.cumsum(new) if state.dense else np.arange(1, len(order) + 1)
    if not state.dense:
        number = np.maximum.accumulate(np.where(new, number, 0))
    base = np.maximum.accumulate(np.where(head, number - 1, 0))
    made = np.zeros(ev.n, np.int64)
    made[order] = number - base
    return Made(array_from(made, None if valid is None else ~valid))


def _words(ev: Evaluation) -> NDArray[np.uint64]:
    form: Any = normal(ev.type(), ev.argument())
    return ev.segment.bring(form.values if isinstance(form, Words) else ranks(form).view(np.uint64))


def tile(ev: Evaluation, state: Tile, out: str) -> Made:
    """As even as can be, the longer ones first."""
    number = _number(ev)
    size = np.diff(ev.segment.starts)[ev.segment.group]
    short, longer = size // state.tiles, size % state.tiles
    border = longer * (short + 1)
    behind = longer + (number - border) // np.maximum(short, 1)
    return Made(array_from(np.where(number < border, number // (short + 1), behind) + 1))


def zscore(ev: Evaluation, state: ZScore, out: str) -> Made:
    """Distance from the frame's mean in its population deviations; null without spread."""
    from .moments import moments
    from .sums import totals

    mask = ev.mask(0)
    values = ev.doubles()
    mean, _ = totals(ev, values, mask, mean=True)
    deviation = moments(ev, Moments([Type("double")]), "stddev").values
    assert deviation is not None
    spread = numbers_of(deviation)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        score = (values - mean) / spread
    nulls = ~is_valid(deviation) | (spread == 0)
    if mask is not None:
        nulls |= ~mask
    few = ev.too_few(mask)
    if few is not None:
        nulls |= few
    return Made(array_from(np.where(nulls, 0.0, score), nulls))
