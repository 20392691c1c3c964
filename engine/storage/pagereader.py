"""Column chunks of flat Parquet columns, read by our own kernels; for whatever they do not know, the answer is None.

The general reader is Arrow's: it reads what is left to it, and judges what looks damaged here. The kernels take numbers of
4 and 8 bytes and texts, plain or by dictionary (texts not both in one chunk), data pages of both versions, and no, Snappy, Zstd or gzip
compression; each page is checked against its sum where it has one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..arrow import array_from, bitmap_of, buffer_of, bytes_of, coded, pooled

PAD = 64  # behind each buffer that kernels look into
LARGEST = 1 << 26  # unpacked bytes of the wanted columns of a row group: above it the general reader goes in pieces
_CODECS = {"UNCOMPRESSED": "", "SNAPPY": "snappy", "ZSTD": "zstd", "GZIP": "gzip"}
_T = pa.types


@dataclass(frozen=True, slots=True)
class _Kind:
    """How a leaf's values lie in its pages, and as what they come out."""

    n_bytes: int  # 0: texts
    arrow: pa.DataType
    is_float: bool = False


def read_columns(
    source: pa.NativeFile,
    metadata: Any,
    group: int,
    schema: pa.Schema,
    names: Sequence[str],
    check: Callable[[], None] = lambda: None,
) -> dict[str, pa.Array[Any]]:
    """Those of the named columns of a row group that the kernels can read: numbers widened to 64 bits, texts
    as dictionaries where they lie so.

    `check` is called between columns and may raise.
    """
    row_group = metadata.row_group(group)
    leaves = _flat_leaves(schema)
    chunks = {n: row_group.column(leaves[n]) for n in names if n in leaves}
    if sum(c.total_uncompressed_size for c in chunks.values()) > LARGEST:
        return {}
    found = {}
    for name, chunk in chunks.items():
        check()
        leaf = metadata.schema.column(leaves[name])
        try:
            array = _read(source, leaf, chunk, schema.field(name).type, row_group.num_rows)
        except (pa.ArrowException, OSError, ValueError):  # the general reader meets it again, and says so
            continue
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


def _flat_leaves(schema: pa.Schema) -> dict[str, int]:
    """Where the column of a plain field is among the leaves, as far as that is sure: before the first nested field."""
    leaves = {}
    for i, field in enumerate(schema):
        if _T.is_nested(field.type):
            break
        leaves[field.name] = i
    return leaves


def _kind_of(leaf: Any, arrow: pa.DataType) -> _Kind | None:
    physical = leaf.physical_type
    if physical == "BYTE_ARRAY" and (_T.is_string(arrow) or _T.is_large_string(arrow)):
        return _Kind(0, pa.string())
    if physical == "DOUBLE" and _T.is_float64(arrow):
        return _Kind(8, pa.float64())
    if physical == "FLOAT" and _T.is_float32(arrow):
        return _Kind(4, pa.float64(), is_float=True)
    if physical == "INT64" and _T.is_int64(arrow):
        return _Kind(8, pa.int64())
    if physical == "INT32" and (_T.is_int32(arrow) or _T.is_int16(arrow) or _T.is_int8(arrow)):
        return _Kind(4, pa.int64())
    if physical == "INT64" and isinstance(arrow, pa.TimestampType) and _unit_of(leaf) == arrow.unit:
        return _Kind(8, arrow)
    return None


def _unit_of(leaf: Any) -> str:
    said = json.loads(leaf.logical_type.to_json())
    return {"milliseconds": "ms", "microseconds": "us", "nanoseconds": "ns"}.get(said.get("timeUnit", ""), "")


def _read(source: Any, leaf: Any, chunk: Any, arrow: pa.DataType, n_rows: int) -> pa.Array[Any] | None:
    kind = _kind_of(leaf, arrow)
    codec = _CODECS.get(chunk.compression)
    if kind is None or codec is None or leaf.max_repetition_level or leaf.max_definition_level > 1:
        return None
    if chunk.num_values != n_rows or not 0 < chunk.total_compressed_size <= 2 * LARGEST:
        return None
    raw = _raw_bytes(source, chunk)
    pages = None if raw is None else _pages(raw, chunk, codec)
    return None if pages is None else _decoded(*pages, kind, leaf.max_definition_level, n_rows)


def _raw_bytes(source: Any, chunk: Any) -> NDArray[np.uint8] | None:
    first = chunk.data_page_offset
    if chunk.has_dictionary_page and 0 < (chunk.dictionary_page_offset or 0) < first:
        first = chunk.dictionary_page_offset
    size = chunk.total_compressed_size
    raw = _space(size)
    source.seek(first)
    return raw if source.readinto(memoryview(cast(Any, raw))[:size]) == size else None


def _space(size: int) -> NDArray[np.uint8]:
    """Memory of Arrow's pool, which keeps it for the next morsel."""
    return bytes_of(pa.allocate_buffer(size + PAD))


