"""Functions of arrays and maps. Whole columns at a time: rows are runs of one long column of elements."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from ...engine.arrow import array_from, bools_of, call, is_valid, list_sizes, lists_from, nulls, numbers_of, offsets_of
from ...engine.exprs import Eval, Value
from ...engine.jsontext import json_text, map_pairs, woven
from ...engine.numbertext import to_double
from ...engine.strings import Ints, Mask
from ...engine.values import texts_from, unify
from ...planner.types import ANY, NULL, array_of
from ..base import ANY_ARG, DOUBLE, INTEGER, LONG, STRING, CallBinder, Type, converted, function, join

GROUP = "arrays and maps"


def elements(lists: Any) -> tuple[Any, Ints, Ints]:
    """All elements of a list column in order, the row of each, and the elements of each row."""
    sizes = list_sizes(lists)
    return lists.flatten(), np.repeat(np.arange(len(lists)), sizes), sizes


def _array_only(call: CallBinder, result: Any) -> Type:
    """E330 unless the first argument is an array; of null the result is null."""
    kind = call.types[0]
    if kind.kind not in ("array", "null", "any"):
        call.fail("E330", f"{call.name} takes an array, not {kind}", at=0)
    item = kind.item or NULL
    call.data = item if kind.kind == "array" else None
    return result(item) if kind.kind == "array" else NULL


def _valueof_type(call: CallBinder) -> Type:
    kind, key = call.types
    call.data = kind, key
    if kind.kind == "array" and key.is_number:
        call.args = [call.args[0], converted(call, call.args[1], INTEGER)]
        return kind.item or NULL
    if kind.kind != "map" or key.kind not in ("string", "any"):
        return ANY if kind.kind == "any" else NULL
    if not kind.members:
        return kind.item or STRING
    if call.is_constant(1):
        found = kind.member(call.constant(1))
        if found is None:
            call.warn("W301", f"the map has no member '{call.constant(1)}'", at=1, fields=[n for n, _ in kind.members])
        return found or NULL
    return join(t for _, t in kind.members)


@function(
    "valueof", args=(ANY_ARG, ANY_ARG), returns=_valueof_type, group=GROUP,
    syntax="valueof(OBJ, KEY)",
    summary="The element of an array by its index (0-based, negative from the end), or of a map by its key; else null.",
    examples=[
        ("valueof(array(5, 6), 1)", "6"), ("valueof(array(5, 6), -1)", "6"), ("valueof(array(5), 9)", "null"),
        ('valueof(dict("a", 1), "a")', "1"),
    ],
)  # fmt: skip
def valueof(ev: Eval, value: Value, key: Value) -> Value:
    kind, by = ev.data
    column: Any = ev.array(value)
    if kind.kind == "array" and by.is_number:
        return element_at(column, *ev.numbers(key))
    if kind.kind != "map" or by.kind not in ("string", "any"):
        return nulls(ev.n, pa.string() if kind.kind == "any" else pa.null())
    if isinstance(key, pa.Scalar) and key.is_valid and not kind.members:
        return call("map_lookup", column, query_key=key, occurrence="last")
    keys = ev.array(key)
    if kind.members:
        return _member_by_row(ev, column, kind, key, keys)
    names, items = map_pairs(column)
    sizes = list_sizes(column)
    rows = np.repeat(np.arange(ev.n), sizes)
    hit = np.flatnonzero(bools_of(call("equal", names, keys.take(array_from(rows)))))
    at = np.full(ev.n, -1, np.int64)
    at[rows[hit]] = hit  # of equal keys the last one stays
    return items.take(array_from(at, at < 0))  # type: ignore[no-any-return]


def element_at(lists: Any, index: Ints, known: Mask) -> pa.Array[Any]:
    """The element of each row at its index (negative: from the end); null where there is none."""
    sizes = list_sizes(lists)
    index = np.where(known, index, 0)
    inside = known & (index >= -sizes) & (index < sizes)
    at = np.where(inside, offsets_of(lists)[:-1] + np.where(index < 0, index + sizes, index), 0)
    return lists.values.take(array_from(at, ~inside))  # type: ignore[no-any-return]


def _member_by_row(ev: Eval, column: Any, kind: Type, key: Value, keys: Any) -> Value:
    if isinstance(key, pa.Scalar):
        name = key.as_py()
        return (
            call("struct_field", column, [name]) if name is not None and kind.member(name) else nulls(ev.n, pa.null())
        )
    result = join(t for _, t in kind.members)
    out: Any = nulls(ev.n, result.arrow)
    for name, type_ in kind.members:
        part = unify(call("struct_field", column, [name]), type_, result, ev.zone)
        out = call("if_else", array_from(bools_of(call("equal", keys, texts_from([name])[0]))), part, out)
    return out  # type: ignore[no-any-return]


@function(
    "subarray", args=(ANY_ARG, INTEGER, INTEGER), least=2, most=3, group=GROUP,
    returns=lambda call: _array_only(call, array_of),
    syntax="subarray(A, BEGIN[, END])",
    summary="Elements BEGIN (0-based) to END (exclusive); negatives count from the end; out of range null.",
    examples=[("subarray(array(1, 2, 3), 1)", "array(2, 3)"), ("subarray(array(1, 2, 3), 0, -1)", "array(1, 2)"), ("subarray(array(1), 1)", "null")],
)  # fmt: skip
def subarray(ev: Eval, array: Value, begin: Value, end: Value | None = None) -> Value:
    lists: Any = ev.array(array)
    if ev.data is None:
        return nulls(ev.n, pa.null())
    sizes = list_sizes(lists)
    first, valid = _bound(ev, begin, sizes)
    last = sizes
    if end is not None:
        last, known = _bound(ev, end, sizes)
        valid = valid & known
    valid = valid & is_valid(lists) & (first >= 0) & (first < sizes) & (last >= first)
    count = np.where(valid, last - first, 0)
    starts = offsets_of(lists)[:-1] + np.where(valid, first, 0)
    at = np.repeat(starts - (np.cumsum(count) - count), count) + np.arange(int(count.sum()))
    return lists_from(count, lists.values.take(array_from(at.astype(np.int64))), valid)


def _bound(ev: Eval, value: Value, sizes: Ints) -> tuple[Ints, Mask]:
    """A position in each row's array: below 0 if before it, at most its size."""
    at, known = ev.numbers(value)
    at = np.where(known, at, 0)
    return np.where(at < 0, np.maximum(at, -sizes - 1) + sizes, np.minimum(at, sizes)), known


