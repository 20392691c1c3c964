"""Column chunks of flat Parquet columns as their pages lie in the file: read, unpacked, with their dictionary.

For whatever the kernels do not know the answer is None, and the general reader, Arrow's, is asked. They take numbers of
4 and 8 bytes and texts, data pages of both versions, and no, Snappy, Zstd or gzip compression; each page is checked against its
sum where it has one.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from threading import local
from typing import Any, TypeAlias, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.records import dataclass
from .. import kernels
from ..arrow import buffer_of, bytes_of, pooled
from ..kernels import pagefields as heads
from ..pread import read_address
from .tally import Tally

PAD = 64  # behind each buffer that kernels look into
BYTES_A_PAGE = 8192  # packed; of smaller ones there are seldom more than the room for them
LARGEST = 1 << 26  # unpacked bytes of the wanted columns of a row group: above it the general reader goes in pieces
CODECS = {"UNCOMPRESSED": "", "SNAPPY": "snappy", "ZSTD": "zstd", "GZIP": "gzip"}
MOST_SCRATCH = 8 << 20  # bytes of each that a thread keeps
_mine = local()
_T = pa.types


@dataclass(frozen=True, slots=True)
class Kind:
    """How a leaf's values lie in its pages, and as what they come out."""

    n_bytes: int  # 0: texts
    arrow: pa.DataType
    is_float: bool = False


@dataclass(slots=True)
class Chunk:
    """One column of a row group, its pages still packed. `table`: a row a page, `told`: of all of them, see `pagefields`."""

    raw: NDArray[np.uint8]
    table: NDArray[np.int64]
    told: Sequence[int]
    codec: str
    kind: Kind
    max_definition: int
    n_rows: int
    tally: Tally | None = None
    data: NDArray[np.uint8] | None = None  # the pages unpacked
    _values: Any = None

    @property
    def largest(self) -> int:
        """Rows of its largest page, or values of its dictionary if those are more."""
        return self.told[heads.LARGEST]

    @property
    def has_dictionary(self) -> bool:
        return self.told[heads.N_DICTIONARIES] > 0

    @property
    def is_plain(self) -> bool:
        """Whether all data pages are plain."""
        return self.told[heads.N_PLAIN] == self.told[heads.N_DATA]

    @property
    def is_coded(self) -> bool:
        """Whether all values are in a dictionary."""
        return self.has_dictionary and self.told[heads.N_CODED] == self.told[heads.N_DATA]

    def unpacked(self) -> NDArray[np.uint8] | None:
        """The pages of the table unpacked, of which it then tells the places."""
        if self.data is None:
            self.data = self._unpacked()
            if self.data is not None:
                self.raw = self.data  # as they were packed nobody wants them any more
                if self.tally is not None:
                    self.tally.unpacked(len(self.table), self.told[heads.UNPACKED_BYTES])
        return self.data

    def values(self) -> Any:
        """Of a chunk that has a dictionary and was unpacked: `dictionary`."""
        if self._values is None and self.data is not None:
            self._values = dictionary(self.data, self.table[0], self.kind)
        return self._values

    def rows_between(self, low: int, high: int, *, nulls_pass: bool) -> NDArray[np.int32] | None:
        """Rows of the pages that may hold a whole number, or a time in its unit, from `low` to `high`, by what the pages
        tell of theirs; None: all may."""
        table, is_text = self.table, not self.kind.n_bytes
        if is_text or self.kind.arrow == pa.float64():
            return None
        outside = (table[:, heads.SIZES] == 2 * self.kind.n_bytes) & (
            (table[:, heads.MOST] < low) | (table[:, heads.LEAST] > high)
        )
        if nulls_pass and self.max_definition:
            outside &= table[:, heads.N_NULLS] == 0
        is_data = table[:, heads.KIND] != heads.DICTIONARY
        if not (outside & is_data).any():
            return None
        kept = table[is_data & ~outside]
        first, n = kept[:, heads.FIRST_ROW], kept[:, heads.N_VALUES]
        starts = np.cumsum(n) - n
        rows: NDArray[np.int64] = np.arange(int(n.sum())) + np.repeat(first - starts, n)
        return rows.astype(np.int32)

    def leave_out(self, rows: NDArray[np.int32]) -> None:
        """Pages that hold none of these ascending rows need not be unpacked."""
        if self.data is not None:
            return
        table = self.table
        first = table[:, heads.FIRST_ROW]
        low, high = np.searchsorted(rows, first), np.searchsorted(rows, first + table[:, heads.N_VALUES])
        kept = low < high
        if self.has_dictionary:
            kept[0] = not self.kind.n_bytes or bool((table[kept, heads.ENCODING] != heads.PLAIN).any())
        if not kept.all():
            self.table = table[kept]
            self.told = _told(self.table)[0]

    def _unpacked(self) -> NDArray[np.uint8] | None:
        size = self.told[heads.UNPACKED_BYTES] + PAD * len(self.table)
        if size > 2 * LARGEST:
            return None
        flat, n_pages = self.table.reshape(-1), len(self.table)
        if self.codec in ("zstd", "gzip"):
            if kernels.unpack.unpack_pages(self.raw, flat, n_pages, self.raw, heads.OTHER_CODEC) < 0:
                return None
            return _unpacked(self.raw, self.table, size, self.codec)
        out = space(size) if self.codec else self.raw
        codec = heads.SNAPPY if self.codec else heads.NO_CODEC
        return None if kernels.unpack.unpack_pages(self.raw, flat, n_pages, out, codec) < 0 else out


