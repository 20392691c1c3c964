"""Counts, sums and means over stretches, exactly: differences of whole numbers, rounded once.

Doubles are whole multiples of a fixed unit, so sums up to each place are kept as digits of 32 bits that never carry into
one another: a frame's sum is a difference of two of them, whatever came before or lies between.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ...arrow import array_from
from ...zones import NS, US
from ..states.base import Finished
from ..states.limbs import LOW32, SUM_UNIT, rounded
from ..states.rates import Rate
from ..states.sums import Count, SumDouble, SumLong, _add128
from .evaluation import Evaluation, Made, Mask
from .segment import I64
from .spec import Length

BLOCK = 1 << 16  # places whose digits are held at a time


def count(ev: Evaluation, state: Count, out: str) -> Made:
    if state.what == "true":
        true = ev.truth(ev.column.args[0])
        chosen = ev.chosen()
        mask: Mask | None = true if chosen is None else true & chosen
    else:
        mask = ev.mask(*range(state.arity))
    return Made(array_from(ev.count(mask)))


def sum_long(ev: Evaluation, state: SumLong, out: str) -> Made:
    mask = ev.mask(0)
    few = ev.too_few(mask, or_none=True)
    short = _short_sums(ev, mask) if out == "sum" and ev.ctx.compiled else None
    if short is not None:
        return ev.made(short, few)
    fill(ev, state, mask)
    return ev.finished(state, out, few)


def _short_sums(ev: Evaluation, mask: Mask | None) -> Finished | None:
    """None: a sum does not fit 64 bits."""
    from ...kernels import windowsums

    s = ev.stretch
    never_empty = mask is None and s.has_self
    total = ev.segment.empty(np.int64)
    number = ev.segment.empty(np.int64) if not never_empty else np.empty(0, np.int64)
    beyond = windowsums.short_sums(ev.numbers(), _bytes(mask), s.low, s.high, int(s.holed), total, number, ev.ctx.stop)
    ev.ctx.check()
    return None if beyond else Finished(array_from(total, None if never_empty else number == 0, ev.column.type.arrow))


def fill(ev: Evaluation, state: SumLong, mask: Mask | None) -> None:
    """The sum of each place's stretch as that of its group."""
    if ev.ctx.compiled:
        from ...kernels import windowsums

        state.cells = np.zeros((ev.n, 4), np.int64)
        s, cells = ev.stretch, state.cells.reshape(-1)
        windowsums.sum_longs(ev.numbers(), _bytes(mask), s.low, s.high, int(s.holed), cells, ev.ctx.stop)
        ev.ctx.check()
        return
    values = ev.numbers() if mask is None else np.where(mask, ev.numbers(), 0)
    halves = np.stack([values & LOW32, values >> 32], axis=1)
    prefix = np.zeros((ev.n + 1, 2), np.int64)
    np.cumsum(halves, axis=0, out=prefix[1:])
    small, large = ev.stretch.sums(prefix, halves).T
    nothing = np.zeros(ev.n, np.int64)
    low, high = _add128(nothing, nothing, np.ascontiguousarray(small), np.ascontiguousarray(large))
    state.cells = np.stack([low, high, ev.count(mask), nothing], axis=1)


def rate(ev: Evaluation, state: Rate, out: str) -> Made:
    """A sum by the length of the frame, which is the same for all."""
    mask = ev.mask(0)
    if isinstance(state.sum, SumLong):
        fill(ev, state.sum, mask)
        total, nulls = state.sum.totals(ev.n)
    else:
        total, number = totals(ev, ev.doubles(), mask, mean=False)
        nulls = np.zeros(ev.n, np.bool_) if number is None else number == 0
    lengths = [e.ticks for e in (ev.frame.before, ev.frame.after) if isinstance(e, Length)]
    seconds = sum(lengths) / (NS if ev.ns else US)
    got = Finished(array_from(np.where(nulls, 0.0, total * state.seconds / seconds), nulls))
    return ev.made(got, ev.too_few(mask, or_none=True))


def sum_double(ev: Evaluation, state: SumDouble, out: str) -> Made:
    mask = ev.mask(0)
    total, number = totals(ev, ev.doubles(), mask, mean=out == "avg")
    nulls = None if number is None else number == 0
    return ev.made(Finished(array_from(total, nulls)), ev.too_few(mask, or_none=True))


