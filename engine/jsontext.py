"""Columns as JSON text, compact, nulls kept: `{"a":1,"b":[null,"x"]}`. Column by column, also inside arrays and maps.

NaN and infinities have no JSON and become null; dates, durations, addresses and bytes are the strings of their text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ..planner.types import Type
from .arrow import (
    array_from,
    bools_of,
    call,
    concat,
    is_valid,
    list_sizes,
    lists_from,
    maps_from,
    nulls,
    numbers_of,
    offsets_of,
)
from .values import texts_from, to_text, unify

_SHORT = {8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r"}
_CONTROL = r"[\x00-\x1f]"


def json_text(array: Any, type_: Type, zone: str) -> pa.Array[Any]:
    """JSON of each row; a null row stays null."""
    match type_.kind:
        case "long" | "bool":
            return call("cast", array, pa.string())
        case "decimal":
            return to_text(array, type_, zone)
        case "double":
            finite = np.isfinite(numbers_of(array)) & is_valid(array)
            text = to_text(array, type_, zone)
            return text if finite.all() else call("if_else", array_from(finite), text, _lost(is_valid(array)))
        case "array":
            return _array_text(array, type_.item or Type("null"), zone)
        case "map" if type_.members:
            return _struct_text(array, type_, zone)
        case "map":
            return _map_text(array, type_, zone)
        case "null":
            return nulls(len(array), pa.string())
    return quoted(to_text(array, type_, zone))


def _lost(valid: Any) -> pa.Array[Any]:
    return call("if_else", array_from(valid), "null", None)


def _member(array: Any, type_: Type, zone: str) -> pa.Array[Any]:
    """As part of something bigger: a null is written."""
    return call("fill_null", json_text(array, type_, zone), "null")


def quoted(text: Any) -> pa.Array[Any]:
    """JSON strings: quote, backslash and control characters are escaped, nothing else."""
    if bools_of(call("match_substring_regex", text, pattern=r'["\\\x00-\x1f]')).any():
        text = call("replace_substring", text, pattern="\\", replacement="\\\\")
        text = call("replace_substring", text, pattern='"', replacement='\\"')
        if bools_of(call("match_substring_regex", text, pattern=_CONTROL)).any():
            for code in range(32):
                escape = _SHORT.get(code, f"\\u{code:04x}")
                text = call("replace_substring", text, pattern=chr(code), replacement=escape)
    return call("binary_join_element_wise", '"', text, '"', "")


def _joined(parts: pa.Array[Any], lists: Any, opening: str, closing: str) -> pa.Array[Any]:
    """`parts`: one text for each element of `lists`, joined by commas within each."""
    body = call("binary_join", lists_from(list_sizes(lists), parts), ",")
    out = call("binary_join_element_wise", opening, body, closing, "")
    return call("if_else", array_from(is_valid(lists)), out, None) if lists.null_count else out


def map_pairs(maps: Any) -> tuple[Any, Any]:
    """Keys and items of all rows that are not null, in order; slices and what nulls hide are left out."""
    sizes = list_sizes(maps)
    starts = np.repeat(offsets_of(maps)[:-1], sizes)
    nth = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    rows = array_from((starts + nth).astype(np.int64))
    return maps.keys.take(rows), maps.items.take(rows)


def _array_text(lists: Any, item: Type, zone: str) -> pa.Array[Any]:
    return _joined(_member(lists.flatten(), item, zone), lists, "[", "]")


def _map_text(maps: Any, type_: Type, zone: str) -> pa.Array[Any]:
    keys, items = map_pairs(maps)
    item = type_.item or Type("string")
    parts = call("binary_join_element_wise", quoted(keys), _member(items, item, zone), ":")
    return _joined(parts, maps, "{", "}")


def _struct_text(array: Any, type_: Type, zone: str) -> pa.Array[Any]:
    names: list[Any] = quoted(texts_from([n for n, _ in type_.members])).to_pylist()
    parts: list[Any] = []
    for i, (_, kind) in enumerate(type_.members):
        head = ("{" if i == 0 else ",") + names[i] + ":"
        parts += [head, _member(array.field(i), kind, zone)]
    out = call("binary_join_element_wise", *parts, "}", "")
    return call("if_else", array_from(is_valid(array)), out, None) if array.null_count else out


def as_map(array: Any, from_: Type, to: Type, zone: str) -> pa.Array[Any]:
    """A struct, or a map with other items, as `map<string, to.item>`; members that are null stay, as nulls."""
    item = to.item or Type("string")
    if not from_.members:
        keys, items = map_pairs(array)
        return maps_from(
            list_sizes(array), keys, unify(items, from_.item or Type("string"), item, zone), is_valid(array)
        )
    n, width = len(array), len(from_.members)
    columns = [unify(array.field(i), kind, item, zone) for i, (_, kind) in enumerate(from_.members)]
    keys = texts_from([name for name, _ in from_.members]).take(array_from(np.tile(np.arange(width), n)))
    return maps_from(np.full(n, width), keys, woven(columns, n), is_valid(array))


def woven(columns: Sequence[pa.Array[Any]], n: int) -> pa.Array[Any]:
    """Columns of n rows as one column, row by row."""
    order = np.arange(n * len(columns)).reshape(len(columns), n).T.ravel()
    return concat(columns).take(array_from(np.ascontiguousarray(order)))
