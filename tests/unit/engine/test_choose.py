"""A choice between two columns is Arrow's `if_else`, whatever the types, nulls and constants, with kernels and without."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from cortado.engine.arrow import no_value
from cortado.engine.choose import either, numbers

N = 203  # no multiple of what a vector holds
RNG = np.random.default_rng(5)
MASKS = [RNG.random(N) < share for share in (0.0, 0.5, 1.0)]


def column(kind: pa.DataType, holes: float) -> pa.Array[Any]:
    """A slice, so that values and bitmap do not begin at 0."""
    values = RNG.integers(-(2**40), 2**40, N + 5)
    if kind == pa.string():
        return pa.array([str(v) for v in values.tolist()]).slice(5)
    made: Any = pa.array(values, mask=RNG.random(N + 5) < holes).cast(kind)
    return made.slice(5)  # type: ignore[no-any-return]


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize(
    "kind", [pa.int64(), pa.float64(), pa.timestamp("us"), pa.duration("us"), pa.string(), pa.int32()]
)
def test_either_is_if_else(kind: pa.DataType, compiled: bool) -> None:
    if kind == pa.int32():
        sides: list[Any] = [pa.array(RNG.integers(0, 9, N), kind), pa.array([3], kind)[0]]
    else:
        sides = [column(kind, 0.0), column(kind, 0.4), column(kind, 0.0)[7], no_value(kind)]
    for mask in MASKS:
        for yes in sides:
            for no in sides:
                got = either(mask, yes, no, compiled)
                want = pc.if_else(pa.array(mask), yes, no)
                assert got.equals(want), (mask[:3], yes, no)
                got.validate(full=True)


@pytest.mark.parametrize("compiled", [True, False])
def test_every_bit_of_a_double_is_kept(compiled: bool) -> None:
    odd = np.array([np.nan, -0.0, np.inf, 5e-324, 0x7FF8_0000_0000_1234]).view(np.int64)
    odd[-1] = 0x7FF8_0000_0000_1234  # a NaN with a payload
    values = odd.view(np.float64)
    for mask in (np.ones(5, np.bool_), np.zeros(5, np.bool_)):
        got = numbers(mask, values, values[::-1].copy(), compiled)
        assert got.view(np.int64).tolist() == (odd if mask[0] else odd[::-1]).tolist()


def test_no_rows() -> None:
    none = np.zeros(0, np.bool_)
    empty = pa.array([], pa.int64())
    for compiled in (True, False):
        assert either(none, empty, pa.array([1])[0], compiled).equals(empty)