def totals(
    ev: Evaluation, values: NDArray[np.float64], mask: Mask | None, mean: bool
) -> tuple[NDArray[np.float64], I64 | None]:
    """The exact sum of each stretch, rounded once to nearest even, and how many values it has (None: one at least).

    `mean`: divided by that number.
    """
    if ev.ctx.compiled:
        return _compiled_totals(ev, values, mask, mean)
    number = ev.count(mask)
    values = values if mask is None else np.where(mask, values, 0.0)
    finite = np.isfinite(values)
    total = np.empty(ev.n)
    for begin, end in blocks(ev.segment.starts):
        _exact(ev, np.where(finite, values, 0.0), begin, end, total)
    if not finite.all():
        nan, plus, minus = (ev.count(m) > 0 for m in (np.isnan(values), values == np.inf, values == -np.inf))
        nan |= plus & minus
        total[plus], total[minus], total[nan] = np.inf, -np.inf, np.nan
    return total / np.maximum(number, 1) if mean else total, number


def _compiled_totals(
    ev: Evaluation, values: NDArray[np.float64], mask: Mask | None, mean: bool
) -> tuple[NDArray[np.float64], I64 | None]:
    from ...kernels import windowsums

    s = ev.stretch
    never_empty = mask is None and s.has_self
    total = ev.segment.empty(np.float64)
    number = np.empty(0, np.int64) if never_empty else ev.segment.empty(np.int64)
    arena, starts = ev.segment.arena, ev.segment.starts
    room = int(np.diff(starts).max(initial=0)) + 1
    sums = arena.empty(2 * room, np.uint64)
    counts = np.empty(room if mask is not None else 0, np.int64)
    windowsums.sum_doubles(
        values,
        _bytes(mask),
        starts,
        s.low,
        s.high,
        int(s.holed),
        int(mean),
        sums,
        counts,
        total,
        number,
        ev.ctx.stop,
    )
    ev.ctx.check()
    return total, None if never_empty else number


def _bytes(mask: Mask | None) -> NDArray[np.uint8]:
    return np.empty(0, np.uint8) if mask is None else mask.view(np.uint8)


def blocks(starts: I64) -> list[tuple[int, int]]:
    """Stretches of whole groups, of about BLOCK places."""
    cuts, last = [0], 0
    for begin in np.searchsorted(starts, np.arange(BLOCK, int(starts[-1]) + BLOCK, BLOCK)).tolist():
        at = int(starts[min(begin, len(starts) - 1)])
        if at > last:
            cuts.append(at)
            last = at
    return list(pairwise(cuts))


def _exact(ev: Evaluation, values: NDArray[np.float64], begin: int, end: int, total: NDArray[np.float64]) -> None:
    """Sums of the places begin .. end, which are whole groups, of finite values."""
    ev.ctx.check()
    digits, lowest = digits_of(values[begin:end])
    if digits is None:
        total[begin:end] = 0.0
        return
    prefix = np.zeros((end - begin + 1, digits.shape[1]), np.int64)
    np.cumsum(digits, axis=0, out=prefix[1:])
    s = ev.stretch
    low, high = s.low[begin:end] - begin, s.high[begin:end] - begin
    fields = prefix[high] - prefix[low]
    if s.holed:
        own = np.arange(end - begin)
        fields -= digits * ((low <= own) & (own < high))[:, None]
    total[begin:end] = rounded(fields, np.full(end - begin, lowest), SUM_UNIT)


def digits_of(values: NDArray[np.float64]) -> tuple[NDArray[np.int64] | None, int]:
    """Each value in digits of 32 bits, signed, from the lowest field that any of them needs; and that field's number."""
    bits = np.ascontiguousarray(values).view(np.int64)
    exponent = (bits >> 52) & 0x7FF
    mantissa = bits & np.int64((1 << 52) - 1)
    mantissa = np.where(exponent > 0, mantissa | (1 << 52), mantissa)
    live = mantissa != 0
    if not live.any():
        return None, 0
    exponent = np.maximum(exponent, 1)
    field, shift = exponent >> 5, exponent & 31
    lowest = int(field[live].min())
    width = int(field[live].max()) - lowest + 3
    rest = mantissa >> (32 - shift)
    out = np.zeros((len(values), width), np.int64)
    rows = np.flatnonzero(live)
    negative = bits[rows] < 0
    for j, part in enumerate(((mantissa << shift) & LOW32, rest & LOW32, rest >> 32)):
        out[rows, field[rows] - lowest + j] = np.where(negative, -part[rows], part[rows])
    return out, lowest