@dataclass(frozen=True, slots=True)
class Leaf:
    """A flat column that the kernels may know. `number`: among the leaves of its file."""

    number: int
    kind: Kind
    max_definition: int


class Leaves:
    """The flat columns of a file by name, looked up once. `schema`: as Arrow has the file's."""

    def __init__(self, metadata: Any, schema: pa.Schema) -> None:
        self.metadata, self._schema = metadata, schema
        self._numbers = _flat_leaves(metadata, schema)
        self._known: dict[str, Leaf | None] = {}

    def column(self, group: int, name: str) -> Any | None:
        """What the footer says of a flat column's chunk in a row group; None if there is no such column."""
        number = self._numbers.get(name)
        return None if number is None else self.metadata.row_group(group).column(number)

    def nbytes(self, group: int, names: Collection[str]) -> int:
        """Unpacked bytes of columns of a row group."""
        row_group = self.metadata.row_group(group)
        flat = [self._numbers[n] for n in names if n in self._numbers]
        size = sum(row_group.column(i).total_uncompressed_size for i in flat)
        if len(flat) < len(names):
            nested = set(names) - self._numbers.keys()
            rest = map(row_group.column, sorted(set(range(row_group.num_columns)) - set(self._numbers.values())))
            size += sum(
                c.total_uncompressed_size for c in rest if nested & {c.path_in_schema, c.path_in_schema.split(".")[0]}
            )
        return int(size)

    def dictionaries(self, group: int, names: Iterable[str]) -> list[str]:
        """Those of the names whose texts lie in a row group as a dictionary."""
        found = []
        for name in names:
            kind, chunk = self._schema.field(name).type, self.column(group, name)
            is_text = _T.is_string(kind) or _T.is_large_string(kind) or _T.is_string_view(kind)
            if is_text and chunk is not None and chunk.has_dictionary_page:
                found.append(name)
        return found

    def get(self, name: str) -> Leaf | None:
        if name not in self._known:
            self._known[name] = self._leaf(name)
        return self._known[name]

    def _leaf(self, name: str) -> Leaf | None:
        number = self._numbers.get(name)
        if number is None:
            return None
        told = self.metadata.schema.column(number)
        kind = _kind_of(told, self._schema.field(name).type)
        if kind is None or told.max_repetition_level or told.max_definition_level > 1:
            return None
        return Leaf(number, kind, told.max_definition_level)


class Chunks:
    """The named columns of a row group, opened one by one; none of them is known where they are large together."""

    def __init__(
        self, source: pa.NativeFile, leaves: Leaves, group: int, names: Collection[str], tally: Tally | None = None
    ) -> None:  # fmt: skip
        row_group = leaves.metadata.row_group(group)
        self._tally = tally
        if tally is not None:
            tally.kept("columns", 0, len(names))
        self.n_rows: int = row_group.num_rows
        self._source, self._leaves, self._n_opened = source, leaves, 0
        self._fd = source.fileno() if isinstance(source, pa.OSFile) else None
        self._told = {n: row_group.column(leaf.number) for n in names if (leaf := leaves.get(n)) is not None}
        if sum(c.total_uncompressed_size for c in self._told.values()) > LARGEST:
            self._told = {}

    @property
    def names(self) -> list[str]:
        """Those that may be known."""
        return list(self._told)

    def size(self, name: str) -> int:
        """Bytes of it in the file; of one that is not known, more than of any other."""
        told = self._told.get(name)
        return 1 << 40 if told is None else int(told.total_compressed_size)

    def told(self, name: str) -> tuple[int, Leaf, Any] | None:
        """The file's number, and what is known of the column, for one that can be read by a kernel."""
        leaf = self._leaves.get(name)
        if self._fd is None or leaf is None or name not in self._told:
            return None
        return self._fd, leaf, self._told[name]

    def opened(self, pages: int, nbytes: int, groups: int = 1) -> None:
        """A column was read, in so many row groups, with so many pages, and so many bytes unpacked."""
        if self._tally is not None:
            self._tally.column(pages, nbytes, groups)

    def open(self, name: str) -> Chunk | None:
        leaf = self._leaves.get(name)
        if name not in self._told or leaf is None:
            return None
        try:
            chunk = _open(self._source, self._fd, leaf, self._told[name], self.n_rows, self._n_opened)
            self._n_opened += 1
        except (pa.ArrowException, OSError, ValueError):  # the general reader meets it again, and says so
            return None
        if chunk is not None and self._tally is not None:
            chunk.tally = self._tally
            self._tally.opened(len(chunk.table))
        return chunk


