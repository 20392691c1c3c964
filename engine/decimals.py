"""Exact decimals: whole numbers of at most 38 digits, in units of 10^-scale. Computed in 256 bits, kept in 128.

Arrow bounds the declared digits of a result, not its bits. So the 256-bit columns here are declared with few enough
digits for its rules, whatever they hold: a sum of two or a product of two 38-digit numbers always fits.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any, TypeAlias, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..planner.types import Type
from .arrow import array_from, bitmap_of, bools_of, buffer_of, call, is_valid
from .numbertext import BLANKS, HEX
from .numbertext import to_long as to_long_of_text

Mask: TypeAlias = "NDArray[np.bool_]"
Wide: TypeAlias = "pa.Array[Any]"  # decimal256, its unscaled numbers
MOST_DIGITS = 38
EXACT_POWER = 22  # powers of ten up to its are doubles
PLAIN = r"^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)$"
MIXED = r"^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,6})?$"
_EXACT = Context(prec=400)


def of_scale(scale: int) -> Type:
    """The type of decimals with so many digits behind the point."""
    return Type("decimal", arrow_type=pa.decimal128(MOST_DIGITS, scale))


def scale_of(type_: Type) -> int:
    """Digits behind the point; whole numbers have none."""
    return int(type_.arrow_type.scale) if type_.kind == "decimal" else 0


def _viewed(array: Any, kind: Any) -> Any:
    return pa.Array.from_buffers(kind, len(array), array.buffers(), array.null_count, array.offset)


def widened(array: Any, type_: Type) -> Wide:
    """The unscaled numbers of a decimal or long column."""
    if type_.kind == "long":
        return call("cast", array, pa.decimal256(19, 0))
    return call("cast", _viewed(array, pa.decimal128(MOST_DIGITS, 0)), pa.decimal256(MOST_DIGITS, 0))


def _number(value: int, digits: int = 76) -> Any:
    """One 256-bit number; built from its bytes, since `pa.array` imports pandas where it is installed."""
    raw = pa.py_buffer(value.to_bytes(32, "little", signed=True))
    return pa.Array.from_buffers(pa.decimal256(digits, 0), 1, [None, raw])[0]


def _times(wide: Wide, factor: int) -> Wide:
    """By a power of ten or the like, up to 10^38."""
    if factor == 1:
        return wide
    return call("multiply", _viewed(wide, pa.decimal256(36, 0)), _number(factor, 39))


def scaled_up(wide: Wide, digits: int) -> Wide:
    return _times(wide, 10**digits)


def aligned(a: Any, a_type: Type, b: Any, b_type: Type) -> tuple[Wide, Wide, int]:
    """Both columns in units of the finer one, and its scale; declared so that they compare and add up."""
    left, right = scale_of(a_type), scale_of(b_type)
    scale = max(left, right)
    x = scaled_up(widened(a, a_type), scale - left)
    y = scaled_up(widened(b, b_type), scale - right)
    return _viewed(x, pa.decimal256(75, 0)), _viewed(y, pa.decimal256(75, 0)), scale


def compute(op: str, a: Any, a_type: Type, b: Any, b_type: Type) -> tuple[Wide, int]:
    """`+ - *` of two columns (or scalars as columns of one): unscaled numbers and their scale."""
    if op == "*":
        x, y = (_viewed(widened(v, t), pa.decimal256(37, 0)) for v, t in ((a, a_type), (b, b_type)))
        return call("multiply", x, y), scale_of(a_type) + scale_of(b_type)
    x, y, scale = aligned(a, a_type, b, b_type)
    return call("add" if op == "+" else "subtract", x, y), scale


def narrowed(wide: Wide, scale: int) -> tuple[pa.Array[Any], Mask]:
    """A decimal column, and which numbers have more than 38 digits (null there)."""
    plain = _viewed(wide, pa.decimal256(76, 0))
    beyond = bools_of(call("greater", call("abs", plain), _number(10**MOST_DIGITS - 1)))
    if beyond.any():
        plain = call("if_else", array_from(beyond), None, plain)
    return _viewed(call("cast", plain, pa.decimal128(MOST_DIGITS, 0)), pa.decimal128(MOST_DIGITS, scale)), beyond


def magnitude(array: Any, type_: Type) -> pa.Array[Any]:
    """Without the sign."""
    return narrowed(call("abs", widened(array, type_)), scale_of(type_))[0]


def rescaled(array: Any, type_: Type, scale: int) -> tuple[pa.Array[Any], Mask]:
    """A decimal or long column with at least as many digits behind the point as it has."""
    return narrowed(scaled_up(widened(array, type_), scale - scale_of(type_)), scale)


def rounded(array: Any, type_: Type, scale: int, mode: str) -> tuple[pa.Array[Any], Mask]:
    """With fewer digits behind the point (scale may be below 0: still kept at scale 0). `mode`: Arrow's name of it."""
    had = scale_of(type_)
    if scale >= had:
        return rescaled(array, type_, scale)
    plain = call("cast", array, pa.decimal256(76, had))
    made = call("round", plain, ndigits=scale, round_mode=mode)
    if scale < 0:
        return narrowed(call("cast", made, pa.decimal256(76, 0)), 0)
    return narrowed(call("cast", made, pa.decimal256(76, scale)), scale)