@function(
    "sumarray", args=(ANY_ARG,), group=GROUP,
    returns=lambda call: _array_only(call, lambda item: LONG if item.kind in ("long", "null", "bool", "date") else DOUBLE),
    syntax="sumarray(A)",
    summary="The sum of the elements that are numbers (text is read as one); 0 when there are none.",
    examples=[("sumarray(array(1, 2, null))", "3"), ("sumarray(array(0.5, 1))", "1.5"), ('sumarray(array("x", "2"))', "2.0")],
)  # fmt: skip
def sumarray(ev: Eval, array: Value) -> Value:
    lists: Any = ev.array(array)
    if ev.data is None:
        return nulls(ev.n, pa.null())
    items, rows, _ = elements(lists)
    null = ~is_valid(lists)
    if ev.data.kind in ("string", "any"):
        items = to_double(items)
    if ev.data.kind in ("string", "any", "double"):
        return array_from(_sums(np.where(is_valid(items), numbers_of(items), 0.0), rows, ev.n), null)
    if ev.data.kind != "long":
        return array_from(np.zeros(ev.n, np.int64), null)
    values = np.where(is_valid(items), numbers_of(items), 0)
    out, beyond = _sums(values, rows, ev.n), np.zeros(ev.n, np.bool_)
    for row in np.flatnonzero(_sums(np.abs(values.astype(np.float64)), rows, ev.n) >= 2.0**62).tolist():
        exact = sum(values[rows == row].tolist())
        beyond[row] = not -(2**63) <= exact < 2**63
    ev.reject("overflow", beyond & ~null, array, "double(x)")
    return array_from(out, null | beyond)


def _sums(values: Ints, rows: Ints, n: int) -> Ints:
    """The sum of each row's values, added in order; 0 for a row without any."""
    out = np.zeros(n, values.dtype)
    if len(rows):
        begin = np.flatnonzero(np.append(True, rows[1:] != rows[:-1]))
        out[rows[begin]] = np.add.reduceat(values, begin)
    return out


