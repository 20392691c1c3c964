"""The typed border between Arrow, NumPy and kernels. pyarrow's stubs lag behind it, so the casts live here only."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from importlib import import_module
from math import prod
from typing import Any, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..planner.types import BINARY, BOOL, DOUBLE, LONG, STRING, Type, scalar
from .blocks import LEAST, block


def bytes_of(buffer: pa.Buffer | None) -> NDArray[np.uint8]:
    """The buffer's memory, without a copy; writable if the buffer is."""
    return np.frombuffer(cast(Any, buffer), np.uint8) if buffer is not None else np.empty(0, np.uint8)


def buffer_of(array: NDArray[Any]) -> pa.Buffer:
    return pa.py_buffer(cast(Any, array))


def bitmap_of(nulls: NDArray[np.bool_]) -> pa.Buffer | None:
    """Arrow's validity bitmap; None when nothing is null."""
    return buffer_of(np.packbits(~nulls, bitorder="little")) if nulls.any() else None


def is_valid(array: pa.Array[Any]) -> NDArray[np.bool_]:
    """A boolean for each row, True where it is not null."""
    if array.null_count == 0:
        return np.ones(len(array), np.bool_)
    bitmap = array.buffers()[0]
    if bitmap is None:  # of type null, or a union
        return np.zeros(len(array), np.bool_)
    return bits_of(bitmap, array.offset, len(array))


def bits_of(bitmap: pa.Buffer, offset: int, n: int) -> NDArray[np.bool_]:
    """n bits from `offset` on, as booleans. Arrow's own way imports pandas where it is installed."""
    first = offset >> 3
    wanted = bytes_of(bitmap)[first : (offset + n + 7) >> 3]
    bits = np.unpackbits(wanted, bitorder="little")[offset - 8 * first :][:n]
    return bits.view(np.bool_)


def call(name: str, *args: Any, **options: Any) -> pa.Array[Any]:
    """A compute function by the name it has in `pyarrow.compute`, as an array.

    Plain Python values become scalars here: Arrow's own way of doing that imports pandas where it is installed. That module
    is not imported either: it writes a wrapper for each of three hundred functions.
    """
    if name == "cast":
        out = _cast(*args, **options)
    elif name == "fill_null":
        out = call("coalesce", args[0], _filler(args[1], args[0].type))
    else:
        function, settings, n = _function(name)
        values = args if n is None else args[:n]  # what follows are options
        rest = () if n is None else args[n:]
        made = settings(*rest, **options) if rest or options else None
        out = function.call([_argument(a) for a in values], made, None)
    return cast("pa.Array[Any]", out.combine_chunks() if isinstance(out, pa.ChunkedArray) else out)


@lru_cache(maxsize=1)
def _compute() -> Any:
    """What `pyarrow.compute` is made of, and has under the same names."""
    for name in ("pyarrow._compute", "pyarrow.compute"):
        with suppress(ImportError):
            return import_module(name)
    raise ImportError("pyarrow has no compute functions")


@lru_cache(maxsize=512)
def _function(name: str) -> tuple[Any, Any, int | None]:
    """A function, the class of its options, and how many values it takes; None: any number."""
    function = _compute().get_function(name.removesuffix("_"))
    settings = function._doc.options_class
    arity = function.arity
    return function, getattr(_compute(), settings) if settings else None, arity if isinstance(arity, int) else None


def _cast(array: Any, kind: pa.DataType, safe: bool = True) -> Any:
    settings = _compute().CastOptions
    made = settings.safe(kind) if safe else settings.unsafe(kind)
    return _compute().call_function("cast", [array], made)


def _filler(value: Any, kind: pa.DataType) -> Any:
    """What takes the place of nulls, in the type of the column."""
    value = _argument(value)
    return value if value.type == kind else _cast(value, kind)


_PLAIN: dict[type, Type] = {bool: BOOL, int: LONG, float: DOUBLE, str: STRING, bytes: BINARY}


def _argument(value: Any) -> Any:
    if value is None:
        return pa.NA
    kind = _PLAIN.get(type(value))
    return value if kind is None else scalar(value, kind)


def array_from(
    values: NDArray[Any], nulls: NDArray[np.bool_] | None = None, kind: pa.DataType | None = None
) -> pa.Array[Any]:
    """An Arrow array over NumPy memory, without a copy (booleans are packed) and without `pa.array`, which may import pandas.

    `kind`: the Arrow type where it is not that of the values (timestamps and durations over int64).
    """
    bitmap = bitmap_of(nulls) if nulls is not None else None
    if values.dtype == np.bool_:
        return pa.Array.from_buffers(
            pa.bool_(), len(values), [bitmap, buffer_of(np.packbits(values, bitorder="little"))]
        )
    values = np.ascontiguousarray(values)
    return pa.Array.from_buffers(kind or _KINDS[values.dtype.str], len(values), [bitmap, buffer_of(values)])