def doubles(array: Any) -> NDArray[np.float64]:
    """The nearest doubles."""
    return np.asarray(call("cast", digits_text(array, int(array.type.scale)), pa.float64()).fill_null(0))


MOST_EXACT_POWER = 22  # of ten, that a double holds


def to_double(array: Any) -> pa.Array[Any]:
    """The nearest doubles; Arrow's own cast may miss them by one bit."""
    scale = int(array.type.scale)
    if pa.types.is_decimal128(array.type) and 0 <= scale <= MOST_EXACT_POWER:
        raw = array.buffers()[1]
        words = np.frombuffer(raw, np.int64, 2 * (len(array) + array.offset))[2 * array.offset :].reshape(-1, 2)
        valid = is_valid(array)
        low = np.where(valid, words[:, 0], 0)
        if (np.abs(low) < 1 << 53).all() and (words[valid, 1] == low[valid] >> 63).all():
            return array_from(low / 10.0**scale, ~valid if array.null_count else None)  # of exact operands
    return call("cast", call("cast", array, pa.string()), pa.float64())


def from_long(units: NDArray[np.int64], scale: int, nulls: Mask | None = None) -> pa.Array[Any]:
    """Decimals of so many units of 10^-scale."""
    words = np.stack([units, units >> 63], axis=1)
    bitmap = bitmap_of(nulls) if nulls is not None else None
    return cast("pa.Array[Any]", pa.Array.from_buffers(of_scale(scale).arrow, len(units), [bitmap, buffer_of(words)]))


def of_doubles(values: NDArray[np.float64], scale: int) -> tuple[NDArray[np.int64], Mask]:
    """The units of 10^-scale nearest to each number as it is written, and where that is certain.

    The shortest digits of a double lie within half of its last place, and so does its product by a power of ten that is
    itself a double. Products below 2**40 are off by less than 2**-11: only where one lies so near to a half do the
    digits decide.
    """
    if scale > EXACT_POWER:
        return np.zeros(len(values), np.int64), np.zeros(len(values), np.bool_)
    with np.errstate(invalid="ignore", over="ignore"):
        product = values * 10.0**scale
        sure = np.abs(product) < 2.0**40
        product = np.where(sure, product, 0.0)
        near = np.rint(product)
        sure &= np.abs(np.abs(product - near) - 0.5) > 2.0**-10
    return near.astype(np.int64), sure


def to_long(array: Any) -> tuple[pa.Array[Any], Mask]:
    """The whole part; and where 64 bits cannot hold it."""
    scale = int(array.type.scale)
    whole, _ = rounded(array, of_scale(scale), 0, "towards_zero")
    plain = _viewed(call("cast", whole, pa.decimal256(38, 0)), pa.decimal256(76, 0))
    low, high = _number(-(2**63)), _number(2**63 - 1)
    inside = bools_of(call("and", call("greater_equal", plain, low), call("less_equal", plain, high)))
    fits = call("if_else", array_from(inside), whole, None)
    return call("cast", fits, pa.int64()), is_valid(array) & ~inside