@function(
    "unique", args=(ANY_ARG,), returns=lambda call: _array_only(call, array_of), group=GROUP,
    syntax="unique(A)",
    summary="Each different element once, in the order of first appearance.",
    examples=[("unique(array(3, 1, 3))", "array(3, 1)"), ("len(unique(array(null, null)))", "1")],
)  # fmt: skip
def unique(ev: Eval, array: Value) -> Value:
    lists: Any = ev.array(array)
    if ev.data is None:
        return nulls(ev.n, pa.null())
    items, rows, _ = elements(lists)
    codes = _codes(items, ev.data, ev.zone)
    kept = np.sort(np.unique(rows * (int(codes.max(initial=0)) + 1) + codes, return_index=True)[1])
    return lists_from(np.bincount(rows[kept], minlength=ev.n), items.take(array_from(kept)), is_valid(lists))


def _codes(items: Any, kind: Type, zone: str) -> Ints:
    """One number for equal elements (0.0 and -0.0 are, NaN is equal to itself), nulls too."""
    if kind.kind == "null":
        return np.zeros(len(items), np.int64)
    if kind.kind == "double":
        items = call("add", items, array_from(np.zeros(1))[0])
    elif kind.kind in ("array", "map"):
        items = json_text(items, kind, zone)
    coded: Any = call("dictionary_encode", items, null_encoding="encode")
    return np.asarray(coded.indices, np.int64)


def _innermost(item: Type) -> Type:
    while item.kind == "array":
        item = item.item or NULL
    return array_of(item)


@function(
    "flatten", args=(ANY_ARG,), returns=lambda call: _array_only(call, _innermost), group=GROUP,
    syntax="flatten(A)",
    summary="The elements of arrays within the array, at any depth, in one array; a null array within gives none.",
    examples=[("flatten(array(array(1, 2), array(3)))", "array(1, 2, 3)"), ("flatten(array(1))", "array(1)")],
)  # fmt: skip
def flatten(ev: Eval, array: Value) -> Value:
    lists: Any = ev.array(array)
    if ev.data is None:
        return nulls(ev.n, pa.null())
    items, rows, sizes = elements(lists)
    while pa.types.is_list(items.type):
        items, inner, _ = elements(items)
        rows = rows[inner]
        sizes = np.bincount(rows, minlength=ev.n)
    return lists_from(sizes, items, is_valid(lists))


def _sortable(item: Type) -> Type:
    return array_of(item)


def _sortarray_type(call: CallBinder) -> Type:
    kind = _array_only(call, _sortable)
    if call.data is not None and call.data.kind in ("array", "map", "other"):
        call.fail("E330", f"sortarray does not order {call.data}", at=0)
    return kind


@function(
    "sortarray", args=(ANY_ARG,), returns=_sortarray_type, group=GROUP,
    syntax="sortarray(A)",
    summary="The elements in ascending order: nulls first, NaN last, text by code point.",
    examples=[("sortarray(array(3, 1, 2))", "array(1, 2, 3)"), ('sortarray(array("b", null, "a"))', 'array(null, "a", "b")')],
)  # fmt: skip
def sortarray(ev: Eval, array: Value) -> Value:
    lists: Any = ev.array(array)
    if ev.data is None:
        return nulls(ev.n, pa.null())
    items, rows, sizes = elements(lists)
    order = _order(items)
    order = order[np.argsort(rows[order], kind="stable")]
    return lists_from(sizes, items.take(array_from(order)), is_valid(lists))


def _order(items: Any) -> Ints:
    if pa.types.is_null(items.type):
        return np.arange(len(items))
    if pa.types.is_float64(items.type):  # Arrow puts NaN beside the nulls
        return np.lexsort((np.where(is_valid(items), numbers_of(items), 0.0), is_valid(items)))
    return np.asarray(call("array_sort_indices", items, null_placement="at_start")).astype(np.int64)


def _map_only(call: CallBinder, result: Any) -> Type:
    kind = call.types[0]
    if kind.kind not in ("map", "null", "any"):
        call.fail("E330", f"{call.name} takes a map, not {kind}", at=0)
    call.data = kind if kind.kind == "map" else None
    return result(kind) if kind.kind == "map" else NULL