def _flat_leaves(metadata: Any, schema: pa.Schema) -> dict[str, int]:
    """Where the column of a plain field is among the leaves: by path a struct's member may have the same name."""
    leaves, at, told = {}, 0, metadata.schema
    for field in schema:
        if not _T.is_nested(field.type) and at < metadata.num_columns and told.column(at).path == field.name:
            leaves[field.name] = at
        at += _n_leaves(field.type)
    return leaves


def _n_leaves(kind: Any) -> int:
    if isinstance(kind, pa.BaseExtensionType):
        return _n_leaves(kind.storage_type)
    if _T.is_struct(kind):
        return sum(_n_leaves(f.type) for f in kind)
    if _T.is_map(kind):
        return _n_leaves(kind.key_type) + _n_leaves(kind.item_type)
    return _n_leaves(kind.value_type) if cast(Any, _T).is_nested(kind) else 1


def _kind_of(leaf: Any, arrow: pa.DataType) -> Kind | None:
    physical = leaf.physical_type
    if physical == "BYTE_ARRAY" and (_T.is_string(arrow) or _T.is_large_string(arrow)):
        return Kind(0, pa.string())
    if physical == "DOUBLE" and _T.is_float64(arrow):
        return Kind(8, pa.float64())
    if physical == "FLOAT" and _T.is_float32(arrow):
        return Kind(4, pa.float64(), is_float=True)
    if physical == "INT64" and _T.is_int64(arrow):
        return Kind(8, pa.int64())
    if physical == "INT32" and (_T.is_int32(arrow) or _T.is_int16(arrow) or _T.is_int8(arrow)):
        return Kind(4, pa.int64())
    if physical == "INT64" and isinstance(arrow, pa.TimestampType) and _unit_of(leaf) == arrow.unit:
        return Kind(8, arrow)
    return None


def _unit_of(leaf: Any) -> str:
    said = json.loads(leaf.logical_type.to_json())
    return {"milliseconds": "ms", "microseconds": "us", "nanoseconds": "ns"}.get(said.get("timeUnit", ""), "")


def _open(source: Any, fd: int | None, leaf: Leaf, told: Any, n_rows: int, slot: int) -> Chunk | None:
    codec, size = CODECS.get(told.compression), told.total_compressed_size
    if codec is None or told.num_values != n_rows or not 0 < size <= 2 * LARGEST:
        return None
    found = _read_pages(fd, told, codec, slot) or _read_step_by_step(source, told)
    if found is None:
        return None
    raw, table, of_all = found
    if of_all[heads.N_DICTIONARIES] > 1 or of_all[heads.ROWS] != n_rows:
        return None
    return Chunk(raw, table, of_all, codec, leaf.kind, leaf.max_definition, n_rows)


Pages: TypeAlias = "tuple[NDArray[np.uint8], NDArray[np.int64], list[int]]"


