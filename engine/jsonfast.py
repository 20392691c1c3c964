"""What engine.jsonpath does, by compiled kernels; rows that they are not sure of are answered there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .arrow import array_from, bools_of, call, concat, maps_from
from .kernels import jsonscan as kernels
from .strings import Ints, Mask, View, cut, strings_from, view_of

SOME = np.zeros(1, np.uint8)  # kernels take no empty buffer


def _row_places(rows: View) -> tuple[Any, Any, Any]:
    data = rows.data if len(rows.data) else SOME
    return data, np.ascontiguousarray(rows.start, np.int32), np.ascontiguousarray(rows.length, np.int32)


def _escaped(text: pa.Array[Any]) -> Mask:
    return bools_of(call("match_substring", text, pattern="\\"))


def _texts(data: NDArray[np.uint8], start: Ints, length: Ints) -> pa.Array[Any]:
    """Values at places (length -1: none) as text. Strings have no escapes."""
    first = np.where(length > 0, data[np.where(length > 0, start, 0)], 0)
    quoted = first == 34
    begin = start + quoted
    size = np.where(first == 110, -1, length - 2 * quoted)  # null is null
    nested = np.flatnonzero((first == 123) | (first == 91))
    made = cut(data, begin, np.where(length < 0, -1, size))
    if not len(nested):
        return made
    out, ends = np.empty(int(length[nested].sum()), np.uint8), np.empty(len(nested), np.int64)
    kernels.compact(data, start[nested], length[nested], out, ends)
    whole = strings_from(np.append(0, ends), out)
    at = np.arange(len(start))
    at[nested] = len(start) + np.arange(len(nested))
    return concat([made, whole]).take(array_from(at))


def _mended(made: pa.Array[Any], rows: Ints, other: pa.Array[Any]) -> pa.Array[Any]:
    """`other` in place of these rows."""
    at = np.arange(len(made))
    at[rows] = len(made) + np.arange(len(rows))
    return concat([made, other]).take(array_from(at))


def at_path(text: pa.Array[Any], steps: tuple[Any, ...]) -> tuple[pa.Array[Any], Mask]:
    """As engine.jsonpath.at_path, for keys and places from the start."""
    from . import jsonpath

    rows, n = view_of(text), len(text)
    keys = [s.encode() if isinstance(s, str) else b"" for s in steps]
    edges = np.append(0, np.cumsum([len(k) for k in keys])).astype(np.int64)
    places = np.array([-1 if isinstance(s, str) else s for s in steps], np.int64)
    start, length, status = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.uint8)
    named = np.frombuffer(b"".join(keys) or b"\0", np.uint8)
    kernels.find_path(*_row_places(rows), named, edges, places, start, length, status)
    data = rows.data if len(rows.data) else SOME
    is_text = (length > 0) & (data[np.where(length > 0, start, 0)] == 34)
    unsure = (status == kernels.UNSURE) | (is_text & _escaped(text))
    length[unsure] = -1
    made, bad = _texts(data, start, length), status == kernels.BAD
    left = np.flatnonzero(unsure)
    if len(left):
        other, worse = jsonpath.at_path(text.take(array_from(left)), steps)
        made, bad[left] = _mended(made, left, other), worse
    return made, bad


def objects(text: pa.Array[Any]) -> tuple[pa.Array[Any], Mask, Mask]:
    """As engine.jsonpath.objects."""
    from . import jsonpath

    rows, n = view_of(text), len(text)
    counts, status = np.empty(n, np.int64), np.empty(n, np.uint8)
    places = _row_places(rows)
    kernels.count_members(*places, counts, status)
    status[(status == kernels.HIT) & _escaped(text)] = kernels.UNSURE
    counts[status != kernels.HIT] = 0
    parts = [np.empty(int(counts.sum()), np.int64) for _ in range(4)]
    kernels.cut_members(*places, status, *parts)
    keys = cut(places[0], parts[0], parts[1])
    twice = _twice(keys, counts)
    if twice.any():  # equal keys in one object
        kept = ~np.repeat(twice, counts)
        parts = [p[kept] for p in parts]
        keys = keys.filter(array_from(kept))
        status[twice], counts[twice] = kernels.UNSURE, 0
    made = maps_from(counts, keys, _texts(places[0], parts[2], parts[3]), status == kernels.HIT)
    bad, other = status == kernels.BAD, np.zeros(n, np.bool_)
    left = np.flatnonzero(status == kernels.UNSURE)
    if len(left):
        slow, bad[left], other[left] = jsonpath.objects(text.take(array_from(left)))
        made = _mended(made, left, slow)
    return made, bad, other


def _twice(keys: pa.Array[Any], counts: Ints) -> Mask:
    """Rows in which a key stands twice."""
    out = np.zeros(len(counts), np.bool_)
    if not len(keys):
        return out
    coded: Any = call("dictionary_encode", keys)
    row = np.repeat(np.arange(len(counts)), counts)
    pairs = np.sort(row * len(coded.dictionary) + np.asarray(coded.indices, np.int64))
    again = pairs[1:][pairs[1:] == pairs[:-1]]
    out[again // len(coded.dictionary)] = True
    return out
