"""Order-free sums of doubles and of their products for many groups (see kernels.exact_sum).

The axis of exponents is cut into fields of 32 bits. A group keeps the `width` highest fields it has seen, each an int64
that never carries into its neighbour before `finish`; field f lies in limb f % width. What lies below the window is
dropped whatever the order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...arrow import buffer_of, bytes_of, is_valid, numbers_of
from .base import Groups, bitmap, fit

NANS, PLUS_INF, MINUS_INF, COUNT = 0, 1, 2, 3
LOW32 = np.int64(0xFFFFFFFF)
SUM_UNIT = -1075  # bit 0 of field 0 stands for 2**-1075
WIDE_AT = 1 << 29  # values, over all groups, after which limbs are folded into the wide form


class Limbs:
    """`count` values a group; NaN and infinities are counted beside: `in_lines`, in the same cache line as the limbs."""

    def __init__(self, width: int, in_lines: bool = False) -> None:
        self.width = width
        self._lines = np.zeros((0, width + 4), np.int64) if in_lines else None  # limbs and extra are views of it
        self.limbs = np.zeros((0, width), np.int64)
        self.wide = np.zeros((0, width), np.int64)  # what limbs held above 32 bits when they were folded; empty: never
        self.top = np.full(0, -1, np.int16)  # field of the highest leading bit seen; -1: no value but zeros
        self.extra = np.zeros((0, 4), np.int64)
        self.added = 0  # values since the last fold, over all groups

    def resize(self, n: int) -> None:
        self.top = fit(self.top, n, -1)
        if self._lines is not None:
            self._see(fit(self._lines, n))
        else:
            self.limbs, self.extra = fit(self.limbs, n), fit(self.extra, n)
        if len(self.wide):
            self.wide = fit(self.wide, n)

    def _see(self, lines: NDArray[np.int64]) -> None:
        self._lines, self.limbs, self.extra = lines, lines[:, : self.width], lines[:, self.width :]

    def _flat(self) -> tuple[NDArray[np.int64], NDArray[np.int64], int, int]:
        """Limbs and extra as kernels take them, and how many words there are of a group in each."""
        if self._lines is None:
            return self.limbs.reshape(-1), self.extra.reshape(-1), self.width, 4
        flat = self._lines.reshape(-1)
        return flat, flat[self.width :], self.width + 4, self.width + 4

    def nbytes(self) -> int:
        return self.limbs.nbytes + self.wide.nbytes + self.top.nbytes + self.extra.nbytes

    def count(self, n: int) -> NDArray[np.int64]:
        return self.extra[:n, COUNT]

    def add(self, groups: Groups, values: pa.Array[Any], compiled: bool) -> None:
        """Doubles; nulls are passed over."""
        self.note(len(groups))
        if compiled:
            from ...kernels import exact_sum

            limbs, extra, step, beside = self._flat()
            exact_sum.add_doubles(
                groups, numbers_of(values), bitmap(values), limbs, step, self.wide.reshape(-1), self.top, extra, beside,
                self.width,
            )  # fmt: skip
            return
        numbers = numbers_of(values)
        if values.null_count:
            valid = is_valid(values)
            groups, numbers = groups[valid], numbers[valid]
        self._add(groups, numbers)

    def note(self, n: int) -> None:
        if self.added + n > WIDE_AT:
            self.fold()
        self.added += n

    def fold(self) -> None:
        """Carry what limbs hold above 32 bits into the wide form: the sum of each field stays what it is."""
        if not len(self.wide):
            self.wide = np.zeros_like(self.limbs)
        self.wide += self.limbs >> 32
        self.limbs &= LOW32
        self.added = 0

    def _add(self, groups: Groups, numbers: NDArray[np.float64]) -> None:
        np.add.at(self.extra[:, COUNT], groups, 1)
        bits = numbers.view(np.int64) if numbers.flags.c_contiguous else np.ascontiguousarray(numbers).view(np.int64)
        exponent = (bits >> 52) & 0x7FF
        mantissa = bits & np.int64(0xFFFFFFFFFFFFF)
        special = exponent == 0x7FF
        if special.any():
            kind = np.where(mantissa != 0, NANS, np.where(bits < 0, MINUS_INF, PLUS_INF))
            np.add.at(self.extra, (groups[special], kind[special]), 1)
        mantissa = np.where(exponent > 0, mantissa | (1 << 52), mantissa)
        keep = ~special & (mantissa != 0)
        if not keep.all():
            groups, bits, exponent, mantissa = groups[keep], bits[keep], exponent[keep], mantissa[keep]
        exponent = np.maximum(exponent, 1)
        # mantissas are below 2**53, so their length as doubles is exact
        length = np.frexp(mantissa.astype(np.float64))[1].astype(np.int64)
        self.raise_top(groups, (exponent + length - 1) >> 5)
        low, shift = exponent >> 5, exponent & 31
        rest = mantissa >> (32 - shift)
        parts = ((mantissa << shift) & LOW32, rest & LOW32, rest >> 32)
        for j, part in enumerate(parts):
            self.put(groups, low + j, np.where(bits < 0, -part, part))

    def flat(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int16]]:
        """Limbs, their wide form and tops as kernels take them; not in lines."""
        return self.limbs.reshape(-1), self.wide.reshape(-1), self.top

    def raise_top(self, groups: Groups, lead: NDArray[np.int64]) -> None:
        """Move the windows of groups up so that fields `lead` are in them."""
        higher = lead > self.top[groups]
        if not higher.any():
            return
        raised, lead = groups[higher], lead[higher]
        old = self.top[raised].astype(np.int64)
        np.maximum.at(self.top, raised, lead.astype(np.int16))
        new = self.top[raised].astype(np.int64)
        for back in range(self.width):
            field = new - back
            clear = field > old
            self.limbs[raised[clear], field[clear] % self.width] = 0
            if len(self.wide):
                self.wide[raised[clear], field[clear] % self.width] = 0

    def put(self, groups: Groups, field: NDArray[np.int64], part: NDArray[np.int64]) -> None:
        inside = (part != 0) & (field > self.top[groups].astype(np.int64) - self.width)
        if not inside.all():
            groups, field, part = groups[inside], field[inside], part[inside]
        np.add.at(self.limbs, (groups, field % self.width), part)

    def lay(self, other: Limbs, members: Groups) -> bool:
        """For fresh ones in lines: those of some groups of others. False, and nothing done, where there is a wide form."""
        if self._lines is None or other._lines is None or len(other.wide) or (len(members) and members.min() < 0):
            return False
        self._see(np.take(other._lines, members, axis=0))
        self.top, self.added = other.top[members], other.added
        return True

    def merge(self, other: Limbs, members: Groups, groups: Groups, compiled: bool) -> None:
        if other.added + self.added > WIDE_AT or len(other.wide):
            if not len(self.wide):
                self.fold()
            if self.added + other.added > WIDE_AT:
                self.fold()
        self.added += min(other.added, WIDE_AT)
        if compiled and not len(other.wide) and (self._lines is None) == (other._lines is None):
            from ...kernels import exact_sum

            limbs, extra, step, beside = self._flat()
            exact_sum.merge_limbs(
                members, other._flat()[0], other.top, other._flat()[1], groups,
                limbs, self.wide.reshape(-1), self.top, extra, step, beside, self.width,
            )  # fmt: skip
            return
        np.add.at(self.extra, groups, other.extra[members])
        theirs = other.top[members].astype(np.int64)
        live = theirs >= 0
        members, groups, theirs = members[live], groups[live], theirs[live]
        self.raise_top(groups, theirs)
        mine = self.top[groups].astype(np.int64)
        for back in range(self.width):
            field = theirs - back
            inside = (field >= 0) & (field > mine - self.width)
            to, place = groups[inside], field[inside] % self.width
            np.add.at(self.limbs, (to, place), other.limbs[members[inside], place])
            if len(other.wide):
                np.add.at(self.wide, (to, place), other.wide[members[inside], place])

    def fields(self, n: int, compiled: bool = False) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Sums of width + 1 fields a group from the lowest kept on, and the number of that field.

        With the wide form each field's upper half stands in the next one.
        """
        if compiled and not len(self.wide):
            from ...kernels import exact_sum

            gathered, low = np.empty((n, self.width + 1), np.int64), np.empty(n, np.int64)
            limbs, _, step, _ = self._flat()
            exact_sum.gather_fields(n, limbs, step, self.top, self.width, gathered.reshape(-1), low)
            return gathered, low
        return self._fields_of(np.arange(n))

    def _fields_of(self, rows: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        top = self.top[rows].astype(np.int64)
        base = np.maximum(top - (self.width - 1), 0)
        out = np.zeros((len(rows), self.width + 1), np.int64)
        for j in range(self.width):
            inside = base + j <= top
            place = (base + j) % self.width
            out[:, j] += np.where(inside, self.limbs[rows, place], 0)
            if len(self.wide):
                out[:, j + 1] += np.where(inside, self.wide[rows, place], 0)
        return out, base

    def specials(self, n: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
        """Groups whose sum is NaN, infinity, minus infinity."""
        nans, plus, minus = (self.extra[:n, k] > 0 for k in (NANS, PLUS_INF, MINUS_INF))
        nans |= plus & minus
        return nans, plus & ~nans, minus & ~nans

    def finish(self, n: int, compiled: bool) -> NDArray[np.float64]:
        """Rounded once, to nearest even, from all kept bits."""
        fields, base = self.fields(n, compiled)
        if compiled:
            from ...kernels import exact_sum

            out = np.empty(n)
            exact_sum.round_fields(fields.reshape(-1), base, self.width + 1, SUM_UNIT, out)
        else:
            out = rounded(fields, base, SUM_UNIT)
        nans, plus, minus = self.specials(n)
        out[plus], out[minus], out[nans] = np.inf, -np.inf, np.nan
        return out

    def integers(self, members: NDArray[Any]) -> list[int]:
        """The sums of these groups as whole multiples of 2**unit."""
        fields, base = self._fields_of(members)
        shifts = [32 * j for j in range(self.width + 1)]
        return [
            sum(value << shift for value, shift in zip(row, shifts, strict=True) if value) << (32 * low)
            for row, low in zip(fields.tolist(), base.tolist(), strict=True)
        ]

    def export(self, members: Groups) -> list[pa.Array[Any]]:
        """Rows of bytes: a column a number would cost more than the numbers where groups are written a few at a time."""
        rest = np.column_stack([self.top[members].astype(np.int64), self.extra[members]])
        wide = self.wide[members] if len(self.wide) else np.zeros((len(members), 0), np.int64)
        return [_rows_of_bytes(self.limbs[members]), _rows_of_bytes(wide), _rows_of_bytes(rest)]

    def load(self, arrays: Sequence[pa.Array[Any]]) -> None:
        widths = (self.width, self.width, 5)
        limbs, self.wide, rest = (_numbers(a, w) for a, w in zip(arrays, widths, strict=True))
        if not self.wide.any():
            self.wide = np.zeros((0, self.width), np.int64)
        self.top = rest[:, 0].astype(np.int16)
        if self._lines is not None:
            self._see(np.concatenate([limbs, rest[:, 1:]], axis=1))
        else:
            self.limbs, self.extra = limbs, rest[:, 1:].copy()
        self.added = int(self.extra[:, COUNT].sum())

    @staticmethod
    def columns() -> int:
        """How many columns `export` gives."""
        return 3


def _rows_of_bytes(numbers: NDArray[np.int64]) -> pa.Array[Any]:
    """A matrix as binary values, one a row."""
    n, width = numbers.shape
    ends = np.arange(n + 1, dtype=np.int64) * (8 * width)
    data = np.ascontiguousarray(numbers).reshape(-1)
    return pa.Array.from_buffers(pa.large_binary(), n, [None, buffer_of(ends), buffer_of(data)])


def _numbers(column: pa.Array[Any], width: int) -> NDArray[np.int64]:
    """The matrix again, a copy of its own; zeros where the values are empty."""
    n = len(column)
    if not n:
        return np.zeros((0, width), np.int64)
    _, offsets, data = column.buffers()
    ends = bytes_of(offsets).view(np.int64)[column.offset : column.offset + n + 1]
    if ends[0] == ends[n]:
        return np.zeros((n, width), np.int64)
    return bytes_of(data)[ends[0] : ends[n]].copy().view(np.int64).reshape(n, width)


def halves(x: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Whole mantissas and exponents: |x| = mantissa * 2**(exponent - 1075)."""
    bits = np.ascontiguousarray(x).view(np.int64)
    exponent = (bits >> 52) & 0x7FF
    mantissa = bits & np.int64(0xFFFFFFFFFFFFF)
    return np.where(exponent > 0, mantissa | (1 << 52), mantissa), np.maximum(exponent, 1)


def rounded(fields: NDArray[np.int64], base: NDArray[np.int64], unit: int) -> NDArray[np.float64]:
    """Doubles nearest to sum(fields[j] * 2**(32 * (base + j) + unit)): what kernels.exact_sum.round_fields gives."""
    n, width = fields.shape
    digits, carry = _digits(fields)
    negative = carry < 0
    if negative.any():
        digits[negative], _ = _digits(-fields[negative])
    out = np.zeros(n)
    high = width + 1 - np.argmax(digits[:, ::-1] != 0, axis=1)
    live = np.flatnonzero(digits.any(axis=1))
    if not len(live):
        return out
    digits, high = digits[live], high[live]
    pad = np.concatenate([np.zeros((len(live), 2), np.uint64), digits.astype(np.uint64)], axis=1)
    rows = np.arange(len(live))
    first, second, third = (pad[rows, high + 2 - k] for k in range(3))
    word = (first << np.uint64(32)) | second
    zeros = (32 - np.frexp(first.astype(np.float64))[1]).astype(np.uint64)
    word = (word << zeros) | (third >> (np.uint64(32) - zeros))
    below = (third << (np.uint64(32) + zeros)) != 0
    lower = np.arange(digits.shape[1]) < (high - 2)[:, None]
    sticky = below | ((digits != 0) & lower).any(axis=1)
    word |= sticky.astype(np.uint64)
    value = np.ldexp(word.astype(np.float64), 0)
    scale = 32 * (base[live] + high - 1) - zeros.astype(np.int64) + unit
    with np.errstate(over="ignore", under="ignore"):
        value = np.ldexp(value, scale.astype(np.int32))
    out[live] = np.where(negative[live], -value, value)
    return out


def _digits(fields: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Base 2**32 digits, two more than fields, and the carry out of the last: negative if the sum is."""
    n, width = fields.shape
    digits = np.empty((n, width + 2), np.int64)
    carry = np.zeros(n, np.int64)
    for j in range(width + 2):
        total = carry + (fields[:, j] if j < width else 0)
        digits[:, j] = total & LOW32
        carry = total >> 32
    return digits, carry