_KINDS = {"<i8": pa.int64(), "<i4": pa.int32(), "<f8": pa.float64(), "|u1": pa.uint8(), "<u8": pa.uint64(), "<i2": pa.int16(),
          "<u4": pa.uint32()}  # fmt: skip


def nan_as_null(values: NDArray[np.float64]) -> pa.Array[Any]:
    """Doubles, null where they are NaN."""
    nulls = np.isnan(values)
    return array_from(np.where(nulls, 0.0, values), nulls if nulls.any() else None)


def indices(rows: NDArray[Any]) -> pa.Array[Any]:
    return array_from(rows if rows.dtype in (np.int32, np.int64) else rows.astype(np.int64))


def numbers_of(array: pa.Array[Any]) -> NDArray[Any]:
    """The values of a fixed-width column (int64, float64, timestamp, duration) without a copy; what a null holds is undefined."""
    dtype = np.float64 if array.type == _DOUBLE else np.int64
    return _values_of(array, dtype)


_DOUBLE = pa.float64()


def _values_of(array: Any, dtype: Any) -> NDArray[Any]:
    data, begin, n = array.buffers()[1], array.offset, len(array)
    if data is None:
        return np.zeros(n, dtype)
    found = np.frombuffer(data, dtype, n + begin)
    return found[begin:] if begin else found


def int32_of(array: pa.Array[Any]) -> NDArray[np.int32]:
    """The values of an int32 column without a copy; what a null holds is undefined."""
    return _values_of(array, np.int32)


def bools_of(array: pa.Array[Any]) -> NDArray[np.bool_]:
    """A boolean column as NumPy, null as False."""
    data = array.buffers()[1]
    if data is None:
        return np.zeros(len(array), np.bool_)
    bits = bits_of(data, array.offset, len(array))
    return bits & is_valid(array) if array.null_count else bits


def offsets_of(array: pa.Array[Any]) -> NDArray[np.int32]:
    """The n + 1 offsets of a string, binary or list column, into its (unsliced) data."""
    buffer = array.buffers()[1]
    if buffer is None:
        return np.zeros(len(array) + 1, np.int32)
    return np.frombuffer(cast(Any, buffer), np.int32, len(array) + 1 + array.offset)[array.offset :]


def coded(codes: pa.Array[Any], values: pa.Array[Any]) -> pa.DictionaryArray[Any, Any]:
    """Codes that are known to be within the values, as a dictionary; they are not looked at."""
    return cast(Any, pa.DictionaryArray).from_arrays(codes, values, safe=False)  # type: ignore[no-any-return]


def taken(array: pa.Array[Any], rows: pa.Array[Any]) -> pa.Array[Any]:
    """Values by row number, null where the number is."""
    return call("take", array, rows)


def gathered(array: pa.Array[Any], rows: pa.Array[Any]) -> pa.Array[Any]:
    """Values by row number, null where the number is, in memory of the system's allocator.

    Arrow's own pool asks for huge pages, each of which is cleared whole at its first byte: for rows that are kept, and so
    are in new memory each time, that costs several times the copy.
    """
    made = _compute().TakeOptions(boundscheck=True)
    return cast("pa.Array[Any]", _compute().call_function("take", [array, rows], made, pa.system_memory_pool()))


def decode(array: pa.DictionaryArray[Any, Any]) -> pa.Array[Any]:
    """A dictionary as a plain array."""
    return taken(array.dictionary, array.indices)


def nbytes_of(array: pa.Array[Any]) -> int:
    """Memory of the rows of a column. Arrow gives up the interpreter to tell, so numbers and codes are reckoned here."""
    kind = array.type
    if isinstance(array, pa.DictionaryArray):
        return nbytes_of(array.indices) + int(array.dictionary.nbytes)
    if not pa.types.is_primitive(kind):
        return array.nbytes
    return (len(array) * int(kind.bit_width) + 7) // 8 + ((len(array) + 7) // 8 if array.null_count else 0)


def own(array: pa.Array[Any]) -> pa.Array[Any]:
    """The same values in memory of their own, if the array is a slice of something much bigger."""
    held = sum(b.size for b in array.buffers() if b is not None)
    if held <= 2 * array.nbytes + 4096:
        return array
    return pa.concat_arrays([array, array.slice(0, 0)])


SMALL = 32 << 10


