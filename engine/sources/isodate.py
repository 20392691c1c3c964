"""ISO 8601 text to instants, column-wise: the dates that readers recognise by themselves.

`2026-11-01`, `2026-11-01 10:00[:00[.123456789]]` with a blank or `T`, and behind it nothing, `Z`, `+09:00`, `+0900`, `+09`.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..arrow import array_from, bools_of, call, is_valid, numbers_of
from ..calendar import month_length, to_utc
from ..numbertext import BLANKS
from ..zones import NS, US

DAY = r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,%d})?)?"
ZONED = r"(?:Z|[+-](?:[01][0-9]|2[0-3])(?::?[0-5][0-9])?)"

Mask = NDArray[np.bool_]


def parse(text: pa.Array[Any], zone: str, unit: str = "us") -> tuple[pa.Array[Any], Mask]:
    """timestamp(unit, UTC), null where the text is no ISO date; and the rows whose wall time is missing or ambiguous.

    Text without a zone is wall time of `zone`. A fraction finer than the unit is no date: nothing is cut off.
    """
    try:
        walls = call("cast", text, cast(Any, pa.timestamp)(unit))
        return _instants(walls, zone, unit)
    except pa.ArrowInvalid:
        pass
    try:
        return call("cast", text, cast(Any, pa.timestamp)(unit, "UTC")), np.zeros(len(text), np.bool_)
    except pa.ArrowInvalid:
        return _careful(text, zone, unit)


def digits_beyond_micros(text: pa.Array[Any]) -> bool:
    """Whether a value has a fraction of a second that microseconds cannot hold."""
    return bool(bools_of(call("match_substring_regex", text, pattern=r"\.[0-9]{7,9}")).any())


def _instants(walls: pa.Array[Any], zone: str, unit: str) -> tuple[pa.Array[Any], Mask]:
    valid = is_valid(walls)
    made, doubtful = to_utc(np.where(valid, numbers_of(walls), 0), zone, NS if unit == "ns" else US)
    return array_from(made, ~valid, cast(Any, pa.timestamp)(unit, "UTC")), doubtful & valid


def _careful(text: pa.Array[Any], zone: str, unit: str) -> tuple[pa.Array[Any], Mask]:
    trimmed = call("utf8_trim", text, characters=BLANKS)
    clock = CLOCK % (9 if unit == "ns" else 6)
    naive = bools_of(call("match_substring_regex", trimmed, pattern=f"^{DAY}(?:[T ]{clock})?$")) & _in_month(trimmed)
    zoned = bools_of(call("match_substring_regex", trimmed, pattern=f"^{DAY}[T ]{clock}{ZONED}$")) & _in_month(trimmed)
    walls = _cast(trimmed, naive, cast(Any, pa.timestamp)(unit))
    instants = _cast(trimmed, zoned, cast(Any, pa.timestamp)(unit, "UTC"))
    local, doubtful = _instants(walls, zone, unit)
    return call("coalesce", instants, local), doubtful


def _cast(text: pa.Array[Any], rows: Mask, kind: pa.DataType) -> pa.Array[Any]:
    """The rows of a mask; nanoseconds reach from 1677 to 2262 only, so what is left may still refuse."""
    chosen = call("if_else", array_from(rows), text, pa.nulls(1, text.type)[0])
    try:
        return call("cast", chosen, kind)
    except pa.ArrowInvalid:
        year = bools_of(call("match_substring_regex", text, pattern=r"^(?:1[7-9]|2[01]|16[89]|22[0-5])[0-9]"))
        return call("cast", call("if_else", array_from(rows & year), text, pa.nulls(1, text.type)[0]), kind)


def _in_month(text: pa.Array[Any]) -> Mask:
    """Whether the day exists in its month; only texts shaped as a date are looked at."""
    shaped = bools_of(call("match_substring_regex", text, pattern=f"^{DAY}"))
    out = np.zeros(len(text), np.bool_)
    rows = np.flatnonzero(shaped)
    if len(rows):
        head = text.take(array_from(rows))
        year, month, day = (_number(head, a, b) for a, b in ((0, 4), (5, 7), (8, 10)))
        out[rows] = day <= month_length((year - 1970) * 12 + month - 1)
    return out


def _number(text: pa.Array[Any], begin: int, end: int) -> NDArray[np.int64]:
    return numbers_of(call("cast", call("utf8_slice_codeunits", text, start=begin, stop=end), pa.int64()))
