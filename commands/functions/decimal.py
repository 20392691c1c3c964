"""`decimal(E, SCALE)`: exact numbers with a fixed count of digits behind the point."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...engine import casting, decimals
from ...engine.arrow import array_from, is_valid, nulls, numbers_of
from ...engine.arrow import call as compute
from ...engine.casting import Reject
from ...engine.exprs import Eval, Value
from ...engine.values import double_text
from ...planner.types import LONG, STRING, array_of
from ..base import ANY_ARG, CallBinder, Type, function

GROUP = "Reference, type, condition"


def _decimal_type(call: CallBinder) -> Type:
    scale = call.whole(1)
    if scale is None or not 0 <= scale <= decimals.MOST_DIGITS:
        bad = f"{scale} is no SCALE" if scale is not None else "SCALE must be a whole number"
        said = bad if call.is_constant(1) else "SCALE must be a constant"
        call.fail("E307", said, at=1, hint="the digits behind the point, 0 to 38; a decimal has 38 in all")
    call.data, call.args = (call.types[0], scale), call.args[:1]
    made = decimals.of_scale(scale)
    return array_of(made) if call.types[0].kind == "array" else made


@function(
    "decimal", args=(ANY_ARG,), least=2, most=2, returns=_decimal_type, group=GROUP, tier=2,
    syntax="decimal(E, SCALE)",
    summary="An exact number with SCALE digits behind the point and 38 in all, from text, a number as it is written, or a bool; "
    "rounded half away from zero. + - * stay exact; / and a double make a double. Bad text, NaN and more digits are null, counted.",
    examples=[('string(decimal("1.005", 2))', '"1.01"'), ('string(decimal("0.1", 2) + decimal("0.2", 2))', '"0.30"'), ('string(decimal(19.99, 2) * 3)', '"59.97"'), ('decimal("x", 2)', "null")],
)  # fmt: skip
def decimal(ev: Eval, value: Value) -> Value:
    kind, scale = ev.data
    array: Any = ev.array(value)
    if kind.kind != "array":
        return to_decimal(array, kind, ev.reject, scale)

    def convert(items: Any, item: Type, refuse: Reject) -> pa.Array[Any]:
        return to_decimal(items, item, refuse, scale)

    return casting.over_elements(convert, array, kind.item or STRING, ev.reject)


def to_decimal(array: Any, kind: Type, reject: Reject, scale: int) -> pa.Array[Any]:
    result = decimals.of_scale(scale).arrow
    match kind.kind:
        case "null":
            return nulls(len(array), result)
        case "decimal":
            made, beyond = decimals.rounded(array, kind, scale, "half_towards_infinity")
        case "long":
            made, beyond = decimals.rescaled(array, kind, scale)
        case "bool":
            made, beyond = decimals.rescaled(compute("cast", array, pa.int64()), LONG, scale)
        case "double":
            return _of_doubles(array, reject, scale)
        case "string" | "any":
            return _of_text(array, array, reject, scale)
        case _:
            return casting.refuse_all(array, result, reject, "double(x)")
    reject("overflow", beyond, array, "a decimal has 38 digits")
    return made


def _of_text(text: Any, shown: Any, reject: Reject, scale: int) -> pa.Array[Any]:
    made, bad, beyond = decimals.parse(decimals.trimmed(text), scale)
    reject("number", bad, shown, "")
    reject("overflow", beyond, shown, "a decimal has 38 digits")
    return made


def _of_doubles(array: Any, reject: Reject, scale: int) -> pa.Array[Any]:
    numbers, valid = numbers_of(array), is_valid(array)
    units, sure = decimals.of_doubles(numbers, scale)
    made = decimals.from_long(units, scale, ~(valid & sure))
    rows = np.flatnonzero(valid & ~sure)
    if not len(rows):
        return made
    finite = np.isfinite(numbers)
    reject("domain", valid & ~finite, array, "")
    left = array_from(numbers[rows], ~finite[rows])

    def refuse(reason: str, bad: NDArray[np.bool_], *told: Any) -> None:
        whole = np.zeros(len(array), np.bool_)
        whole[rows] = bad
        reject(reason, whole, array, *told[1:])

    written = _of_text(double_text(left), left, refuse, scale)
    return compute("replace_with_mask", made, array_from(valid & ~sure), written)
