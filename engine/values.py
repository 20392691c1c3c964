"""Values of every type as text and as JSON, and columns brought to a wider type. One rule, wherever text is made.

Numbers: shortest digits that read back the same, always with a point or an exponent for doubles (`1.0`, `1e+16`,
`1e-05`, `inf`, `nan`), as Python and DuckDB write them. Dates: ISO 8601 with the offset of the session zone, a fraction
of 3, 6 or 9 digits only where it is not zero. Durations: `1d2h30m`. Binary: hexadecimal. Arrays and maps: JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..planner.text import fault
from ..planner.types import Type
from .arrow import (
    array_from,
    bitmap_of,
    buffer_of,
    call,
    concat,
    indices,
    is_valid,
    list_sizes,
    lists_from,
    nulls,
    numbers_of,
    structs_from,
)

if TYPE_CHECKING:
    from .batch import Batch, Column

Mask = NDArray[np.bool_]

DURATION_UNITS = (
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1000),
    ("us", 1),
)


def to_text(array: pa.Array[Any], type_: Type, zone: str) -> pa.Array[Any]:
    """Any column as text of the same length; null stays null, nothing is ever refused."""
    match type_.kind:
        case "string" | "any":
            return array
        case "double":
            return double_text(array)
        case "decimal":
            from .decimals import digits_text

            return digits_text(array, int(array.type.scale))
        case "date":
            from .dateformat import iso_text

            return iso_text(array, zone)
        case "duration":
            return duration_text(array)
        case "months":
            return months_text(array)
        case "ip":
            from .ip import to_text as ip_text

            return ip_text(array)
        case "binary":
            from .bytecodec import to_hex

            return to_hex(array)
        case "array" | "map":
            from .jsontext import json_text

            return json_text(array, type_, zone)
        case "other":
            return other_text(array)
    return call("cast", array, pa.string())


def text_column(batch: Batch, i: int, type_: Type, zone: str) -> Column:
    """As `to_text`, of a column of a batch; text stays in its form."""
    if type_.kind in ("string", "any"):
        return batch.columns[i]
    return nulls(batch.n_rows, pa.string()) if type_.kind == "null" else to_text(batch.array(i), type_, zone)


def texts_from(values: Sequence[str | None]) -> pa.Array[Any]:
    """A string array from Python, built from buffers: `pa.array` imports pandas where it is installed."""
    raw = [b"" if v is None else v.encode("utf-8", "surrogatepass") for v in values]
    offsets = np.zeros(len(raw) + 1, np.int32)
    np.cumsum([len(r) for r in raw], out=offsets[1:])
    missing = np.array([v is None for v in values], np.bool_)
    return pa.Array.from_buffers(
        pa.string(), len(raw), [bitmap_of(missing), buffer_of(offsets), pa.py_buffer(b"".join(raw))]
    )


BEYOND_NS = "nanoseconds reach from 1677 to 2262"


def unify(
    array: pa.Array[Any], from_: Type, to: Type, zone: str, refuse: Callable[[Mask], None] | None = None
) -> pa.Array[Any]:
    """A column of one type as a column of the type that `planner.types.join` gave for it and others.

    `refuse` gets the rows whose date is beyond what nanoseconds hold, if there are any; they are null. Without it they
    are E701.
    """
    if array.type == to.arrow:
        return array
    match to.kind:
        case "string" | "any":
            return to_text(array, from_, zone)
        case "array" if from_.kind == "array" and to.item is not None:
            lists: Any = array
            flat = unify(lists.flatten(), from_.item or Type("null"), to.item, zone)
            return lists_from(list_sizes(lists), flat, is_valid(lists))
        case "map" if from_.kind == "map" and not to.members:
            from .jsontext import as_map

            return as_map(array, from_, to, zone)
        case "map" if from_.kind == "map":
            return _widened(array, from_, to, zone)
        case "decimal":
            return _as_decimal(array, from_, to)
        case "double" if from_.kind == "decimal":
            from .decimals import to_double

            return to_double(array)
        case "date" if from_.kind == "date" and to.unit == "ns":
            return _in_nanoseconds(array, refuse)
        case "double":  # a whole number beyond 2^53 becomes the nearest double
            return call("cast", array, to.arrow, safe=False)
    return call("cast", array, to.arrow)


def _in_nanoseconds(array: pa.Array[Any], refuse: Callable[[Mask], None] | None) -> pa.Array[Any]:
    from .datecolumns import to_nanoseconds

    made, beyond = to_nanoseconds(array)
    if beyond.any():
        if refuse is None:
            raise fault("E701", f"a date beside ones in nanoseconds: {BEYOND_NS}")
        refuse(beyond)
    return made


def _as_decimal(array: Any, from_: Type, to: Type) -> pa.Array[Any]:
    from .decimals import rescaled, scale_of

    if from_.kind == "null":
        return nulls(len(array), to.arrow)
    made, beyond = rescaled(array, from_, scale_of(to))
    if beyond.any():
        raise fault("E701", f"a decimal of more than 38 digits beside ones with {scale_of(to)} behind the point",
                    hint="decimal(x, SCALE) with a smaller SCALE")  # fmt: skip
    return made


def _widened(array: Any, from_: Type, to: Type, zone: str) -> pa.Array[Any]:
    members = []
    for name, kind in to.members:
        had = from_.member(name)
        part = array.field(name) if had is not None else nulls(len(array), kind.arrow)
        members.append(unify(part, had or kind, kind, zone))
    return structs_from([n for n, _ in to.members], members, is_valid(array))


def double_text(array: pa.Array[Any]) -> pa.Array[Any]:
    """Arrow gives the shortest digits; where it writes them in another form than we do, the form is changed."""
    text = call("cast", array, pa.string())
    numbers, valid = numbers_of(array), is_valid(array)
    values = np.abs(numbers)
    with np.errstate(invalid="ignore"):
        whole = valid & (values < 1e16) & (np.floor(values) == values)
        odd = valid & ~whole & (((values >= 1e10) & (values < 1e16)) | (values < 1e-4))
    if whole.any():
        text = _put(text, whole, _whole_text(numbers[whole]))
    if odd.any():
        text = _put(
            text, odd, _reformed(call("cast", array_from(values[odd]), pa.string()), values[odd], numbers[odd] < 0)
        )
    return text


# Arrow writes 8.25e+10, 0.000068 and 9.9e-8 where we write 82500000000.0, 6.8e-05 and 9.9e-08
_FORMS: tuple[tuple[float, Callable[[Any], pa.Array[Any]]], ...] = (
    (0.0, lambda t: t),
    (1e-9, lambda t: _strung(_cut(t, 0, -1), "0", _cut(t, -1))),
    (1e-6, lambda t: _exponent(_cut(t, 7), "e-06")),
    (1e-5, lambda t: _exponent(_cut(t, 6), "e-05")),
    *((10.0**e, partial(lambda e, t: _pointed(t, e), e)) for e in range(10, 16)),
)


def _reformed(text: pa.Array[Any], values: NDArray[np.float64], negative: NDArray[np.bool_]) -> pa.Array[Any]:
    """Positive doubles below 1e-4 or with a fraction above 1e10; their magnitude says which form Arrow wrote."""
    form = np.searchsorted([low for low, _ in _FORMS], values, side="right") - 1
    rows = [np.flatnonzero(form == i) for i in range(len(_FORMS))]
    made = [change(text.take(indices(r))) for (_, change), r in zip(_FORMS, rows, strict=True) if len(r)]
    back = np.empty(len(text), np.int64)
    back[np.concatenate(rows)] = np.arange(len(text))
    return _strung(call("if_else", array_from(negative), "-", ""), concat(made).take(indices(back)))


def _cut(text: Any, start: int, stop: int | None = None) -> pa.Array[Any]:
    return call("utf8_slice_codeunits", text, start=start, stop=stop)


def _strung(*parts: Any) -> pa.Array[Any]:
    return call("binary_join_element_wise", *parts, "")


def _exponent(digits: Any, exponent: str) -> pa.Array[Any]:
    rest = _cut(digits, 1)
    point = call("if_else", call("equal", rest, ""), "", ".")
    return _strung(_cut(digits, 0, 1), point, rest, exponent)


def _pointed(text: Any, exponent: int) -> pa.Array[Any]:
    digits = call("replace_substring", text, pattern=".", replacement="")
    return _strung(_cut(digits, 0, exponent + 1), ".", _cut(digits, exponent + 1, -4))


def _whole_text(numbers: NDArray[np.float64]) -> pa.Array[Any]:
    digits = call("cast", array_from(np.abs(numbers).astype(np.int64)), pa.string())
    sign = call("if_else", array_from(np.signbit(numbers)), "-", "")
    return call("binary_join_element_wise", sign, digits, ".0", "")


def _put(text: pa.Array[Any], rows: NDArray[np.bool_], part: pa.Array[Any]) -> pa.Array[Any]:
    return call("replace_with_mask", text, array_from(rows), part)


def duration_text(array: pa.Array[Any]) -> pa.Array[Any]:
    """Largest units first, none that is zero; `0s`; a sign in front for all of it."""
    ticks, valid = numbers_of(array), is_valid(array)
    left = np.abs(ticks).view(np.uint64)  # the least int64 has no positive twin
    sign = call("if_else", array_from(ticks < 0), "-", "")
    parts: list[Any] = [sign]
    for unit, size in DURATION_UNITS:
        amount, left = np.divmod(left, np.uint64(size))
        if amount.any():
            text = call("binary_join_element_wise", call("cast", array_from(amount), pa.string()), unit, "")
            parts.append(call("if_else", array_from(amount > 0), text, ""))
    text = call("binary_join_element_wise", *parts, "") if len(parts) > 1 else sign
    text = call("if_else", array_from(ticks == 0), "0s", text)
    return call("if_else", array_from(valid), text, None)


def months_text(array: pa.Array[Any]) -> pa.Array[Any]:
    """`2mon`, `1y`, `-3mon`: years only where they are whole, as the canonical text of a literal has it."""
    months, valid = numbers_of(array), is_valid(array)
    whole = (months != 0) & (months % 12 == 0)
    amount = call("cast", array_from(np.where(whole, months // 12, months)), pa.string())
    text = call("binary_join_element_wise", amount, call("if_else", array_from(whole), "y", "mon"), "")
    return call("if_else", array_from(valid), text, None)


def interval_text(array: pa.Array[Any]) -> pa.Array[Any]:
    """`1y`, `2mon`, `-1mon`, with the fixed part behind it where there is one: `1mon 1d2h`."""
    data = array.buffers()[1]
    kind = np.dtype([("months", "<i4"), ("days", "<i4"), ("ns", "<i8")])
    n = len(array)
    parts = (
        np.frombuffer(cast(Any, data), kind, n + array.offset)[array.offset :]
        if data is not None
        else np.zeros(n, kind)
    )
    missing = ~is_valid(array)
    months = months_text(array_from(parts["months"].astype(np.int64), missing))
    fixed = parts["days"].astype(np.int64) * 86_400_000_000 + parts["ns"] // 1000
    if not fixed.any():
        return months
    rest = duration_text(array_from(fixed, missing, pa.duration("us")))
    both = call("if_else", array_from(parts["months"] != 0), call("binary_join_element_wise", months, rest, " "), rest)
    return call("if_else", array_from(fixed != 0), both, months)


def without_months(type_: Type) -> Type:
    """The type with text in the place of calendar lengths, at any depth."""
    if type_.kind == "months":
        return Type("string")
    if type_.kind not in ("array", "map"):
        return type_
    item = without_months(type_.item) if type_.item is not None else None
    return replace(type_, item=item, members=tuple((n, without_months(t)) for n, t in type_.members))


def other_text(array: pa.Array[Any]) -> pa.Array[Any]:
    """Types that are only passed through: Arrow's own text, else Python's."""
    if array.type == pa.month_day_nano_interval():
        return interval_text(array)
    try:
        return call("cast", array, pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return texts_from([None if v is None else str(v) for v in array.to_pylist()])


def row_text(columns: Sequence[pa.Array[Any]], types: Sequence[Type], row: int, zone: str) -> str:
    """The values of one row as text, by commas: the keys of a group, for notes."""
    shown = []
    for column, type_ in zip(columns, types, strict=True):
        value: Any = column.slice(row, 1)
        value = value.dictionary_decode() if isinstance(value, pa.DictionaryArray) else value
        text = to_text(value, type_, zone)[0].as_py()
        shown.append("null" if text is None else str(text))
    return ", ".join(shown)
