"""Decimals against Python's `decimal`, with numbers of up to 38 digits."""

from __future__ import annotations

import random
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal, getcontext
from typing import Any

import pyarrow as pa
import pytest

from cortado.engine import decimals

getcontext().prec = 200
MOST = 10**38 - 1


def numbers(scale: int, n: int, seed: int) -> list[Decimal | None]:
    draw = random.Random(seed)
    whole = [draw.choice([draw.randrange(-MOST, MOST), draw.randrange(-1000, 1000), 0, MOST, -MOST]) for _ in range(n)]
    return [*(Decimal(v).scaleb(-scale) for v in whole), None]


def fits(value: Decimal, scale: int) -> bool:
    return abs(value.scaleb(scale)) < Decimal(10) ** 38


@pytest.mark.parametrize(("left", "right"), [(0, 0), (2, 5), (10, 0), (19, 19), (38, 0), (37, 1)])
@pytest.mark.parametrize("op", ["+", "-", "*"])
def test_arithmetic(left: int, right: int, op: str) -> None:
    a, b = numbers(left, 300, 1), numbers(right, 300, 2)
    columns = [pa.array(v, pa.decimal128(38, s)) for v, s in ((a, left), (b, right))]
    wide, scale = decimals.compute(op, columns[0], decimals.of_scale(left), columns[1], decimals.of_scale(right))
    made, beyond = decimals.narrowed(wide, scale)
    for x, y, got, far in zip(a, b, made.to_pylist(), beyond.tolist(), strict=True):
        if x is None or y is None:
            assert got is None
            continue
        wanted = {"+": x + y, "-": x - y, "*": x * y}[op]
        assert far == (not fits(wanted, scale))
        assert got == (None if far else wanted)


@pytest.mark.parametrize("scale", [0, 1, 2, 19, 38])
def test_text_long_and_rounding(scale: int) -> None:
    given = numbers(scale, 300, 3)
    column = pa.array(given, pa.decimal128(38, scale))
    text = decimals.digits_text(column, scale)
    assert text.to_pylist() == [None if v is None else f"{v:f}" for v in given]
    again, bad, beyond = decimals.parse(text, scale)
    assert again.to_pylist() == given
    assert not bad.any()
    assert not beyond.any()
    whole, far = decimals.to_long(column)
    for value, got, lost in zip(given, whole.to_pylist(), far.tolist(), strict=True):
        inside = value is not None and -(2**63) <= int(value) < 2**63
        assert got == (int(value) if inside and value is not None else None)
        assert lost == (value is not None and not inside)
    for digits in range(min(scale, 3)):
        made, _ = decimals.rounded(column, decimals.of_scale(scale), digits, "half_towards_infinity")
        wanted = [None if v is None else v.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP) for v in given]
        assert made.to_pylist() == wanted


@pytest.mark.parametrize(
    ("kind", "unscaled", "scale"),
    [
        (pa.decimal128(12, 2), range(-617500, -617000), -2),
        (pa.decimal128(38, 30), [2**62 - 1, -(2**61) - 1], -30),
        (pa.decimal128(38, 4), [2**53 + 1, 2**64 + 3, -(2**63), None], -4),
        (pa.decimal256(50, 10), [15 * 10**9, None, -1], -10),
        (pa.decimal128(5, -2), [123], 2),
        (pa.decimal32(5, 2), [123, None], -2),
    ],
)
def test_the_nearest_double(kind: pa.DataType, unscaled: Iterable[int | None], scale: int) -> None:
    values = [None if n is None else Decimal(n).scaleb(scale) for n in unscaled]
    array: Any = pa.array(values, kind)
    for part in (array, array.slice(1)):
        assert decimals.to_double(part).to_pylist() == [None if v is None else float(v) for v in part.to_pylist()]
