"""Flat JSON records as columns, by one kernel: of wanted fields alone, though all of every record is looked at."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.types import Schema, Type
from ..arrow import array_from, buffer_of, call
from ..batch import Column, Spans
from .csvcells import POWERS
from .jsontextblocks import Records
from .jsonvalues import clean

KINDS = {"string": 0, "date": 0, "long": 1, "double": 2, "bool": 3, "null": 4}  # as kernels.jsoncut has them


class QuickReader:
    """Of records with these fields; None of a block that holds anything that is not sure."""

    def __init__(self, data: Schema) -> None:
        names = [n.encode() for n in data.names()]
        self._fields = data.fields
        self._names = np.frombuffer(b"".join(names) + b"\0", np.uint8)
        self._edges = np.append(0, np.cumsum([len(n) for n in names])).astype(np.int64)
        self._kinds = np.array([KINDS.get(t.kind, 255) for _, t in data.fields], np.uint8)
        self.is_able = bool(names) and all(_is_plain(t) for _, t in data.fields)

    def columns(self, block: Records, wanted: Iterable[str]) -> dict[str, Column] | None:
        """Dates as the text that they are."""
        from ..kernels import jsoncut

        n, n_fields = len(block), len(self._kinds)
        start, length = np.zeros((n_fields, n), np.int32), np.full((n_fields, n), -1, np.int32)
        escaped, seen = np.zeros((n_fields, n), np.uint8), np.full(n_fields, -1, np.int64)
        sure = jsoncut.cut_fields(
            block.data, block.start, block.stop, self._names, self._edges, self._kinds, seen,
            start.reshape(-1), length.reshape(-1), escaped.reshape(-1),
        )  # fmt: skip
        if sure < n:
            return None
        chosen = frozenset(wanted)
        out: dict[str, Column] = {}
        for j, (name, kind) in enumerate(self._fields):
            if name in chosen:
                spans = Spans(block.buffer, block.data, start[j], length[j])
                out[name] = _column(spans, kind, np.flatnonzero(escaped[j]))
        return out


def _is_plain(type_: Type) -> bool:
    return type_.kind in KINDS and (type_.kind != "long" or type_.arrow == pa.int64())


def _column(spans: Spans, type_: Type, escaped: NDArray[np.int64]) -> Column:
    if type_.kind == "null":
        return pa.nulls(len(spans))
    if type_.kind == "bool":
        there = spans.length >= 0
        return array_from(spans.data[np.where(there, spans.start, 0)] == ord("t"), ~there)
    if type_.kind in ("long", "double"):
        return _numbers(spans, type_)
    if not len(escaped):
        return spans if type_.kind == "string" else spans.to_arrow()
    return _unescaped(spans, escaped)


def _numbers(spans: Spans, type_: Type) -> pa.Array[Any]:
    from ..kernels import csvscan
    from ..kernels import spans as kernels

    status = np.empty(len(spans), np.uint8)
    if type_.kind == "long":
        longs = np.empty(len(spans), np.int64)
        if not kernels.parse_long(spans.data, spans.start, spans.length, longs, status):
            return array_from(longs, status == kernels.NULL)
    else:
        doubles = np.empty(len(spans), np.float64)
        if not csvscan.parse_double(spans.data, spans.start, spans.length, POWERS, doubles, status):
            return array_from(doubles, status == csvscan.NULL)
    return call("cast", spans.to_arrow(), type_.arrow)


def _unescaped(spans: Spans, rows: NDArray[np.int64]) -> pa.Array[Any]:
    """Texts with their escapes read in these rows."""
    places = zip(spans.start[rows].tolist(), spans.length[rows].tolist(), strict=True)
    texts = [clean(json.loads(b'"' + spans.data[a : a + n].tobytes() + b'"')).encode() for a, n in places]
    offsets = np.append(0, np.cumsum([len(t) for t in texts])).astype(np.int32)
    read = pa.Array.from_buffers(pa.string(), len(texts), [None, buffer_of(offsets), pa.py_buffer(b"".join(texts))])
    mask = np.zeros(len(spans), np.bool_)
    mask[rows] = True
    return call("replace_with_mask", spans.to_arrow(), array_from(mask), read)
