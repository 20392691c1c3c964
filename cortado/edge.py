"""Where rows leave the engine: one Arrow type a column, plain strings, times in the session's zone."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pyarrow as pa

from .engine.arrow import (
    bitmap_of,
    buffer_of,
    is_valid,
    list_sizes,
    lists_from,
    maps_from,
    numbers_of,
    structs_from,
)
from .engine.batch import Batch
from .engine.ip import to_text as ip_text
from .engine.jsontext import map_pairs
from .engine.values import other_text
from .planner.types import NULL, Schema, Type

INTERVAL = pa.month_day_nano_interval()


def edge_type(type_: Type, zone: str) -> pa.DataType:
    """What users get for a type: text for addresses, times in the session's zone, intervals for calendar lengths."""
    match type_.kind:
        case "months":
            return INTERVAL
        case "date":
            return pa.timestamp(type_.unit, zone)  # type: ignore[call-overload,no-any-return]
        case "ip" | "any":
            return pa.string()
        case "array":
            return pa.list_(edge_type(type_.item, zone) if type_.item else pa.null())
        case "map" if type_.members:
            return pa.struct([(n, edge_type(t, zone)) for n, t in type_.members])
        case "map":
            return pa.map_(pa.string(), edge_type(type_.item, zone) if type_.item else pa.string())
    return type_.arrow


def edge_schema(schema: Schema, zone: str) -> pa.Schema:
    return pa.schema([(n, edge_type(t, zone)) for n, t in schema.fields])


def record_batch(batch: Batch, schema: Schema, edge: pa.Schema) -> pa.RecordBatch:
    """A batch as users get it. A view where no text has to be cut out."""
    columns = [column(batch.array(i), t, edge.field(i).type) for i, (_, t) in enumerate(schema.fields)]
    if not columns:
        bare: Any = pa.StructArray.from_buffers(pa.struct([]), batch.n_rows, [None])
        return pa.RecordBatch.from_struct_array(bare)
    return pa.RecordBatch.from_arrays(columns, schema=edge)


def column(array: pa.Array[Any], type_: Type, kind: pa.DataType) -> pa.Array[Any]:
    """A column, or the elements or members of one, as users get it."""
    if array.type.equals(kind):
        return array
    inner: Any = kind
    whole: Any = array
    match type_.kind:
        case "ip":
            return ip_text(array)
        case "months":
            return intervals(array)
        case "array":
            return lists_from(
                list_sizes(whole), column(whole.flatten(), type_.item or NULL, inner.value_type), is_valid(whole)
            )
        case "map" if type_.members:
            parts = [column(whole.field(i), t, inner.field(i).type) for i, (_, t) in enumerate(type_.members)]
            return structs_from([n for n, _ in type_.members], parts, is_valid(whole))
        case "map":
            keys, items = map_pairs(whole)
            return maps_from(
                list_sizes(whole), keys, column(items, type_.item or NULL, inner.item_type), is_valid(whole)
            )
    if pa.types.is_timestamp(kind) and pa.types.is_timestamp(array.type) and array.type.unit == kind.unit:
        return array.view(kind)
    return cast("pa.Array[Any]", array.cast(kind))


def intervals(months: pa.Array[Any]) -> pa.Array[Any]:
    """Calendar lengths as Arrow's interval of months, days and nanoseconds."""
    out = np.zeros(len(months), np.dtype([("months", "<i4"), ("days", "<i4"), ("ns", "<i8")]))
    out["months"] = np.where(is_valid(months), numbers_of(months), 0)
    return pa.Array.from_buffers(INTERVAL, len(months), [bitmap_of(~is_valid(months)), buffer_of(out.view(np.uint8))])


def without_intervals(table: pa.Table) -> pa.Table:
    """Calendar lengths as their text, for a library that has no such type."""
    for i, field in enumerate(table.schema):
        if field.type == INTERVAL:
            chunks = [other_text(c) for c in table.column(i).chunks]
            table = table.set_column(i, field.name, pa.chunked_array(chunks, pa.string()))
    return table
