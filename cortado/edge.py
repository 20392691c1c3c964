"""Where rows leave the engine: one Arrow type a column, plain strings, times in the session's zone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pyarrow as pa

from .engine.batch import Batch
from .engine.values import unify
from .planner.types import STRING, Schema, Type


def edge_type(type_: Type, zone: str) -> pa.DataType:
    """What users get for a type: text for addresses, times in the session's zone."""
    match type_.kind:
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
    if array.type.equals(kind):
        return array
    if type_.kind == "ip":
        from .engine.ip import to_text as ip_text

        return ip_text(array)
    if pa.types.is_timestamp(kind):
        return (
            array.view(kind) if pa.types.is_timestamp(array.type) and array.type.unit == kind.unit else array.cast(kind)
        )
    if type_.kind in ("array", "map"):
        return unify(array, type_, _as_text(type_), "UTC").cast(kind)
    return cast("pa.Array[Any]", array.cast(kind))


def _as_text(type_: Type) -> Type:
    """The type with text in the place of addresses, at any depth."""
    if type_.kind == "ip":
        return STRING
    item = _as_text(type_.item) if type_.item is not None else None
    return replace(type_, item=item, members=tuple((n, _as_text(t)) for n, t in type_.members))
