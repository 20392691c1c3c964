"""Text to numbers: the general path, over plain Arrow text. Compiled kernels must agree with it.

A whole number is `[+-]digits` or `[+-]0xhex`; a number is that, a decimal fraction with an optional exponent (`.5`,
`5.`, `1e5`), or `inf`, `infinity`, `nan` in any case. Blanks around it are allowed.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .arrow import array_from, bools_of, call, int32_of, is_valid, numbers_of, taken

BLANKS = " \t\r\n\f\v"
INTEGER = r"^[+-]?[0-9]+$"
HEX = r"^[+-]?0[xX][0-9a-fA-F]+$"
FLOAT = r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$|^[+-]?(?i:inf|infinity|nan)$"
INT64 = range(-(2**63), 2**63)

Mask = NDArray[np.bool_]


def to_long(text: pa.Array[Any]) -> tuple[pa.Array[Any], Mask]:
    """int64, null where the text is no whole number or does not fit; and where it is one that does not fit."""
    try:
        made = call("cast", text, pa.int64())
    except pa.ArrowInvalid:
        return _careful_long(text)
    if len(made) and made.null_count < len(made) and bools_of(call("less", made, 0)).any():
        return _careful_long(text)  # Arrow wraps 0xffffffffffffffff round to -1
    return made, np.zeros(len(text), np.bool_)


def _careful_long(text: pa.Array[Any]) -> tuple[pa.Array[Any], Mask]:
    """Texts without a digit, such as `-` where a log has no number, are looked at no further."""
    rows = np.flatnonzero(bools_of(call("match_substring_regex", text, pattern="[0-9]")))
    if len(rows) == len(text):
        return _long_of_digits(text)
    values, nulls, too_big = np.zeros(len(text), np.int64), np.ones(len(text), np.bool_), np.zeros(len(text), np.bool_)
    if len(rows):
        made, beyond = _long_of_digits(taken(text, array_from(rows)))
        values[rows], nulls[rows], too_big[rows] = numbers_of(made), ~is_valid(made), beyond
    return array_from(values, nulls), too_big


def _long_of_digits(text: pa.Array[Any]) -> tuple[pa.Array[Any], Mask]:
    """Rows that 18 digits can write go through Arrow at once; only the others are looked at more closely."""
    trimmed = call("utf8_trim", text, characters=BLANKS)
    plain = bools_of(call("match_substring_regex", trimmed, pattern=r"^-?[0-9]{1,18}$"))
    made = call("cast", call("if_else", array_from(plain), trimmed, None), pa.int64())
    too_big = np.zeros(len(text), np.bool_)
    rows = np.flatnonzero(is_valid(text) & ~plain)
    if len(rows):
        odd, beyond = _odd_long(taken(trimmed, array_from(rows)))
        values, nulls = numbers_of(made).copy(), ~is_valid(made)
        values[rows], nulls[rows], too_big[rows] = numbers_of(odd), ~is_valid(odd), beyond
        made = array_from(values, nulls)
    return made, too_big


def _odd_long(trimmed: pa.Array[Any]) -> tuple[pa.Array[Any], Mask]:
    """Signs, leading zeros, more digits, hexadecimal."""
    digits = bools_of(call("match_substring_regex", trimmed, pattern=INTEGER))
    canonical = call("replace_substring_regex", trimmed, pattern=r"^\+?(-?)0*([0-9])", replacement=r"\1\2")
    short = digits & (int32_of(call("binary_length", canonical)) <= 38)
    wide = call("cast", call("if_else", array_from(short), canonical, None), pa.decimal128(38, 0))
    fits = short & bools_of(
        call("and_", call("greater_equal", wide, _decimal(-(2**63))), call("less_equal", wide, _decimal(2**63 - 1)))
    )
    made = call("cast", call("if_else", array_from(fits), wide, None), pa.int64())
    too_big = digits & ~fits
    hexes = bools_of(call("match_substring_regex", trimmed, pattern=HEX))
    if hexes.any():
        made, beyond = _with_hex(made, trimmed, hexes)
        too_big |= beyond
    return made, too_big


def _decimal(value: int) -> pa.Scalar[Any]:
    low, high = value & (2**64 - 1), value >> 64
    data = np.array([low, high & (2**64 - 1)], np.uint64)
    return pa.Array.from_buffers(pa.decimal128(38, 0), 1, [None, pa.py_buffer(data.tobytes())])[0]


def _with_hex(made: pa.Array[Any], trimmed: pa.Array[Any], hexes: Mask) -> tuple[pa.Array[Any], Mask]:
    """Fill in hexadecimal rows: 16 digits go through Arrow as they are, whose sign bit means "does not fit"."""
    rows = np.flatnonzero(hexes)
    body = taken(trimmed, array_from(rows))
    negative = bools_of(call("starts_with", body, pattern="-"))
    body = call("replace_substring_regex", body, pattern=r"^[+-]?0[xX]0*([0-9a-fA-F])", replacement=r"0x\1")
    short = int32_of(call("binary_length", body)) <= 18
    parsed = numbers_of(call("cast", call("if_else", array_from(short), body, "0x0"), pa.int64())).copy()
    least = negative & (parsed == INT64.start)
    good = short & ((parsed >= 0) | least)
    values, nulls = numbers_of(made).copy(), ~is_valid(made)
    values[rows] = np.where(negative & ~least, -parsed, parsed)
    nulls[rows] = ~good
    beyond = np.zeros(len(trimmed), np.bool_)
    beyond[rows] = ~good
    return array_from(values, nulls), beyond


def to_double(text: pa.Array[Any]) -> pa.Array[Any]:
    """float64, null where the text is no number; rounded once, to the nearest."""
    try:
        made = call("cast", text, pa.float64())
        if not np.isnan(numbers_of(made)[is_valid(made)]).any():  # Arrow reads `nan(1)` too
            return made
    except pa.ArrowInvalid:
        pass
    trimmed = call("utf8_trim", text, characters=BLANKS)
    good = bools_of(call("match_substring_regex", trimmed, pattern=FLOAT))
    made = call("cast", call("if_else", array_from(good), trimmed, None), pa.float64())
    hexes = bools_of(call("match_substring_regex", trimmed, pattern=HEX))
    if not hexes.any():
        return made
    rows = np.flatnonzero(hexes)
    values, nulls = numbers_of(made).copy(), ~is_valid(made)
    values[rows] = [_hex_double(str(v)) for v in taken(trimmed, array_from(rows)).to_pylist()]
    nulls[rows] = False
    return array_from(values, nulls)


def _hex_double(text: str) -> float:
    value = int(text, 16)
    return float(value) if abs(value) < 2**1023 else float("-inf" if value < 0 else "inf")


def constant(text: str) -> int | float | None:
    """The number that a constant text is; whole numbers beyond 64 bits are doubles."""
    body = text.strip(BLANKS)
    if re.match(HEX, body):
        value = int(body, 16)
        return value if value in INT64 else _hex_double(body)
    if re.match(INTEGER, body):
        whole = int(body) if len(body) < 40 else None
        return whole if whole is not None and whole in INT64 else float(body)
    return float(body) if re.match(FLOAT, body) else None


def whole_and_double(text: pa.Array[Any]) -> tuple[pa.Array[Any], pa.Array[Any]]:
    """Each text as a long where it is a whole number that fits, and as a double where it is any number."""
    return to_long(text)[0], to_double(text)