def _read_pages(fd: int | None, told: Any, codec: str, slot: int) -> Pages | None:
    """By one call. None: step by step, which has room for any number of pages, and tells what is amiss.

    Packed pages lie in memory that the thread uses again for the column opened as the so-manieth of another row group.
    """
    read = read_address()
    if fd is None or not read:
        return None
    first, size = place_of(told)
    raw = scratch(f"packed {slot}", size + PAD, np.uint8) if codec else space(size)
    room = heads.WIDTH * (64 + size // BYTES_A_PAGE)
    table, of_all = np.empty(room, np.int64), np.empty(heads.TOLD, np.int64)
    n_pages = kernels.pagefile.read_pages(read, fd, first, size, raw, table, of_all)
    return (raw, table[: heads.WIDTH * n_pages].reshape(n_pages, heads.WIDTH), of_all.tolist()) if n_pages > 0 else None


def _read_step_by_step(source: Any, told: Any) -> Pages | None:
    raw = _raw_bytes(source, told)
    table = None if raw is None else _page_table(raw, told.total_compressed_size)
    if raw is None or table is None:
        return None
    of_all, is_odd = _told(table)
    return None if is_odd else (raw, table, of_all)


def place_of(chunk: Any) -> tuple[int, int]:
    """Where the pages begin in the file, and how many bytes they take."""
    first = chunk.data_page_offset
    if chunk.has_dictionary_page and 0 < (chunk.dictionary_page_offset or 0) < first:
        first = chunk.dictionary_page_offset
    return int(first), int(chunk.total_compressed_size)


def _page_table(raw: NDArray[np.uint8], size: int) -> NDArray[np.int64] | None:
    table = np.empty(heads.WIDTH * 64, np.int64)
    while (n_pages := int(kernels.pageheads.page_table(raw, 0, size, table))) == heads.UNSURE:
        if len(table) > heads.WIDTH * (size // 8 + 1):
            return None
        table = np.empty(8 * len(table), np.int64)
    return table[: heads.WIDTH * n_pages].reshape(n_pages, heads.WIDTH) if n_pages > 0 else None


def _told(table: NDArray[np.int64]) -> tuple[list[int], bool]:
    """Of the pages together, and whether a dictionary stands where none should."""
    told = np.empty(heads.TOLD, np.int64)
    is_odd = bool(kernels.pageheads.survey_pages(table.reshape(-1), len(table), told))
    return told.tolist(), is_odd


def _raw_bytes(source: Any, chunk: Any) -> NDArray[np.uint8] | None:
    first, size = place_of(chunk)
    raw = space(size)
    source.seek(first)
    return raw if source.readinto(memoryview(cast(Any, raw))[:size]) == size else None


def scratch(name: str, n: int, dtype: Any) -> NDArray[Any]:
    """Memory of this thread, at least so many values, which holds what it does until the next call for the same name."""
    held: NDArray[Any] | None = getattr(_mine, name, None)
    if held is None or len(held) < n:
        held = np.empty(n + (n >> 2), dtype)
        if held.nbytes <= MOST_SCRATCH:
            setattr(_mine, name, held)
    return held


def space(size: int) -> NDArray[np.uint8]:
    """Memory of Arrow's pool, which keeps it for the next morsel."""
    return bytes_of(pa.allocate_buffer(size + PAD))


def _unpacked(raw: NDArray[np.uint8], rows: NDArray[np.int64], size: int, codec: str) -> NDArray[np.uint8] | None:
    """Pages of a codec that Arrow has, one behind another."""
    out, to = space(size), 0
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


def dictionary(data: NDArray[np.uint8], page: NDArray[np.int64], kind: Kind) -> Any:
    """The dictionary's values: an Arrow array of texts, or 64-bit numbers. None: damaged, or not known here."""
    if not may_hold(page, max(kind.n_bytes, 4)):
        return None
    n, at, size = int(page[heads.N_VALUES]), int(page[heads.AT]), int(page[heads.UNPACKED])
    if kind.n_bytes == 8 and at % 8 == 0:
        return data[at : at + 8 * n].view(np.int64)
    if kind.n_bytes:
        numbers = pooled(n, np.int64)
        return numbers if kernels.pages.plain_numbers(data, at, at + size, kind.n_bytes, numbers) == 0 else None
    offsets, text = pooled(n + 1, np.int32), space(size)
    if dictionary_texts(data, page, offsets, text) < 0:
        return None
    return checked_texts(offsets, text, None)


def checked_texts(
    offsets: NDArray[np.int32], text: NDArray[np.uint8], bitmap: pa.Buffer | None
) -> pa.Array[Any] | None:
    """Texts as an array. None: one of them is no valid UTF-8, as the format wants it (Parquet, Logical Types, STRING)."""
    used = text[: offsets[-1]]
    made = pa.Array.from_buffers(pa.string(), len(offsets) - 1, [bitmap, buffer_of(offsets), buffer_of(used)])
    if len(used) and used.max() >= 0x80:
        try:
            made.validate(full=True)
        except pa.ArrowInvalid:
            return None
    return cast("pa.Array[Any]", made)


def may_hold(page: NDArray[np.int64], n_bytes: int) -> bool:
    """Whether it is a dictionary as it is known here, with room for as many values of so many bytes as it says."""
    known = page[heads.ENCODING] in (heads.PLAIN, heads.PLAIN_DICTIONARY)
    return bool(known and 0 <= n_bytes * page[heads.N_VALUES] <= page[heads.UNPACKED])


def dictionary_texts(
    data: NDArray[np.uint8], page: NDArray[np.int64], offsets: NDArray[np.int32], text: NDArray[np.uint8]
) -> int:
    """The dictionary's texts into offsets (one more than there are texts) and bytes. Bytes in all; negative: damaged."""
    at = int(page[heads.AT])
    return int(kernels.pages.plain_texts(data, at, at + int(page[heads.UNPACKED]), offsets, text))
