"""`fillnull` with a value: nulls of a column become one constant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from ...planner.records import dataclass
from ...planner.types import Type, scalar
from ..arrow import call, coded, concat, is_valid
from ..batch import Batch, Column, Spans
from ..choose import either
from ..context import Context
from ..exprs import spread
from ..operator import Emit, Flow, StreamTransform


@dataclass(frozen=True, slots=True)
class Constant:
    """What a column is filled with; `type`: of the column when it is."""

    place: int
    value: Any
    type: Type


class FillValueTransform(StreamTransform):
    def __init__(self, constants: Sequence[Constant]) -> None:
        self._constants = list(constants)

    def push(self, batch: Batch, local: Context, emit: Emit) -> Flow:
        made = [_filled(batch.columns[c.place], batch.array, c, local.compiled) for c in self._constants]
        return emit(batch.put([c.place for c in self._constants], made))


def _filled(column: Column, plain: Any, constant: Constant, compiled: bool) -> Column:
    kind = constant.type.arrow
    if isinstance(column, Spans):
        if not (column.length < 0).any():
            return column
    elif isinstance(column, pa.DictionaryArray):
        return _filled_codes(column, constant, compiled)
    array: pa.Array[Any] = plain(constant.place)
    value = scalar(constant.value, constant.type)
    if pa.types.is_null(array.type):
        return spread(value, len(array))
    if array.type != kind:
        array = call("cast", array, kind, safe=False)
    if not array.null_count:
        return array
    return either(is_valid(array), array, value, compiled)


def _filled_codes(column: Any, constant: Constant, compiled: bool) -> Column:
    """The value becomes one more of the dictionary."""
    if column.dictionary.null_count:
        plain = column.dictionary.take(column.indices)
        return _filled(plain, lambda i: plain, constant, compiled)
    if not column.indices.null_count:
        return column  # type: ignore[no-any-return]
    values = concat([column.dictionary, spread(scalar(constant.value, constant.type), 1)])
    return coded(call("fill_null", column.indices, pa.scalar(len(column.dictionary), pa.int32())), values)
