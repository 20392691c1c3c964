"""Conversions between types, column-wise: what `long(E)`, `double(E)`, `bool(E)` and the coercions do.

Each takes a plain column (text also as Spans), its type, and `reject(reason, bad, value, hint)` for the rows it refuses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..planner.types import Type
from . import numbertext
from .arrow import array_from, call, int32_of, is_valid, list_sizes, lists_from, nulls, numbers_of
from .batch import Spans
from .captured import ReadSpans
from .values import texts_from

Mask: TypeAlias = "NDArray[np.bool_]"
Reject: TypeAlias = Callable[[str, Mask, Any, str], None]
TEXTS = frozenset({"string", "any"})
WIDE = "double(x)"
TRUTHS = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}


def to_long(value: Any, type_: Type, reject: Reject, compiled: bool = False) -> pa.Array[Any]:
    """int64. Doubles truncate; dates are epoch milliseconds (floor), durations milliseconds, v4 addresses their number."""
    if type_.kind in TEXTS:
        return _long_of_text(value, reject, compiled)
    if type_.kind == "long":
        return value  # type: ignore[no-any-return]
    if type_.kind == "double":
        return _long_of_double(value, reject)
    if type_.kind == "bool":
        return call("cast", value, pa.int64())
    if type_.kind == "decimal":
        from .decimals import to_long as whole_part

        made, beyond = whole_part(value)
        reject("overflow", beyond, value, WIDE)
        return made
    nulls = ~is_valid(value)
    if type_.kind == "date":
        return array_from(numbers_of(value) // (1_000_000 if type_.unit == "ns" else 1000), nulls)
    if type_.kind == "duration":
        ticks = numbers_of(value)
        return array_from(np.where(ticks < 0, -(-ticks // 1000), ticks // 1000), nulls)
    if type_.kind == "ip":
        from .ip import to_numbers

        numbers, missing = to_numbers(value)
        reject("overflow", missing & ~nulls, value, "v6 addresses have 128 bits")
        return array_from(numbers, missing)
    return refuse_all(value, pa.int64(), reject)


def refuse_all(value: pa.Array[Any], kind: pa.DataType, reject: Reject, hint: str = "") -> pa.Array[Any]:
    """A type that has no such value: null, counted."""
    reject("type", is_valid(value), value, hint)
    return nulls(len(value), kind)


def _long_of_double(value: pa.Array[Any], reject: Reject) -> pa.Array[Any]:
    doubles, valid = numbers_of(value), is_valid(value)
    with np.errstate(invalid="ignore"):
        fits = (doubles >= -(2.0**63)) & (doubles < 2.0**63)
        made = np.where(fits, doubles, 0).astype(np.int64)
    reject("overflow", valid & ~fits, value, "")
    return array_from(made, ~(valid & fits))


def _long_of_text(value: Any, reject: Reject, compiled: bool) -> pa.Array[Any]:
    if isinstance(value, Spans) and compiled:
        return _long_of_spans(value, reject)
    text = value.to_arrow() if isinstance(value, Spans) else value
    made, too_big = numbertext.to_long(text)
    bad = is_valid(text) & ~is_valid(made)
    if bad.any():
        reject("overflow", too_big, value, WIDE)
        reject("number", bad & ~too_big, value, "")
    return made


def _long_of_spans(text: Spans, reject: Reject) -> pa.Array[Any]:
    from .kernels import spans as kernels

    if isinstance(text, ReadSpans) and text.is_clean:
        return array_from(text.numbers, text.status == kernels.NULL)
    n = len(text)
    out, status = np.empty(n, np.int64), np.empty(n, np.uint8)
    if not kernels.parse_long(text.data, text.start, text.length, out, status):
        return array_from(out, status == kernels.NULL)
    rows, bad = np.flatnonzero(status == kernels.UNSURE), status == kernels.BAD
    if len(rows):
        slow, too_big = numbertext.to_long(text.take(rows).to_arrow())
        good = is_valid(slow)
        out[rows] = np.where(good, numbers_of(slow), 0)
        status[rows[~good]] = kernels.NULL
        beyond = np.zeros(n, np.bool_)
        beyond[rows] = too_big
        bad[rows] = ~good & ~too_big
        reject("overflow", beyond, text, WIDE)
    reject("number", bad, text, "")
    return array_from(out, (status == kernels.NULL) | bad)


def to_int(value: Any, type_: Type, reject: Reject, compiled: bool = False) -> pa.Array[Any]:
    """As to_long, but what 32 bits cannot hold is null, counted."""
    made = to_long(value, type_, reject, compiled)
    numbers, valid = numbers_of(made), is_valid(made)
    beyond = valid & ((numbers < -(2**31)) | (numbers >= 2**31))
    if not beyond.any():
        return made
    reject("overflow", beyond, value, "long(x)")
    return array_from(numbers, ~valid | beyond)


def to_double(value: Any, type_: Type, reject: Reject, compiled: bool = False) -> pa.Array[Any]:
    """float64. Dates are epoch milliseconds and durations milliseconds, with their fraction; addresses their number."""
    if type_.kind in TEXTS:
        text = value.to_arrow() if isinstance(value, Spans) else value
        made = numbertext.to_double(text)
        reject("number", is_valid(text) & ~is_valid(made), value, "")
        return made
    match type_.kind:
        case "double":
            return value  # type: ignore[no-any-return]
        case "long":
            return array_from(numbers_of(value).astype(np.float64), ~is_valid(value))
        case "bool":
            return call("cast", value, pa.float64())
        case "decimal":
            from .decimals import to_double as nearest

            return nearest(value)
        case "date" | "duration":
            per_ms = 1e6 if type_.kind == "date" and type_.unit == "ns" else 1e3
            return array_from(numbers_of(value) / per_ms, ~is_valid(value))
        case "ip":
            return _double_of_ip(value)
    return refuse_all(value, pa.float64(), reject)


def _double_of_ip(value: pa.Array[Any]) -> pa.Array[Any]:
    from .ip import bytes_of_ips

    halves = np.ascontiguousarray(bytes_of_ips(value)[:, 1:]).view(">u8").astype(np.float64)
    return array_from(halves[:, 0] * 2.0**64 + halves[:, 1], ~is_valid(value))


def to_bool(value: Any, type_: Type, reject: Reject, compiled: bool = False) -> pa.Array[Any]:
    """`true false t f 1 0` in any case; numbers 1 and 0; other values are null, counted."""
    if type_.kind == "bool":
        return value  # type: ignore[no-any-return]
    if type_.kind in TEXTS:
        text = value.to_arrow() if isinstance(value, Spans) else value
        folded = call("utf8_lower", call("utf8_trim", text, characters=numbertext.BLANKS))
        made, known = _looked_up(folded)
        reject("type", is_valid(text) & ~known, value, "")
        return array_from_bools(made, known)
    if type_.kind == "decimal":
        value = to_double(value, type_, reject)
    if type_.kind in ("long", "double", "decimal"):
        numbers, valid = numbers_of(value), is_valid(value)
        known = valid & ((numbers == 0) | (numbers == 1))
        reject("type", valid & ~known, value, "x != 0")
        return array_from_bools(numbers == 1, known)
    return refuse_all(value, pa.bool_(), reject)


def _looked_up(folded: pa.Array[Any]) -> tuple[Mask, Mask]:
    words = texts_from(list(TRUTHS))
    at = int32_of(call("fill_null", call("index_in", folded, value_set=words), -1))
    return np.array([*TRUTHS.values(), False])[at], at >= 0


def array_from_bools(values: Mask, valid: Mask) -> pa.Array[Any]:
    """Booleans with nulls."""
    return array_from(values, None if valid.all() else ~valid)


def over_elements(convert: Callable[..., pa.Array[Any]], lists: Any, item: Type, reject: Reject) -> pa.Array[Any]:
    """`convert` each element of an array column; a row is refused once for each reason."""
    sizes = list_sizes(lists)
    row = np.repeat(np.arange(len(lists)), sizes)

    def refuse(reason: str, bad: Mask, value: Any, hint: str) -> None:
        rows = np.zeros(len(lists), np.bool_)
        rows[row[bad]] = True
        reject(reason, rows, lists, hint)

    return lists_from(sizes, convert(lists.flatten(), item, refuse), is_valid(lists))
