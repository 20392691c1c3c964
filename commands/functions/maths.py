"""Functions of real numbers. Arrow's libm answers value by value, so batch borders cannot change a bit."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from ...engine.arrow import array_from, call
from ...engine.exprs import Eval, Value
from ...engine.strings import Ints, Mask
from ...planner.types import scalar
from ..base import DOUBLE, NUMBER, function

GROUP = "numbers"
Judge = Callable[[Ints, Ints], Mask]  # arguments and results -> rows outside the domain


def _doubles(ev: Eval, value: Value) -> pa.Array[Any]:
    column = ev.array(value)
    return column if pa.types.is_float64(column.type) else call("cast", column, pa.float64(), safe=False)


def _real(
    name: str, arrow: str, summary: str, examples: list[tuple[str, str]], outside: Callable[[Ints], Mask] | None = None,
    argument: str = "N",
) -> None:  # fmt: skip
    @function(
        name,
        args=(NUMBER,),
        returns=DOUBLE,
        group=GROUP,
        syntax=f"{name}({argument})",
        summary=summary,
        examples=examples,
    )
    def kernel(ev: Eval, value: Value) -> Value:
        column = _doubles(ev, value)
        if outside is not None:
            values, valid = ev.numbers(column)
            ev.reject("domain", valid & outside(values), column)
        return call(arrow, column)


_real("exp", "exp", "e to the power N.", [("exp(0)", "1.0"), ("exp(null)", "null")])
_real("log", "ln", "The natural logarithm; of 0 -infinity, below 0 NaN, both counted.",
      [("log(1)", "0.0"), ("log(0)", "-inf")], lambda x: x <= 0)  # fmt: skip
_real("log10", "log10", "The decimal logarithm; of 0 -infinity, below 0 NaN, both counted.",
      [("log10(1000)", "3.0"), ("log10(null)", "null")], lambda x: x <= 0)  # fmt: skip
_real("log2", "log2", "The binary logarithm; of 0 -infinity, below 0 NaN, both counted.",
      [("log2(8)", "3.0"), ("log2(0)", "-inf")], lambda x: x <= 0)  # fmt: skip
_real("sqrt", "sqrt", "The square root; below 0 NaN, counted.",
      [("sqrt(9)", "3.0"), ("sqrt(-1)", "nan")], lambda x: x < 0)  # fmt: skip
_real("sin", "sin", "The sine of an angle in radians.", [("sin(0)", "0.0"), ("sin(null)", "null")], np.isinf, "RADIANS")
_real(
    "cos", "cos", "The cosine of an angle in radians.", [("cos(0)", "1.0"), ("cos(null)", "null")], np.isinf, "RADIANS"
)
_real(
    "tan", "tan", "The tangent of an angle in radians.", [("tan(0)", "0.0"), ("tan(null)", "null")], np.isinf, "RADIANS"
)
_real("asin", "asin", "The angle whose sine is N; beyond -1..1 NaN, counted.",
      [("asin(0)", "0.0"), ("asin(2)", "nan")], lambda x: np.abs(x) > 1)  # fmt: skip
_real("acos", "acos", "The angle whose cosine is N; beyond -1..1 NaN, counted.",
      [("acos(1)", "0.0"), ("acos(2)", "nan")], lambda x: np.abs(x) > 1)  # fmt: skip
_real("atan", "atan", "The angle whose tangent is N.", [("atan(0)", "0.0"), ("atan(null)", "null")])


@function(
    "cbrt", args=(NUMBER,), returns=DOUBLE, group=GROUP,
    syntax="cbrt(N)",
    summary="The cube root.",
    examples=[("cbrt(27)", "3.0"), ("cbrt(-8)", "-2.0")],
)  # fmt: skip
def cbrt(ev: Eval, value: Value) -> Value:
    values, valid = ev.numbers(_doubles(ev, value))
    return array_from(np.cbrt(values), ~valid)


def _squares(x: Ints) -> Ints:
    """Rounded once, which a library's power of 2 need not be."""
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(x * x)


@function(
    "pow", args=(NUMBER, NUMBER), returns=DOUBLE, group=GROUP,
    syntax="pow(A, B)",
    summary="A to the power B, a double; NaN and division by zero (0 to a negative power) are counted.",
    examples=[("pow(2, 10)", "1024.0"), ("pow(-1, 0.5)", "nan")],
)  # fmt: skip
def power(ev: Eval, a: Value, b: Value) -> Value:
    base = _doubles(ev, a)
    x, has_x = ev.numbers(base)
    if isinstance(b, pa.Scalar) and b.is_valid and b.as_py() == 2:
        return array_from(_squares(x), ~has_x)
    exponent = _doubles(ev, b)
    out = call("power", base, exponent)
    (y, has_y), (z, has_z) = ev.numbers(exponent), ev.numbers(out)
    if (y == 2).any():
        z = np.where(y == 2, _squares(x), z)
        out = array_from(z, ~has_z)
    odd = np.isnan(z) & ~np.isnan(x) & ~np.isnan(y) | (x == 0) & (y < 0)
    ev.reject("domain", has_x & has_y & odd, base)
    return out


@function(
    "atan2", args=(NUMBER, NUMBER), returns=DOUBLE, group=GROUP,
    syntax="atan2(Y, X)",
    summary="The angle of the point (X, Y), -pi to pi.",
    examples=[("atan2(0, 1)", "0.0"), ("degrees(atan2(1, 1))", "45.0")],
)  # fmt: skip
def atan2(ev: Eval, y: Value, x: Value) -> Value:
    return call("atan2", _doubles(ev, y), _doubles(ev, x))


@function(
    "radians", args=(NUMBER,), returns=DOUBLE, group=GROUP,
    syntax="radians(DEGREES)",
    summary="Degrees as radians.",
    examples=[("radians(180) == pi()", "true"), ("radians(0)", "0.0")],
)  # fmt: skip
def radians(ev: Eval, value: Value) -> Value:
    values, valid = ev.numbers(_doubles(ev, value))
    return array_from(values * (math.pi / 180.0), ~valid)


@function(
    "degrees", args=(NUMBER,), returns=DOUBLE, group=GROUP,
    syntax="degrees(RADIANS)",
    summary="Radians as degrees.",
    examples=[("degrees(pi())", "180.0"), ("degrees(0)", "0.0")],
)  # fmt: skip
def degrees(ev: Eval, value: Value) -> Value:
    values, valid = ev.numbers(_doubles(ev, value))
    with np.errstate(over="ignore"):  # infinity, as everywhere
        return array_from(values * (180.0 / math.pi), ~valid)


@function(
    "pi", returns=DOUBLE, group=GROUP,
    syntax="pi()",
    summary="3.14159...",
    examples=[("round(pi(), 5)", "3.14159"), ("pi() > 3", "true")],
)  # fmt: skip
def pi(ev: Eval) -> Value:
    return scalar(math.pi, DOUBLE)
