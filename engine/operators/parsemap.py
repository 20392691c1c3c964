"""`parsemap`: entries of maps as columns."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ...planner.types import STRING, Schema, Type, scalar
from ..arrow import array_from, call, is_valid, list_sizes
from ..batch import Batch, Column
from ..context import Context
from ..jsontext import map_pairs
from ..notes import At
from ..operator import Emit, Flow, StreamTransform
from .overlay import Overlay
from .reasons import Reasons


class FindEntries(StreamTransform):
    """Passes all rows on and remembers the keys of their maps, in the order in which they first stand in the input."""

    def __init__(self, column: int | None, kind: Type) -> None:
        self._column, self._item = column, kind.item or STRING
        self._lock = threading.Lock()
        self._first: dict[str, tuple[int, int, int]] = {}  # partition, row of it, number of the entry

    @property
    def found(self) -> Schema:
        return Schema(tuple((name, self._item) for name in sorted(self._first, key=self._first.__getitem__)))

    def push(self, batch: Batch, local: Context, emit: Emit) -> Flow:
        if self._column is not None:
            self._look(batch, batch.array(self._column))
        return emit(batch)

    def _look(self, batch: Batch, maps: Any) -> None:
        sizes = list_sizes(maps)
        keys, _ = map_pairs(maps)
        coded: Any = call("dictionary_encode", keys)
        seen, first = np.unique(coded.indices.to_numpy(), return_index=True)
        names, rows = coded.dictionary.take(array_from(seen)).to_pylist(), np.repeat(np.arange(len(maps)), sizes)
        begins = np.cumsum(sizes) - sizes
        for name, at in zip(names, first.tolist(), strict=True):
            row = int(rows[at])
            place = batch.origin.seq, batch.origin.source_row(row), at - int(begins[row])
            if place < self._first.get(name, (1 << 62, 0, 0)):
                with self._lock:
                    self._first[name] = min(place, self._first.get(name, place))


class MapTransform(StreamTransform):
    """`made`: the entries that become columns, with their types; `spelled`: how members of these names are written. A value that is no map is counted; its row passes."""

    def __init__(
        self, column: int | None, kind: Type, made: Sequence[tuple[str, Type]], overlay: Overlay, at: At,
        spelled: Mapping[str, str],
    ) -> None:  # fmt: skip
        self._column, self._kind, self._made, self._overlay, self._at = column, kind, made, overlay, at
        self._spelled = spelled

    def push(self, batch: Batch, local: Context, emit: Emit) -> Flow:
        reasons, entries = Reasons(batch.n_rows), dict[str, Column]()
        if self._column is not None:
            array = batch.array(self._column)
            if self._kind.kind == "map":
                entries = {n: self._entry(array, n, t) for n, t in self._made}
            elif (refused := is_valid(array)).any():
                reasons.add("type", refused)
                local.notes.rows(self._at, "reject", "type", batch, np.flatnonzero(refused), array,
                                 "no map: the row passes as it is")  # fmt: skip
        return emit(self._overlay.build(batch, entries, reasons, local.settings.timezone))

    def _entry(self, maps: Any, name: str, kind: Type) -> pa.Array[Any]:
        if self._kind.members:
            return _member(maps, self._spelled.get(name, name))
        found = call("map_lookup", maps, query_key=scalar(name, STRING), occurrence="last")
        return found if found.type == kind.arrow else call("cast", found, kind.arrow)


def _member(maps: Any, name: str) -> pa.Array[Any]:
    """A member of a struct column, null where the struct is."""
    part: pa.Array[Any] = maps.field(name)
    return part if not maps.null_count else call("if_else", array_from(is_valid(maps)), part, None)
