"""Columns of databases in the types of the language: UUIDs, decimals, infinite times, and what only the database knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.records import dataclass
from ..arrow import array_from, buffer_of, call, is_valid, numbers_of
from ..normalise import numbers32

_PG_EPOCH = 946_684_800_000_000  # microseconds from 1970 to the year 2000, from where PostgreSQL counts
_LEAST = -(1 << 63)
INFINITE_TIMES = (_LEAST + _PG_EPOCH - 1, _LEAST + _PG_EPOCH)  # its infinity and -infinity, as the driver moves them
_LEAST_DAY = -(1 << 31)
INFINITE_DAYS = (_LEAST_DAY + 10_957 - 1, _LEAST_DAY + 10_957)
NUMERIC = "numeric"


@dataclass(frozen=True, slots=True)
class Column:
    """`field`: its name and the Arrow type that `read` gives."""

    field: Any
    given: Any  # as the database gives it
    read: Callable[[Any], Any]
    is_decimal: bool = False
    is_renamed: bool = False
    infinite: tuple[int, ...] = ()  # values that stand for no time at all


def cast_of(column: Any) -> str:
    """What PostgreSQL must make of a column whose binary form only it can read; empty if nothing."""
    kind, stored = column.type, _stored_type(column)
    if stored == "money":
        return "::numeric::float8"
    if pa.types.is_struct(kind):
        return "::text"
    if _is_list(kind):
        inner = kind.value_type
        if _opaque(inner) == NUMERIC:
            return "::float8[]"
        return "::text[]" if isinstance(inner, pa.BaseExtensionType) or pa.types.is_struct(inner) else ""
    name = _opaque(kind)
    return "::text" if name and name != NUMERIC else ""


def columns_of(schema: pa.Schema, driver: str) -> tuple[Column, ...]:
    """How each column is read; a name that is there twice gets `_2`."""
    out: dict[str, Column] = {}
    for given in schema:
        name, n = given.name, 2
        while name in out:
            name, n = f"{given.name}_{n}", n + 1
        kind, read = _reading(given.type)
        infinite = _infinite(kind) if driver == "postgresql" else ()
        out[name] = Column(
            pa.field(name, kind), given.type, read, _opaque(given.type) == NUMERIC, name != given.name, infinite
        )
    return tuple(out.values())


def _reading(kind: Any) -> tuple[Any, Callable[[Any], Any]]:
    if _opaque(kind) == NUMERIC:
        return pa.float64(), _numbers
    if getattr(kind, "extension_name", "") == "arrow.uuid":
        return pa.string(), _uuid_text
    if isinstance(kind, pa.BaseExtensionType) and kind.extension_name.startswith("arrow."):
        return kind.storage_type, lambda array: array.storage
    if pa.types.is_null(kind):
        return kind, lambda array: pa.nulls(len(array))
    return kind, lambda array: array


def _infinite(kind: Any) -> tuple[int, ...]:
    return INFINITE_TIMES if pa.types.is_timestamp(kind) else INFINITE_DAYS if pa.types.is_date32(kind) else ()


def _is_list(kind: Any) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind)


def _opaque(kind: Any) -> str:
    """The database's own name of a type that Arrow does not have."""
    return str(kind.type_name) if getattr(kind, "extension_name", "") == "arrow.opaque" else ""


def _stored_type(column: Any) -> str:
    return bytes((column.metadata or {}).get(b"POSTGRESQL:type", b"")).decode()


def _numbers(array: Any) -> Any:
    """Decimals as text to doubles; `NaN` and `Infinity` are what they say."""
    return call("cast", array.storage, pa.float64())


def _uuid_text(array: Any) -> Any:
    """16 bytes as `550e8400-e29b-41d4-a716-446655440000`."""
    stored = array.storage
    n, valid = len(stored), is_valid(stored)
    if not n:
        return pa.nulls(0, pa.string())
    raw = np.frombuffer(stored.buffers()[1], np.uint8, 16 * (n + stored.offset)).reshape(-1, 16)[stored.offset :]
    digits = np.frombuffer(b"0123456789abcdef", np.uint8)
    hexes = np.empty((n, 32), np.uint8)
    hexes[:, 0::2], hexes[:, 1::2] = digits[raw >> 4], digits[raw & 15]
    text = np.full((n, 36), ord("-"), np.uint8)
    for at, low, high in ((0, 0, 8), (9, 8, 12), (14, 12, 16), (19, 16, 20), (24, 20, 32)):
        text[:, at : at + high - low] = hexes[:, low:high]
    offsets = np.arange(n + 1, dtype=np.int32) * 36
    made: Any = pa.Array.from_buffers(pa.string(), n, [None, buffer_of(offsets), buffer_of(text.reshape(-1))])
    return made if valid.all() else call("if_else", array_from(valid), made, pa.nulls(n, pa.string()))


def without_infinite(array: Any, infinite: tuple[int, ...]) -> tuple[Any, NDArray[np.bool_]]:
    """The times that are some; and which rows were none."""
    whole = call("cast", array, pa.int32()) if pa.types.is_date32(array.type) else array
    ticks: Any = numbers32(whole) if pa.types.is_date32(array.type) else numbers_of(array)
    odd: NDArray[np.bool_] = np.isin(ticks, infinite) & is_valid(array)
    return (call("if_else", array_from(~odd), array, pa.nulls(len(array), array.type)) if odd.any() else array), odd


def wall_text(array: Any, zone: str) -> Any:
    """Times as `2026-11-01 09:30:00[.ffffff]`, wall time of the zone."""
    import datetime as dt
    from zoneinfo import ZoneInfo

    moment = array[0].as_py()
    if moment is None:
        return pa.nulls(1, pa.string())
    wall: dt.datetime = moment.astimezone(ZoneInfo(zone))
    text = wall.strftime("%Y-%m-%d %H:%M:%S") + (f".{wall.microsecond:06d}" if wall.microsecond else "")
    return pa.array([text], pa.string())