def pooled(n: int, dtype: Any) -> NDArray[Any]:
    """Room for n values, not set. Pages are kept for the next one, where NumPy gets new ones for each large array.

    For a small one the interpreter is not given up, as Arrow does.
    """
    nbytes = n * np.dtype(dtype).itemsize
    if nbytes < SMALL:
        return np.empty(n, dtype)
    if nbytes >= LEAST:
        return block(nbytes)[0].view(dtype)
    buffer: Any = pa.allocate_buffer(nbytes)
    return np.frombuffer(buffer, dtype, n)


def grown(array: NDArray[Any], used: int, n: int) -> NDArray[Any]:
    """Room for n values, of which the first `used` are those of the array; the others are not set."""
    made = pooled(n, array.dtype)
    made[:used] = array[:used]
    return made


def zeros(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """Zeros; very many of them take no memory before they are written to, in any thread.

    Up to some tens of megabytes are cleared in memory that others have used, as new pages cost several times that.
    """
    n = prod(shape)
    nbytes = n * np.dtype(dtype).itemsize
    if nbytes < SMALL:
        return np.zeros(shape, dtype)
    if nbytes < LEAST:
        made = pooled(n, dtype)
        made.fill(0)
        return made.reshape(shape)
    room, is_new = block(nbytes)
    if not is_new:
        room.fill(0)
    return np.ndarray(shape, dtype, room)


def filled(n: int, value: int, dtype: Any = np.int32) -> NDArray[Any]:
    """n times the same, as `pooled`."""
    made = pooled(n, dtype)
    made.fill(value)
    return made


def nulls(n: int, kind: pa.DataType) -> pa.Array[Any]:
    return cast("pa.Array[Any]", cast(Any, pa).nulls(n, kind))


def no_value(kind: pa.DataType) -> pa.Scalar[Any]:
    """The null of a type."""
    return cast("pa.Scalar[Any]", nulls(1, kind)[0])


def starts_of(sizes: NDArray[Any]) -> NDArray[np.int32]:
    """n + 1 offsets from n sizes."""
    offsets = np.zeros(len(sizes) + 1, np.int32)
    np.cumsum(sizes, out=offsets[1:])
    return offsets


def list_sizes(lists: pa.Array[Any]) -> NDArray[np.int64]:
    """Elements of each row of a list or map column, 0 for null."""
    return np.where(is_valid(lists), np.diff(offsets_of(lists)), 0).astype(np.int64)


def lists_from(sizes: NDArray[Any], items: pa.Array[Any], valid: NDArray[np.bool_] | None = None) -> pa.Array[Any]:
    """A list column of rows so many `items` long, one row behind another; a row that is not valid has none."""
    bitmap = bitmap_of(~valid) if valid is not None else None
    kind = pa.list_(items.type)
    made = cast(Any, pa.Array).from_buffers(kind, len(sizes), [bitmap, buffer_of(starts_of(sizes))], children=[items])
    return cast("pa.Array[Any]", made)


def maps_from(
    sizes: NDArray[Any], keys: pa.Array[Any], items: pa.Array[Any], valid: NDArray[np.bool_] | None = None
) -> pa.Array[Any]:
    """A map column, as `lists_from`; no key may be null."""
    made = cast(Any, pa.MapArray).from_arrays(array_from(starts_of(sizes)), keys, items)
    if valid is None or valid.all():
        return cast("pa.Array[Any]", made)
    return call("if_else", array_from(valid), made, no_value(made.type))


def structs_from(
    names: Sequence[str], columns: Sequence[pa.Array[Any]], valid: NDArray[np.bool_] | None = None
) -> pa.Array[Any]:
    """A struct column; at least one member."""
    mask = array_from(~valid) if valid is not None and not valid.all() else None
    return cast("pa.Array[Any]", cast(Any, pa.StructArray).from_arrays(list(columns), names=list(names), mask=mask))


def stack_batches(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    return cast(pa.RecordBatch, cast(Any, pa).concat_batches(list(batches)))


def concat(arrays: Sequence[pa.Array[Any]]) -> pa.Array[Any]:
    return arrays[0] if len(arrays) == 1 else pa.concat_arrays(list(arrays))


def record_batch(columns: Sequence[pa.Array[Any]], schema: pa.Schema, n: int) -> pa.RecordBatch:
    """A record batch; without columns it still has its rows."""
    if columns:
        return pa.RecordBatch.from_arrays(list(columns), schema=schema)
    rows: Any = pa.RecordBatch.from_struct_array(pa.Array.from_buffers(pa.struct([]), n, [None]))  # type: ignore[arg-type]
    return rows  # type: ignore[no-any-return]
