"""Arrow data from outside to the engine's one physical form of each type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..planner.types import LONG, Type, is_list_view, of_arrow, scalar
from .arrow import (
    array_from,
    bitmap_of,
    buffer_of,
    call,
    decode,
    is_valid,
    list_sizes,
    lists_from,
    maps_from,
    nulls,
    numbers_of,
)
from .calendar import to_utc
from .decimals import to_double
from .exprs import DIGITS_CUT
from .values import unify
from .zones import NS, US
from .zones import zone as find_zone

Mask: TypeAlias = "NDArray[np.bool_]"
Told: TypeAlias = Callable[[str, Mask, Any, str], None]  # reason, rows, the values as they came, hint
_PER_SECOND = {"s": 1, "ms": 1000, "us": US, "ns": NS}
_DAY = 86_400


def ignore(reason: str, rows: Mask, values: Any, hint: str) -> None:
    """For callers that have nowhere to tell."""


def normalise(array: pa.Array[Any], type_: Type, zone: str, told: Told = ignore) -> pa.Array[Any]:
    """`array` as a column of `type_`: its own type, or one that `planner.types.join` gave for it and others.

    Timestamps without a zone, and dates, are wall time of `zone`. A dictionary of text stays one. `told` gets the rows
    whose value is null since 64 bits cannot hold it (`overflow`), or whose wall time is missing or twice there (`dst`).
    """
    own = of_arrow(array.type)
    made: pa.Array[Any] = _physical(array, own, zone, told)
    if own == type_ or made.type == type_.arrow or (isinstance(made, pa.DictionaryArray) and type_.kind == "string"):
        return made
    if type_.kind == "date" and own.kind == "date":
        return _to_unit(made, type_.unit, array, told)  # type: ignore[no-any-return]
    if own.kind == "null":
        return nulls(len(array), type_.arrow)
    return unify(decode(made) if isinstance(made, pa.DictionaryArray) else made, own, type_, zone)


def is_plain(kind: pa.DataType) -> bool:
    """Whether a column of this Arrow type is in physical form as it stands."""
    return of_arrow(kind).arrow == kind


def is_quiet(kind: pa.DataType, type_: Type, zone: str) -> bool:
    """Whether `normalise` can refuse no value of this Arrow type."""
    own, t = of_arrow(kind), pa.types
    if own != type_:
        return False
    if kind == own.arrow or t.is_large_string(kind) or t.is_string_view(kind):
        return True
    if own.kind in ("long", "double") and (t.is_integer(kind) or t.is_floating(kind)):
        return not t.is_uint64(kind)
    if not isinstance(kind, pa.TimestampType) or kind.unit != own.unit:
        return False
    return kind.tz is not None or not len(find_zone(zone).switch)


def _physical(array: Any, own: Type, zone: str, told: Told) -> Any:
    if isinstance(array.type, pa.BaseExtensionType):
        return _physical(array.storage, of_arrow(array.type), zone, told)
    t, kind = pa.types, array.type
    if t.is_run_end_encoded(kind):
        return _physical(call("run_end_decode", array), own, zone, told)
    if t.is_dictionary(kind):
        return _dictionary(array, own, zone, told)
    if kind == own.arrow:
        return array
    match own.kind:
        case "long":
            return _unsigned(array, told) if t.is_uint64(kind) else call("cast", array, pa.int64())
        case "double" if t.is_decimal(kind):
            return to_double(array)
        case "double" | "string" | "binary" | "ip":
            return call("cast", _tame(array), own.arrow)
        case "date":
            return _date(array, own, zone, told)
        case "duration":
            return _duration(array, told)
        case "array":
            return _list(array, own, zone, told)
        case "map":
            return _struct(array, own, zone, told) if t.is_struct(kind) else _map(array, own, zone, told)
    return array


def _tame(array: Any) -> Any:
    """Views of null rows may point anywhere, and Arrow's cast follows them: they become empty."""
    kind, n = array.type, len(array)
    if not (pa.types.is_string_view(kind) or pa.types.is_binary_view(kind)) or not array.null_count:
        return array
    _, views, *data = array.buffers()
    rows = np.frombuffer(views, np.uint64, 2 * (n + array.offset)).reshape(-1, 2)[array.offset :].copy()
    valid = is_valid(array)
    rows[~valid] = 0
    return pa.Array.from_buffers(kind, n, [bitmap_of(~valid), buffer_of(rows), *data])


