"""From a frame to the stretch of places that each row sees."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....planner.records import dataclass
from ...context import Context
from ...dateops import Unit, shifted, within_years
from ...zones import NS, US, zone
from .segment import I32, I64, Segment
from .spec import Frame, Length

MONTH_S = 2_629_746  # seconds of a twelfth of a year
LEAST, MOST = np.int64(-(1 << 63)), np.int64((1 << 63) - 1)


@dataclass(slots=True)
class Stretch:
    """Places low .. high (exclusive) that the row at each place sees; `holed`: but for itself. `has_self`: itself surely."""

    low: I32
    high: I32
    holed: bool = False
    has_self: bool = False

    def inside(self) -> NDArray[np.bool_]:
        """Whether the row's own place is in its stretch and left out."""
        own = np.arange(len(self.low), dtype=np.int32)
        return (self.low <= own) & (own < self.high) if self.holed else np.zeros(len(own), np.bool_)

    def sizes(self) -> I64:
        return (self.high - self.low).astype(np.int64) - self.inside()

    def sums(self, prefix: NDArray[Any], own: NDArray[Any]) -> NDArray[Any]:
        """Sums over each stretch from sums over all places before (one more than places); `own`: the values."""
        out: NDArray[Any] = prefix[self.high] - prefix[self.low]
        if self.holed:
            out -= own * self.inside().reshape(-1, *[1] * (own.ndim - 1))
        return out


def stretches(frame: Frame, segment: Segment, time: I64 | None, ns: bool) -> Stretch:
    """`time`: of the rows in order, where the frame goes by it; `ns`: in nanoseconds."""
    if frame.by_time:
        assert time is not None
        return _by_time(frame, segment, time, ns)
    if frame.before is None and frame.after is None:
        bounds = segment.starts.astype(np.int32)
        return Stretch(bounds[segment.group], bounds[segment.group + 1], not frame.sees_self)
    return _by_rows(segment, _count(frame.before, segment.n), _count(frame.after, segment.n), frame.sees_self)


def foreign(stretch: Stretch, segment: Segment, seen: NDArray[np.bool_], prevailing: bool) -> Stretch:
    """Of places of two sides the stretches that one has of the other: rows that are `seen` see nothing themselves.

    `prevailing`: with the last that is seen in front of each stretch.
    """
    low = stretch.low
    if prevailing:
        places = np.arange(segment.n, dtype=np.int32)
        last = np.empty(segment.n + 1, np.int32)
        last[0] = -1
        np.maximum.accumulate(np.where(seen, places, np.int32(-1)), out=last[1:])
        before = last[low]
        low = np.where(before >= segment.starts[segment.group], before, low).astype(np.int32)
    return Stretch(low, np.where(seen, low, np.maximum(low, stretch.high)).astype(np.int32))


def _count(bound: Any, n: int) -> int:
    """No more than there are rows."""
    assert not isinstance(bound, Length)
    return n if bound is None else min(int(bound), n)


def _by_rows(segment: Segment, before: int, after: int, sees_self: bool) -> Stretch:
    has_self = sees_self and before >= 0 and after >= 0
    if segment.ctx.compiled:
        from ...kernels import windowrows

        low, high = segment.empty(np.int32), segment.empty(np.int32)
        windowrows.rows_around(segment.starts, before, after, low, high, segment.ctx.stop)
        segment.ctx.check()
        return Stretch(low, high, not sees_self, has_self)
    own = np.arange(segment.n, dtype=np.int64)
    first, end = segment.starts[segment.group], segment.starts[segment.group + 1]
    low = np.minimum(np.maximum(first, own - before), end).astype(np.int32)
    high = np.maximum(np.minimum(end, own + after + 1), first).astype(np.int32)
    return Stretch(low, np.maximum(low, high), not sees_self, has_self)


def _by_time(frame: Frame, segment: Segment, time: I64, ns: bool) -> Stretch:
    group_bounds = segment.starts.astype(np.int32)
    ends_at_row = not frame.own_time and not frame.open_high
    if frame.before is None:
        low = group_bounds[segment.group]
    else:
        low = distant(segment, time, frame.before, -1, frame.open_low, ns)
    if ends_at_row:
        high = np.arange(segment.n, dtype=np.int32) + np.int32(frame.sees_self)
    elif frame.after is None:
        high = group_bounds[segment.group + 1]
    else:
        high = distant(segment, time, frame.after, 1, not frame.open_high, ns)
    if frame.sees_self and not frame.open_low and not frame.open_high:
        return Stretch(low, high, has_self=True)
    return Stretch(low, np.maximum(low, high), not frame.sees_self and not ends_at_row)


def distant(segment: Segment, time: I64, by: Length | int, sign: int, after_equal: bool, ns: bool) -> I32:
    """For each place the first of its group whose time is not less (`after_equal`: greater) than its own moved on or back."""
    assert isinstance(by, Length)
    ctx = segment.ctx
    if ctx.compiled and not by.months:
        from ...kernels import windowrows

        out = segment.empty(np.int32)
        if by.ticks == 0:
            (windowrows.ends if after_equal else windowrows.beginnings)(time, segment.starts, out, ctx.stop)
        else:
            windowrows.search_from(time, segment.starts, sign * by.ticks, int(after_equal), out, ctx.stop)
        ctx.check()
        return out
    return places(segment, time, _moved(time, by, sign, ns, ctx), after_equal)


def _moved(time: I64, by: Length, sign: int, ns: bool, ctx: Context) -> I64:
    """Times so much earlier or later; those beyond 64 bits are at their ends."""
    ticks = NS if ns else US
    if by.months:
        known = within_years(time, ticks)
        out, far, _ = shifted(
            np.where(known, time, 0),
            np.full(len(time), sign * by.months),
            Unit(months=1),
            zone(ctx.settings.timezone),
            ticks,
        )
        known &= ~far
        if known.all():
            return out
        # beyond the calendar months are of one length
        return np.where(
            known, out, _moved(time, Length(ticks=min(by.months * MONTH_S * ticks, int(MOST))), sign, ns, ctx)
        )
    shift = sign * by.ticks
    if shift < 0:
        return np.where(time < LEAST - shift, LEAST, time + shift)
    return np.where(time > MOST - shift, MOST, time + shift)


def places(segment: Segment, time: I64, targets: I64, after_equal: bool) -> I32:
    """For each place the first of its group whose time is not less (`after_equal`: greater) than its target."""
    if segment.ctx.compiled:
        from ...kernels import windowrows

        out = segment.empty(np.int32)
        windowrows.search(time, targets, segment.starts, int(after_equal), out, segment.ctx.stop)
        segment.ctx.check()
        return out
    n = segment.n
    # all times and all targets in one order: as many times stand before a target as there are places before its place
    group = np.concatenate([segment.group, segment.group])
    is_time = np.repeat(np.array([1, 0], np.int8), n)
    order = np.lexsort((is_time if not after_equal else 1 - is_time, np.concatenate([time, targets]), group))
    before = np.cumsum(is_time[order])
    out = np.empty(n, np.int32)
    at = order >= n
    out[order[at] - n] = before[at]
    return out
