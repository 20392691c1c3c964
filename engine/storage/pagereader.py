"""Column chunks of flat Parquet columns, decoded whole by our own kernels; for whatever they do not know, the answer is None.

The general reader is Arrow's: it reads what is left to it, and judges what looks damaged here. Texts plain and by dictionary
may both be in one chunk.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .. import kernels
from ..arrow import array_from, bitmap_of, buffer_of, bytes_of, coded, pooled
from ..kernels import pagefields as heads
from .pagechunk import LARGEST, Chunk, Chunks, checked_texts, dictionary_texts, may_hold, space

ROWS_A_VALUE = 4  # below so many on average a dictionary of numbers is not worth its values


def read_columns(
    chunks: Chunks, check: Callable[[], None] = lambda: None, coded: Collection[str] = ()
) -> dict[str, pa.Array[Any]]:
    """Those columns that the kernels can read: numbers widened to 64 bits, texts as dictionaries where they lie so.

    `coded`: numbers that stay dictionaries where their values are few. `check` is called between columns and may raise.
    """
    found = {}
    for name in chunks.names:
        check()
        chunk = chunks.whole(name)
        array = decoded(chunk, name in coded) if chunk is not None else None
        if array is not None:
            found[name] = array
    return found


def joined(
    found: Mapping[str, pa.Array[Any]],
    rest: Iterator[pa.RecordBatch] | None,
    names: Sequence[str],
    n_rows: int,
    batch_rows: int,
) -> Iterator[pa.RecordBatch]:
    """Batches of all columns: those found here, beside the rest that the general reader gives (None: there is no rest)."""
    if rest is None:
        for low in range(0, n_rows, batch_rows):
            yield pa.RecordBatch.from_arrays([found[n].slice(low, batch_rows) for n in names], names=list(names))
        return
    row = 0
    for batch in rest:
        size = batch.num_rows
        columns = [found[n].slice(row, size) if n in found else batch.column(n) for n in names]
        yield pa.RecordBatch.from_arrays(columns, names=list(names))
        row += size


def decoded(chunk: Chunk, as_codes: bool = False) -> pa.Array[Any] | None:
    """All rows of a chunk. `as_codes`: numbers, too, as a dictionary where it has a value for several rows."""
    data, rows, kind, n_rows = chunk.unpacked(), chunk.table, chunk.kind, chunk.n_rows
    if data is None:
        return None
    max_definition = chunk.max_definition
    if not kind.n_bytes:
        if not chunk.has_dictionary:
            return _plain_texts(data, rows, max_definition, n_rows)
        plain = np.flatnonzero(rows[1:, heads.ENCODING] == heads.PLAIN) + 1
        if len(plain):
            return _mixed_texts(data, rows, int(plain[0]), max_definition, n_rows)
    values = chunk.values() if chunk.has_dictionary else np.zeros(0 if kind.n_bytes else 1, np.int64)
    if values is None:
        return None
    if as_codes and kind.n_bytes == 8 and chunk.is_coded and ROWS_A_VALUE * len(values) <= n_rows:
        values = array_from(values, None, kind.arrow)
    is_coded = isinstance(values, pa.Array)
    bound = np.array([len(values)], np.int64) if is_coded else values
    out = bytes_of(pa.allocate_buffer(n_rows * (4 if is_coded else 8)))
    numbers = out.view(np.int64) if not is_coded else np.empty(0, np.int64)
    codes = out.view(np.int32) if is_coded else np.empty(0, np.int32)
    valid = np.empty(n_rows if max_definition else 0, np.uint8)
    spare = pooled(chunk.largest, np.int32)
    dense = pooled(0 if is_coded or not max_definition else chunk.largest, np.int64)
    width = 0 if is_coded else kind.n_bytes
    n_null = kernels.pages.decode_pages(
        data, rows.reshape(-1), len(rows), max_definition, width, bound, numbers, codes, valid, spare, dense
    )
    if n_null < 0:
        return None
    nulls = valid == 0 if n_null else None
    if isinstance(values, pa.Array):
        return coded(array_from(codes, nulls), values)
    if not kind.n_bytes:
        return None
    if kind.is_float:
        numbers = numbers.astype(np.int32).view(np.float32).astype(np.float64).view(np.int64)
    bitmap = bitmap_of(nulls) if nulls is not None else None
    return cast("pa.Array[Any]", pa.Array.from_buffers(kind.arrow, n_rows, [bitmap, buffer_of(numbers)]))


def _mixed_texts(
    data: NDArray[np.uint8], rows: NDArray[np.int64], first: int, max_definition: int, n_rows: int
) -> pa.Array[Any] | None:
    """A writer's dictionary was full at page `first`: from there on texts are plain. They become values of the dictionary."""
    n_coded, n_values = int(rows[1:first, heads.N_VALUES].sum()), int(rows[0, heads.N_VALUES])
    n_plain = n_rows - n_coded
    room = int(rows[0, heads.UNPACKED] + rows[first:, heads.UNPACKED].sum())
    if n_plain < 0 or not n_coded or room > LARGEST or not may_hold(rows[0], 4):
        return None
    offsets, text = pooled(n_values + n_plain + 1, np.int32), space(room)
    used = dictionary_texts(data, rows[0], offsets[: n_values + 1], text)
    if used < 0:
        return None
    codes = pooled(n_rows, np.int32)
    valid = np.ones(n_rows if max_definition else 0, np.uint8)
    spare, no_numbers = np.empty(int(rows[:, heads.N_VALUES].max()), np.int32), np.empty(0, np.int64)
    front, back = (np.ascontiguousarray(part).reshape(-1) for part in (rows[:first], rows[first:]))
    n_null = kernels.pages.decode_pages(
        data, front, first, max_definition, 0, np.array([n_values]), no_numbers, codes[:n_coded], valid[:n_coded],
        spare, no_numbers,
    )  # fmt: skip
    n_null_behind = kernels.pages.decode_texts(
        data, back, len(rows) - first, max_definition, offsets[n_values:], text[used:], valid[n_coded:], spare
    )
    if n_null < 0 or n_null_behind < 0:
        return None
    offsets[n_values:] += np.int32(used)
    codes[n_coded:] = np.arange(n_values, n_values + n_plain, dtype=np.int32)
    for part, n in ((valid[:n_coded], n_null), (valid[n_coded:], n_null_behind)):
        if not n:
            part[:] = 1  # the kernels say which rows are null only where one is
    nulls = valid == 0 if n_null + n_null_behind else None
    values = checked_texts(offsets, text, None)
    return None if values is None else coded(array_from(codes, nulls), values)


def _plain_texts(
    data: NDArray[np.uint8], rows: NDArray[np.int64], max_definition: int, n_rows: int
) -> pa.Array[Any] | None:
    offsets, text = np.empty(n_rows + 1, np.int32), space(int(rows[:, heads.UNPACKED].sum()))
    valid = np.empty(n_rows if max_definition else 0, np.uint8)
    spare = np.empty(int(rows[:, heads.N_VALUES].max()), np.int32)
    n_null = kernels.pages.decode_texts(data, rows.reshape(-1), len(rows), max_definition, offsets, text, valid, spare)
    if n_null < 0:
        return None
    bitmap = bitmap_of(valid == 0) if n_null else None
    return checked_texts(offsets, text, bitmap)