def _item_of(kind: Type) -> Type:
    return join(t for _, t in kind.members) if kind.members else kind.item or STRING


def _there(column: Any, kind: Type) -> tuple[Mask, Ints]:
    """Which member of which row is there (rows x members), and how many a row has."""
    flags = np.stack([is_valid(call("struct_field", column, [name])) for name, _ in kind.members], axis=1)
    return flags, flags.sum(axis=1)


@function(
    "keys", args=(ANY_ARG,), returns=lambda call: _map_only(call, lambda _: array_of(STRING)), group=GROUP,
    syntax="keys(M)",
    summary="The keys of a map that have a value, in order.",
    examples=[('keys(dict("a", 1, "b", 2))', 'array("a", "b")'), ('len(keys(dict("a", null)))', "0")],
)  # fmt: skip
def keys(ev: Eval, value: Value) -> Value:
    column: Any = ev.array(value)
    if ev.data is None:
        return nulls(ev.n, pa.null())
    if not ev.data.members:
        names, items = map_pairs(column)
        return _present(column, names, items)
    flags, sizes = _there(column, ev.data)
    names = texts_from([name for name, _ in ev.data.members])
    return lists_from(sizes, names.take(array_from(np.nonzero(flags)[1])), is_valid(column))


@function(
    "vals", args=(ANY_ARG,), returns=lambda call: _map_only(call, lambda kind: array_of(_item_of(kind))), group=GROUP,
    syntax="vals(M)",
    summary="The values of a map that are not null, in the order of keys().",
    examples=[('vals(dict("a", 1, "b", 2))', "array(1, 2)"), ('vals(dict("a", 1, "b", "x"))', 'array("1", "x")')],
)  # fmt: skip
def vals(ev: Eval, value: Value) -> Value:
    column: Any = ev.array(value)
    if ev.data is None:
        return nulls(ev.n, pa.null())
    if not ev.data.members:
        _, items = map_pairs(column)
        return _present(column, items, items)
    result = _item_of(ev.data)
    flags, sizes = _there(column, ev.data)
    parts = [unify(call("struct_field", column, [n]), t, result, ev.zone) for n, t in ev.data.members]
    whole = woven(parts, ev.n)
    return lists_from(sizes, whole.take(array_from(np.flatnonzero(flags.reshape(-1)))), is_valid(column))


def _present(column: Any, wanted: Any, items: Any) -> Value:
    """Of a map column the keys or items whose item is not null."""
    there = is_valid(items)
    rows = np.repeat(np.arange(len(column)), list_sizes(column))[there]
    return lists_from(np.bincount(rows, minlength=len(column)), wanted.filter(array_from(there)), is_valid(column))


def _json_type(call: CallBinder) -> Type:
    call.data = call.types[0]
    return STRING


@function(
    "tojson", args=(ANY_ARG,), returns=_json_type, group=GROUP,
    syntax="tojson(E)",
    summary="The value as compact JSON; NaN and infinities are written as null, counted.",
    examples=[('tojson(array(1, null))', '"[1,null]"'), ('tojson("a")', '"\\"a\\""')],
)  # fmt: skip
def tojson(ev: Eval, value: Value) -> Value:
    column = ev.array(value)
    ev.reject("domain", _no_json(column, ev.data), column)
    return json_text(column, ev.data, ev.zone)


def _no_json(column: Any, kind: Type) -> Mask:
    """Rows that hold a NaN or an infinity somewhere."""
    none = np.zeros(len(column), np.bool_)
    if kind.kind == "double":
        lost: Mask = is_valid(column) & ~np.isfinite(numbers_of(column))
        return lost
    if kind.kind == "array" and kind.item:
        items, rows, _ = elements(column)
        none[rows[_no_json(items, kind.item)]] = True
    elif kind.kind == "map" and kind.members:
        for name, type_ in kind.members:
            none |= _no_json(call("struct_field", column, [name]), type_)
    elif kind.kind == "map" and kind.item and kind.item.kind == "double":
        rows = np.repeat(np.arange(len(column)), list_sizes(column))
        none[rows[_no_json(map_pairs(column)[1], kind.item)]] = True
    return none
