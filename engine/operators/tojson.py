"""`tojson`: the fields of a row as one JSON text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ...planner.types import NULL, STRING, Schema, Type, scalar
from ..arrow import nulls, structs_from
from ..batch import Batch
from ..context import Context
from ..exprs import spread
from ..jsontext import json_text
from ..notes import At
from ..operator import Emit, Flow, StreamTransform
from .formats import not_finite


class ToJsonTransform(StreamTransform):
    """Puts an object of `fields` into column `target`; a field that is not there is null."""

    def __init__(self, fields: Sequence[str], schema: Schema, target: int, at: At) -> None:
        self._fields = [(n, schema.type(n) or NULL, schema.index(n) if n in schema else None) for n in fields]
        self._type = Type("map", members=tuple((n, t) for n, t, _ in self._fields))
        self._target, self._at = target, at

    def push(self, batch: Batch, local: Context, emit: Emit) -> Flow:
        return emit(batch.put((self._target,), (self._json(batch, local),)))

    def _json(self, batch: Batch, local: Context) -> pa.Array[Any]:
        n = batch.n_rows
        if not self._fields:
            return spread(scalar("{}", STRING), n)
        columns = [nulls(n, pa.null()) if i is None else batch.array(i) for _, _, i in self._fields]
        for column, (_name, kind, _) in zip(columns, self._fields, strict=True):
            lost = not_finite(column, kind)
            if lost.any():
                local.notes.rows(self._at, "reject", "domain", batch, np.flatnonzero(lost), column,
                                 "JSON has no NaN and no infinity: they are written as null")  # fmt: skip
        return json_text(structs_from([n for n, _, _ in self._fields], columns), self._type, local.settings.timezone)
