"""Python values as literals of the language."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from .expr import Literal
from .types import BOOL, DATE, DOUBLE, DURATION, INT, LONG, NULL, STRING, array_of, join

INT32 = range(-(2**31), 2**31)
_ROWS = {dict: "; a table is given in sources={...}, or registered"}


def literal_of(value: Any, zone: str = "UTC") -> Literal:
    """A Python value as a literal; TypeError if it is of no type of the language. A naive time is wall time of `zone`."""
    match value:
        case None:
            return Literal(type=NULL, value=None)
        case bool():
            return Literal(type=BOOL, value=value)
        case int():
            if not -(2**63) <= value < 2**63:
                raise TypeError(f"{value} does not fit 64 bits")
            return Literal(type=INT if value in INT32 else LONG, value=value)
        case float():
            return Literal(type=DOUBLE, value=value)
        case str():
            try:
                value.encode()
            except UnicodeEncodeError as why:
                raise TypeError(f"its text holds half a character, U+{ord(value[why.start]):04X}") from None
            return Literal(type=STRING, value=value)
        case dt.datetime():
            if value != value:  # pandas' NaT
                return Literal(type=NULL, value=None)
            moment = value if value.tzinfo else value.replace(tzinfo=ZoneInfo(zone))
            delta = moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
            return Literal(type=DATE, value=(delta.days * 86_400 + delta.seconds) * 10**6 + delta.microseconds)
        case dt.date():
            return literal_of(dt.datetime(value.year, value.month, value.day), zone)
        case dt.timedelta():
            return Literal(type=DURATION, value=(value.days * 86_400 + value.seconds) * 10**6 + value.microseconds)
        case list() | tuple():
            return array_literal([literal_of(v, zone) for v in value])
    if type(value).__name__ == "Decimal":  # its module is imported by whoever made one
        return Literal(type=DOUBLE, value=float(value))
    if hasattr(value, "as_py"):  # an Arrow scalar
        return literal_of(value.as_py(), zone)
    if hasattr(value, "tolist") and getattr(value, "ndim", 0) == 1:  # a NumPy array
        return array_literal([literal_of(v, zone) for v in value])
    if type(value).__name__ == "NAType":  # pandas' NA
        return Literal(type=NULL, value=None)
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:  # a NumPy scalar
        inner = value.item()
        if type(inner) is int and type(value).__name__ in ("datetime64", "timedelta64"):  # nanoseconds
            inner = value.astype(f"{type(value).__name__}[us]").item()
        if type(value).__name__ not in ("datetime64", "timedelta64") or isinstance(inner, dt.date | dt.timedelta):
            return literal_of(inner, zone)
    raise TypeError(f"no parameter is of Python's type {type(value).__name__}{_ROWS.get(type(value), '')}")


def array_literal(items: Sequence[Literal]) -> Literal:
    """TypeError where the values are not of one type (null and the widths of numbers aside)."""
    element = join(i.type for i in items)
    if element.kind == "string" and any(i.type.kind not in ("string", "null") for i in items):
        raise TypeError("a parameter's list holds values of one type")
    return Literal(type=array_of(element), value=[i.value for i in items])
