"""Variances, covariances and what follows from them over stretches, from exact sums of values and of products.

Sums up to each place are kept as digits of 32 bits; a stretch's digits stand in the place of a group's in the state of
`stats`, which makes the same bits of them.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ..states.base import Finished
from ..states.limbs import LOW32, Limbs, halves
from ..states.moments import Moments
from .evaluation import Evaluation, Made, Mask
from .general import by_state, joined
from .segment import I64
from .sums import blocks, digits_of

MOST_BYTES = 128 << 20  # of the digits of one block of groups
LOW27 = np.int64((1 << 27) - 1)
F64 = NDArray[np.float64]


class Digits:
    """Stands where `Limbs` do: the digits of a sum for each stretch, and counts of its values and of odd ones."""

    def __init__(self, fields: I64, lowest: int, number: I64, odd: tuple[Mask, Mask, Mask]) -> None:
        self._fields, self._lowest, self._number, self._odd = fields, lowest, number, odd
        self.width = fields.shape[1]

    def fields(self, n: int, compiled: bool = False) -> tuple[I64, I64]:
        return self._fields[:n], np.full(n, self._lowest, np.int64)

    def count(self, n: int) -> I64:
        return self._number[:n]

    def specials(self, n: int) -> tuple[Mask, Mask, Mask]:
        nan, plus, minus = (m[:n] for m in self._odd)
        return nan, plus, minus

    def integers(self, members: NDArray[Any]) -> list[int]:
        shifts = [32 * (self._lowest + j) for j in range(self.width)]
        rows = self._fields[members].tolist()
        return [sum(value << shift for value, shift in zip(row, shifts, strict=True) if value) for row in rows]


def moments(ev: Evaluation, state: Moments, out: str) -> Made:
    mask = ev.mask(*range(state.arity))
    values = [ev.doubles(i) for i in range(state.arity)]
    if mask is not None:
        values = [np.where(mask, v, 0.0) for v in values]
    parts: list[Finished] = []
    number = ev.count(mask)
    odd = _odd(ev, values)
    for begin, end in blocks(ev.segment.starts):
        ev.ctx.check()
        made = _block(ev, state, values, number, odd, begin, end)
        if made is None:
            return by_state(ev, state, out, lambda: Moments(state.types))
        state.asked = (out,)
        state.sums, state.products = made
        parts.append(state.finish(end - begin, out, ev.ctx.compiled))
    return ev.made(joined(parts, ev.column.type.arrow), ev.too_few(mask))


def _odd(ev: Evaluation, values: list[F64]) -> list[tuple[Mask, Mask, Mask]]:
    """For each argument: stretches that have a NaN (or both infinities), infinity, minus infinity."""
    out = []
    for v in values:
        if np.isfinite(v).all():
            none = np.zeros(ev.n, np.bool_)
            out.append((none, none, none))
            continue
        nan, plus, minus = (ev.count(m) > 0 for m in (np.isnan(v), v == np.inf, v == -np.inf))
        nan = nan | (plus & minus)
        out.append((nan, plus & ~nan, minus & ~nan))
    return out


def _block(
    ev: Evaluation, state: Moments, values: list[F64], number: I64, odd: list[tuple[Mask, Mask, Mask]], begin: int, end: int
) -> tuple[list[Limbs], list[Limbs]] | None:  # fmt: skip
    """Sums and products of places begin .. end, which are whole groups; None: too many digits to hold."""
    cut = [v[begin:end] for v in values]
    finite = [np.where(np.isfinite(v), v, 0.0) for v in cut]
    pairs = [(finite[0], finite[0])] if len(cut) == 1 else [
        (finite[0], finite[0]), (finite[1], finite[1]), (finite[0], finite[1])
    ]  # fmt: skip
    if sum(_width(v) for v in finite) * 3 * 8 * (end - begin) > MOST_BYTES:
        return None
    count = number[begin:end]
    none = np.zeros(end - begin, np.bool_)

    def summed(digits: I64 | None, lowest: int, specials: tuple[Mask, Mask, Mask]) -> Limbs:
        fields = _differences(ev, digits, begin, end)
        return cast(Limbs, Digits(fields, lowest, count, specials))

    sums = [
        summed(*digits_of(v), (o[0][begin:end], o[1][begin:end], o[2][begin:end]))
        for v, o in zip(finite, odd, strict=True)
    ]
    return sums, [summed(*product_digits(a, b), (none, none, none)) for a, b in pairs]


def _width(values: F64) -> int:
    """About how many digits values need."""
    size = np.abs(values[values != 0])
    if not len(size):
        return 1
    low, high = np.frexp([size.min(), size.max()])[1].tolist()
    return int(high - low) // 32 + 3


def _differences(ev: Evaluation, digits: I64 | None, begin: int, end: int) -> I64:
    if digits is None:
        return np.zeros((end - begin, 1), np.int64)
    prefix = np.zeros((end - begin + 1, digits.shape[1]), np.int64)
    np.cumsum(digits, axis=0, out=prefix[1:])
    s = ev.stretch
    low, high = s.low[begin:end] - begin, s.high[begin:end] - begin
    fields: I64 = prefix[high] - prefix[low]
    if s.holed:
        own = np.arange(end - begin)
        fields -= digits * ((low <= own) & (own < high))[:, None]
    return fields


def product_digits(x: F64, y: F64) -> tuple[I64 | None, int]:
    """Exact products in digits of 32 bits, signed, from the lowest field that any needs; bit 0 of field 0 is 2**-2150."""
    (a, ea), (b, eb) = halves(x), halves(y)
    live = np.flatnonzero((a != 0) & (b != 0))
    if not len(live):
        return None, 0
    a, b, exponent = a[live], b[live], (ea + eb)[live]
    negative = (np.signbit(x) ^ np.signbit(y))[live]
    lowest = int(exponent.min()) >> 5
    width = ((int(exponent.max()) + 54) >> 5) - lowest + 3
    out = np.zeros((len(x), width), np.int64)
    a1, a0, b1, b0 = a >> 27, a & LOW27, b >> 27, b & LOW27
    for back, piece in ((0, a0 * b0), (27, a1 * b0 + a0 * b1), (54, a1 * b1)):
        field, shift = ((exponent + back) >> 5) - lowest, (exponent + back) & 31
        rest = piece >> (32 - shift)
        for j, part in enumerate(((piece << shift) & LOW32, rest & LOW32, rest >> 32)):
            out[live, field + j] += np.where(negative, -part, part)
    return out, lowest
