"""Dates as ISO 8601 with the offset of a zone, written as bytes for a whole column at once."""

from __future__ import annotations

from typing import Any, TypeAlias, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .arrow import bitmap_of, buffer_of, is_valid, numbers_of, starts_of

Bytes: TypeAlias = "NDArray[np.uint8]"
Ints: TypeAlias = "NDArray[np.int64]"
PAIRS = np.frombuffer(b"".join(b"%02d" % i for i in range(100)), np.uint8).reshape(100, 2)
FRACTION = (0, 3, 6, 9)  # digits
BASE = len("2026-11-01T00:00:00+09:00")


def iso_text(array: pa.Array[Any], zone: str) -> pa.Array[Any]:
    """`2026-11-01T09:30:00.250+09:00`: 0, 3, 6 or 9 digits of a second, as few as are exact.

    Offsets of old times may have seconds; years outside 0 to 9999 get a sign and six digits.
    """
    from .calendar import civil_of_day, to_local

    valid = is_valid(array)
    ticks = 1_000_000_000 if cast(Any, array.type).unit == "ns" else 1_000_000
    instants = numbers_of(array) if valid.all() else numbers_of(array)[valid]
    walls = to_local(instants, zone, ticks)
    seconds, rest = np.divmod(walls, ticks)
    days, second = np.divmod(seconds, 86_400)
    year, month, day = civil_of_day(days)
    offset = (walls - instants) // ticks
    nano = rest * (1_000_000_000 // ticks)
    digits = np.where(nano == 0, 0, np.where(nano % 1_000_000 == 0, 1, np.where(nano % 1000 == 0, 2, 3)))
    far, odd = (year < 0) | (year > 9999), offset % 60 != 0
    shape = digits + 4 * odd + 8 * far
    size = BASE + np.where(digits > 0, 3 * digits + 1, 0) + 3 * odd + 3 * far
    columns = (year, month, day, second, nano, offset)
    data = _scattered(shape, size, columns)
    sizes = np.zeros(len(valid), np.int64)
    sizes[valid] = size
    buffers = [bitmap_of(~valid), buffer_of(starts_of(sizes)), buffer_of(data)]
    return cast("pa.Array[Any]", pa.Array.from_buffers(pa.string(), len(valid), buffers))


def _scattered(shape: Ints, size: Ints, columns: tuple[Ints, ...]) -> Bytes:
    """Rows of one shape have one width: each shape is a matrix of its own, put where its rows belong."""
    kinds = np.unique(shape)
    if len(kinds) == 1:
        return _written(int(kinds[0]), columns).ravel()
    starts = starts_of(size)
    data = np.empty(int(starts[-1]), np.uint8)
    for kind in kinds.tolist():
        rows = np.flatnonzero(shape == kind)
        matrix = _written(kind, tuple(c[rows] for c in columns))
        data[starts[rows][:, None] + np.arange(matrix.shape[1])] = matrix
    return data


def _written(shape: int, columns: tuple[Ints, ...]) -> Bytes:
    year, month, day, second, nano, offset = columns
    fraction, odd, far = FRACTION[shape & 3], bool(shape & 4), bool(shape & 8)
    parts: list[Any] = []
    if far:
        parts += [_sign(year), PAIRS[np.abs(year) // 10_000]]
    parts += [PAIRS[np.abs(year) // 100 % 100], PAIRS[np.abs(year) % 100], b"-", PAIRS[month], b"-", PAIRS[day], b"T"]
    parts += [PAIRS[second // 3600], b":", PAIRS[second // 60 % 60], b":", PAIRS[second % 60]]
    if fraction:
        parts += [b".", *(_digit(nano // 10 ** (8 - i)) for i in range(fraction))]
    east = np.abs(offset)
    parts += [_sign(offset), PAIRS[east // 3600], b":", PAIRS[east // 60 % 60]]
    if odd:
        parts += [b":", PAIRS[east % 60]]
    return _row_by_row(parts, len(year))


def _digit(values: Ints) -> Bytes:
    return (values % 10 + 48).astype(np.uint8)[:, None]


def _sign(values: Ints) -> Bytes:
    return np.where(values < 0, np.uint8(ord("-")), np.uint8(ord("+")))[:, None]


def _row_by_row(parts: list[Any], n: int) -> Bytes:
    width = sum(len(p) if isinstance(p, bytes) else p.shape[1] for p in parts)
    out, at = np.empty((n, width), np.uint8), 0
    for part in parts:
        step = len(part) if isinstance(part, bytes) else part.shape[1]
        out[:, at : at + step] = part[0] if isinstance(part, bytes) else part
        at += step
    return out