def _pages(raw: NDArray[np.uint8], chunk: Any, codec: str) -> tuple[NDArray[np.uint8], NDArray[np.int64], int] | None:
    """The pages unpacked, their table, and how many."""
    from ..kernels import pageheads as heads
    from ..kernels import unpack

    size = chunk.total_compressed_size
    table = np.empty(heads.WIDTH * 64, np.int64)
    while (n_pages := int(heads.page_table(raw, 0, size, table))) == heads.UNSURE:
        if len(table) > heads.WIDTH * (size // 8 + 1):
            return None
        table = np.empty(8 * len(table), np.int64)
    if n_pages <= 0:
        return None
    rows = table[: heads.WIDTH * n_pages].reshape(n_pages, heads.WIDTH)
    unpacked = int(rows[:, heads.UNPACKED].sum()) + PAD * n_pages
    if unpacked > 2 * LARGEST:
        return None
    if codec in ("zstd", "gzip"):
        if unpack.unpack_pages(raw, table, n_pages, raw, heads.OTHER_CODEC) < 0:
            return None
        made = _unpacked(raw, rows, unpacked, codec)
        return None if made is None else (made, table, n_pages)
    out = _space(unpacked) if codec else raw
    if unpack.unpack_pages(raw, table, n_pages, out, heads.SNAPPY if codec else heads.NO_CODEC) < 0:
        return None
    return out, table, n_pages


def _unpacked(raw: NDArray[np.uint8], rows: NDArray[np.int64], size: int, codec: str) -> NDArray[np.uint8] | None:
    """Pages of a codec that Arrow has, one behind another."""
    from ..kernels import pageheads as heads

    out, to = _space(size), 0
    library = pa.Codec(cast(Any, codec))
    for page in rows:
        at, packed, whole = (int(page[k]) for k in (heads.AT, heads.PACKED, heads.UNPACKED))
        bare = 0
        if page[heads.KIND] == heads.DATA_V2:
            bare = int(page[heads.V2_DEFS] + page[heads.V2_REPS]) if page[heads.IS_PACKED] else whole
            if not 0 <= bare <= min(packed, whole) or (not page[heads.IS_PACKED] and packed != whole):
                return None
        out[to : to + bare] = raw[at : at + bare]
        if bare < whole:
            try:
                got = library.decompress(memoryview(cast(Any, raw))[at + bare : at + packed], whole - bare)
            except (pa.ArrowException, OSError):
                return None
            if got.size != whole - bare:
                return None
            out[to + bare : to + whole] = bytes_of(got)
        page[heads.AT] = to
        to += whole + PAD
    return out


def _decoded(
    data: NDArray[np.uint8], table: NDArray[np.int64], n_pages: int, kind: _Kind, max_definition: int, n_rows: int
) -> pa.Array[Any] | None:
    from ..kernels import pageheads as heads
    from ..kernels import pages as kernels

    rows = table[: heads.WIDTH * n_pages].reshape(n_pages, heads.WIDTH)
    dictionaries = np.flatnonzero(rows[:, heads.KIND] == heads.DICTIONARY)
    if len(dictionaries) > 1 or (len(dictionaries) and dictionaries[0] != 0):
        return None
    if not kind.n_bytes:
        if not len(dictionaries):
            return _plain_texts(data, table, rows, max_definition, n_rows)
        plain = np.flatnonzero(rows[1:, heads.ENCODING] == heads.PLAIN) + 1
        if len(plain):
            return _mixed_texts(data, rows, int(plain[0]), max_definition, n_rows)
    values = _dictionary(data, rows[0], kind) if len(dictionaries) else np.zeros(1 if not kind.n_bytes else 0, np.int64)
    if values is None:
        return None
    is_text = not kind.n_bytes
    bound = np.array([len(values)], np.int64) if isinstance(values, pa.Array) else values
    out = bytes_of(pa.allocate_buffer(n_rows * (4 if is_text else 8)))
    numbers = out.view(np.int64) if not is_text else np.empty(0, np.int64)
    codes = out.view(np.int32) if is_text else np.empty(0, np.int32)
    valid = np.empty(n_rows if max_definition else 0, np.uint8)
    largest = int(rows[:, heads.N_VALUES].max())
    spare, dense = np.empty(largest, np.int32), np.empty(0 if is_text or not max_definition else largest, np.int64)
    n_null = kernels.decode_pages(
        data, table, n_pages, max_definition, kind.n_bytes, bound, numbers, codes, valid, spare, dense
    )
    if n_null < 0:
        return None
    nulls = valid == 0 if n_null else None
    if is_text:
        if not isinstance(values, pa.Array):
            return None
        return coded(array_from(codes, nulls), values)
    if kind.is_float:
        numbers = numbers.astype(np.int32).view(np.float32).astype(np.float64).view(np.int64)
    bitmap = bitmap_of(nulls) if nulls is not None else None
    return cast("pa.Array[Any]", pa.Array.from_buffers(kind.arrow, n_rows, [bitmap, buffer_of(numbers)]))


def _mixed_texts(
    data: NDArray[np.uint8], rows: NDArray[np.int64], first: int, max_definition: int, n_rows: int
) -> pa.Array[Any] | None:
    """A writer's dictionary was full at page `first`: from there on texts are plain. They become values of the dictionary."""
    from ..kernels import pageheads as heads
    from ..kernels import pages as kernels

    n_coded, n_values = int(rows[1:first, heads.N_VALUES].sum()), int(rows[0, heads.N_VALUES])
    n_plain = n_rows - n_coded
    room = int(rows[0, heads.UNPACKED] + rows[first:, heads.UNPACKED].sum())
    if n_plain < 0 or not n_coded or room > LARGEST or not _may_hold(rows[0], 4):
        return None
    offsets, text = pooled(n_values + n_plain + 1, np.int32), _space(room)
    used = _dictionary_texts(data, rows[0], offsets[: n_values + 1], text)
    if used < 0:
        return None
    codes = pooled(n_rows, np.int32)
    valid = np.ones(n_rows if max_definition else 0, np.uint8)
    spare, no_numbers = np.empty(int(rows[:, heads.N_VALUES].max()), np.int32), np.empty(0, np.int64)
    front, back = (np.ascontiguousarray(part).reshape(-1) for part in (rows[:first], rows[first:]))
    n_null = kernels.decode_pages(
        data, front, first, max_definition, 0, np.array([n_values]), no_numbers, codes[:n_coded], valid[:n_coded],
        spare, no_numbers,
    )  # fmt: skip
    n_null_behind = kernels.decode_texts(
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
    values = pa.Array.from_buffers(
        pa.string(), n_values + n_plain, [None, buffer_of(offsets), buffer_of(text[: offsets[-1]])]
    )
    return coded(array_from(codes, nulls), values)


def _plain_texts(
    data: NDArray[np.uint8], table: NDArray[np.int64], rows: NDArray[np.int64], max_definition: int, n_rows: int
) -> pa.Array[Any] | None:
    from ..kernels import pageheads as heads
    from ..kernels import pages as kernels

    offsets, text = np.empty(n_rows + 1, np.int32), _space(int(rows[:, heads.UNPACKED].sum()))
    valid = np.empty(n_rows if max_definition else 0, np.uint8)
    spare = np.empty(int(rows[:, heads.N_VALUES].max()), np.int32)
    n_null = kernels.decode_texts(data, table, len(rows), max_definition, offsets, text, valid, spare)
    if n_null < 0:
        return None
    bitmap = bitmap_of(valid == 0) if n_null else None
    return pa.Array.from_buffers(pa.string(), n_rows, [bitmap, buffer_of(offsets), buffer_of(text[: offsets[-1]])])


def _dictionary(data: NDArray[np.uint8], page: NDArray[np.int64], kind: _Kind) -> Any:
    """The dictionary's values: an Arrow array of texts, or 64-bit numbers. None: damaged, or not known here."""
    from ..kernels import pageheads as heads
    from ..kernels import pages as kernels

    if not _may_hold(page, max(kind.n_bytes, 4)):
        return None
    n, at, size = int(page[heads.N_VALUES]), int(page[heads.AT]), int(page[heads.UNPACKED])
    if kind.n_bytes:
        numbers = np.empty(n, np.int64)
        return numbers if kernels.plain_numbers(data, at, at + size, kind.n_bytes, numbers) == 0 else None
    offsets, text = np.empty(n + 1, np.int32), _space(size)
    if _dictionary_texts(data, page, offsets, text) < 0:
        return None
    return pa.Array.from_buffers(pa.string(), n, [None, buffer_of(offsets), buffer_of(text)])


def _may_hold(page: NDArray[np.int64], n_bytes: int) -> bool:
    """Whether it is a dictionary as it is known here, with room for as many values of so many bytes as it says."""
    from ..kernels import pageheads as heads

    known = page[heads.ENCODING] in (heads.PLAIN, heads.PLAIN_DICTIONARY)
    return bool(known and 0 <= n_bytes * page[heads.N_VALUES] <= page[heads.UNPACKED])


def _dictionary_texts(
    data: NDArray[np.uint8], page: NDArray[np.int64], offsets: NDArray[np.int32], text: NDArray[np.uint8]
) -> int:
    """The dictionary's texts into offsets (one more than there are texts) and bytes. Bytes in all; negative: damaged."""
    from ..kernels import pageheads as heads
    from ..kernels import pages as kernels

    at = int(page[heads.AT])
    return int(kernels.plain_texts(data, at, at + int(page[heads.UNPACKED]), offsets, text))