def digits_text(array: Any, scale: int) -> pa.Array[Any]:
    """Plain digits, all that the scale has: `-0.50`."""
    text = call("cast", _viewed(array, pa.decimal128(MOST_DIGITS, 0)), pa.string())
    if not scale:
        return text
    negative = call("starts_with", text, pattern="-")
    body = call("utf8_lpad", call("utf8_ltrim", text, characters="-"), width=scale + 1, padding="0")
    whole = call("utf8_slice_codeunits", body, start=0, stop=-scale)
    rest = call("utf8_slice_codeunits", body, start=-scale)
    sign = call("if_else", negative, "-", "")
    return call("binary_join_element_wise", sign, whole, ".", rest, "")


def trimmed(text: pa.Array[Any]) -> pa.Array[Any]:
    """Without blanks around the numbers, hexadecimal ones as digits."""
    body = call("utf8_trim", text, characters=BLANKS)
    hexes = bools_of(call("match_substring_regex", body, pattern=HEX))
    if not hexes.any():
        return body
    rows = array_from(hexes)
    return call("replace_with_mask", body, rows, call("cast", to_long_of_text(body.filter(rows))[0], pa.string()))


def parse(text: pa.Array[Any], scale: int) -> tuple[pa.Array[Any], Mask, Mask]:
    """Numbers as they are written (blanks around them taken off), halves away from zero; which are none; which are too long."""
    plain = bools_of(call("match_substring_regex", text, pattern=PLAIN))
    mixed = bools_of(call("match_substring_regex", text, pattern=MIXED)) & ~plain
    negative = call("starts_with", text, pattern="-")
    body = call("utf8_ltrim", text, characters="+-")
    parts: Any = call("extract_regex", body, pattern=r"^(?P<whole>[0-9]*)\.?(?P<rest>[0-9]*)$")
    whole = call("utf8_ltrim", call("struct_field", parts, [0]), characters="0")
    rest = call("utf8_rpad", call("struct_field", parts, [1]), width=scale + 1, padding="0")
    long = np.asarray(call("fill_null", call("binary_length", whole), 0)) > MOST_DIGITS - scale
    digits = call("binary_join_element_wise", "0", whole, call("utf8_slice_codeunits", rest, start=0, stop=scale), "")
    good = plain & ~long
    numbers = call("cast", call("if_else", array_from(good), digits, None), pa.decimal256(75, 0))
    up = bools_of(call("greater_equal", call("utf8_slice_codeunits", rest, start=scale, stop=scale + 1), "5"))
    extra = call("if_else", array_from(up), _number(1, 75), _number(0, 75))
    numbers = _viewed(call("add", numbers, extra), pa.decimal256(75, 0))
    signed = call("if_else", negative, call("negate", numbers), numbers)
    made, beyond = narrowed(signed, scale)
    beyond |= plain & long
    if mixed.any():
        made, far = _with_exponents(made, text, np.flatnonzero(mixed), scale)
        beyond |= far
    return made, is_valid(text) & ~plain & ~mixed, beyond


def _with_exponents(made: Any, text: Any, rows: Any, scale: int) -> tuple[pa.Array[Any], Mask]:
    """Rare: read by Python, one distinct text at a time."""
    coded: Any = call("dictionary_encode", text.take(array_from(rows)))
    values = [_quantized(v, scale) for v in coded.dictionary.to_pylist()]
    found = pa.array(values, made.type).take(coded.indices)
    mask = np.zeros(len(made), np.bool_)
    mask[rows] = True
    beyond = np.zeros(len(made), np.bool_)
    beyond[rows] = ~is_valid(found)
    return call("replace_with_mask", made, array_from(mask), found), beyond


def _quantized(text: str, scale: int) -> Decimal | None:
    try:
        value = Decimal(text).quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP, context=_EXACT)
    except InvalidOperation:
        return None
    return value if abs(value.scaleb(scale, _EXACT)) < Decimal(10) ** MOST_DIGITS else None