def _dictionary(array: Any, own: Type, zone: str, told: Told) -> Any:
    values = array.dictionary
    if own.kind != "string" or values.null_count:
        return _physical(call("take", values, array.indices), own, zone, told)
    if array.indices.type == pa.int32() and values.type == pa.string() and not array.null_count:
        return array
    indices = array.indices if array.indices.type == pa.int32() else call("cast", array.indices, pa.int32())
    if array.null_count:  # codes of null rows may be anything, and kernels use them before they look
        valid = is_valid(indices)
        indices = array_from(np.where(valid, numbers32(indices), np.int32(0)), ~valid)
    return pa.DictionaryArray.from_arrays(
        indices, values if values.type == pa.string() else call("cast", values, pa.string())
    )


def _unsigned(array: Any, told: Told) -> Any:
    data = array.buffers()[1]
    raw = (
        np.frombuffer(data, np.int64, len(array) + array.offset)[array.offset :]
        if data is not None
        else np.zeros(len(array), np.int64)
    )
    valid = is_valid(array)
    beyond = valid & (raw < 0)
    if beyond.any():
        told("overflow", beyond, array, "values above 9223372036854775807 do not fit 64 bits with a sign")
    return array_from(raw, ~valid | beyond)


def _ticks(array: Any, wanted: int, per_second: int, told: Told) -> tuple[NDArray[np.int64], Mask]:
    """Integers of one unit in another, and which are valid; coarser ones beyond 64 bits are null, finer ones floored."""
    ticks, valid = numbers_of(array), is_valid(array)
    if per_second == wanted:
        return np.where(valid, ticks, 0), valid
    if per_second > wanted:
        return np.where(valid, ticks // (per_second // wanted), 0), valid
    return _scaled(ticks, valid, wanted // per_second, array, told)


def _scaled(
    ticks: NDArray[np.int64], valid: Mask, factor: int, array: Any, told: Told
) -> tuple[NDArray[np.int64], Mask]:
    """`ticks` times `factor`, and which are valid: what 64 bits cannot hold is null, and told."""
    limit = np.iinfo(np.int64).max // factor
    beyond = valid & ((ticks > limit) | (ticks < -limit))
    if beyond.any():
        told("overflow", beyond, array, "the time is outside of what the unit can hold")
    valid = valid & ~beyond
    return np.where(valid, ticks, 0) * factor, valid


def _date(array: Any, own: Type, zone: str, told: Told) -> Any:
    t, kind = pa.types, array.type
    per_second = NS if own.unit == "ns" else US
    if t.is_date32(kind):
        data = array.buffers()[1]
        n = len(array)
        raw = (
            np.frombuffer(data, np.int32, n + array.offset)[array.offset :]
            if data is not None
            else np.zeros(n, np.int32)
        )
        valid = is_valid(array)
        walls, valid = _scaled(raw.astype(np.int64), valid, _DAY * US, array, told)
    elif t.is_date64(kind):
        walls, valid = _ticks(array, US, 1000, told)
    elif _PER_SECOND[kind.unit] == per_second and not array.null_count and (kind.tz is not None or _is_utc(zone)):
        return pa.Array.from_buffers(own.arrow, len(array), array.buffers(), 0, array.offset)
    else:
        walls, valid = _ticks(array, per_second, _PER_SECOND[kind.unit], told)
        if kind.tz is not None:
            return array_from(walls, ~valid, own.arrow)
    made, doubtful = to_utc(walls, zone, per_second)
    if (doubtful & valid).any():
        told("dst", doubtful & valid, array, "a wall time that is missing or twice there in the zone")
    return array_from(made, ~valid, own.arrow)


def _is_utc(zone: str) -> bool:
    """Whether wall times of the zone are instants, all of them."""
    found = find_zone(zone)
    return not len(found.switch) and not found.offsets.any()


def _to_unit(array: Any, unit: str, given: Any, told: Told) -> Any:
    has, wants = array.type.unit, unit
    if has == wants:
        return array
    beyond: list[Mask] = []
    ticks, valid = _ticks(
        array, _PER_SECOND[wants], _PER_SECOND[has], lambda reason, rows, values, hint: beyond.append(rows)
    )
    if beyond:
        told("overflow", beyond[0], given, "nanoseconds reach from 1677 to 2262")
    return array_from(ticks, ~valid, cast(Any, pa.timestamp)(unit, "UTC"))


def _duration(array: Any, told: Told) -> Any:
    ticks, valid = _ticks(array, US, _PER_SECOND[array.type.unit], told)
    if array.type.unit == "ns" and (cut := valid & (numbers_of(array) % 1000 != 0)).any():
        told(DIGITS_CUT, cut, array, "a length of time has microseconds")
    return array_from(ticks, ~valid, pa.duration("us"))


def _list(array: Any, own: Type, zone: str, told: Told) -> Any:
    if pa.types.is_fixed_size_list(array.type):
        array = array.cast(pa.list_(array.type.value_type))
    item = own.item or Type("null")
    if is_list_view(array.type):  # (Arrow's own cast of one whose last row is null makes too few offsets)
        valid = is_valid(array)
        sizes = np.where(
            valid, numbers_of(call("fill_null", call("list_value_length", array).cast(pa.int64()), scalar(0, LONG))), 0
        )
        return lists_from(sizes, _inner(array.flatten(), item, zone, told), valid)
    plain: Any = call("cast", array, pa.list_(array.type.value_type)) if pa.types.is_large_list(array.type) else array
    flat = _inner(plain.flatten(), item, zone, told)
    return lists_from(list_sizes(plain), flat, is_valid(plain))


def _inner(values: Any, type_: Type, zone: str, told: Told) -> Any:
    """Members and elements are always plain; what is told of them is not told of rows, so it is not passed on by row."""
    lost: list[tuple[str, str, int]] = []
    made = normalise(values, type_, zone, lambda reason, rows, _, hint: lost.append((reason, hint, int(rows.sum()))))
    for reason, hint, n in lost:
        told(reason, np.ones(n, np.bool_), None, hint)
    return decode(made) if isinstance(made, pa.DictionaryArray) else made


def _struct(array: Any, own: Type, zone: str, told: Told) -> Any:
    from .arrow import structs_from

    columns = [
        _inner(array.field(i).slice(0) if array.offset == 0 else array.field(i), kind, zone, told)
        for i, (_, kind) in enumerate(own.members)
    ]
    if not columns:  # a map that knows no key
        none = nulls(0, pa.string())
        return maps_from(np.zeros(len(array), np.int32), none, none, is_valid(array))
    return structs_from([n for n, _ in own.members], columns, is_valid(array))


def _map(array: Any, own: Type, zone: str, told: Told) -> Any:
    sizes, valid = list_sizes(array), is_valid(array)
    offsets = np.asarray(numbers32(array.offsets))
    low, high = (int(offsets[0]), int(offsets[-1])) if len(offsets) else (0, 0)
    keys, items = array.keys.slice(low, high - low), array.items.slice(low, high - low)
    if not valid.all():  # what a null row spans is no part of the map
        held = np.repeat(valid, np.diff(offsets))
        keep = array_from(held)
        keys, items = keys.filter(keep), items.filter(keep)
    from .values import to_text

    key_type = of_arrow(keys.type)
    texts = to_text(_inner(keys, key_type, zone, told), key_type, zone)
    return maps_from(sizes, texts, _inner(items, own.item or Type("null"), zone, told), valid)


def numbers32(array: Any) -> NDArray[np.int32]:
    data = array.buffers()[1]
    if data is None:
        return np.zeros(len(array), np.int32)
    return np.frombuffer(data, np.int32, len(array) + array.offset)[array.offset :]
