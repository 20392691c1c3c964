"""Our page reader against Arrow's, over files of every writer option that it claims to know, and damaged ones."""

from __future__ import annotations

import random
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cortado.engine.kernels import pagefields as heads
from cortado.engine.kernels import pageheads, unpack
from cortado.engine.storage.pagechunk import Chunks, Leaves
from cortado.engine.storage.pagereader import Pieces, joined, read_columns

KNOWN = ("i64", "i32", "i16", "i8", "f64", "f32", "us", "ms", "ns", "zoned", "word", "long word")


def columns(rng: np.random.Generator, n: int, n_distinct: int, nulls: float) -> dict[str, pa.Array[Any]]:
    def numbers(low: int, high: int) -> Any:
        pool = rng.integers(low, high, n_distinct, endpoint=True)
        return rng.choice(pool, n)

    mask = rng.random(n) < nulls
    texts = np.array([f"ö{k}" * int(rng.integers(0, 9)) for k in range(n_distinct)], object)

    def made(values: Any, kind: pa.DataType) -> pa.Array[Any]:
        return pa.array(values, mask=mask).cast(kind) if len(values) else pa.array([], kind)

    doubles = rng.choice(np.array([0.0, -0.0, np.nan, np.inf, -np.inf, 1e-308, *rng.normal(size=n_distinct)]), n)
    return {
        "i64": made(numbers(-(1 << 63), (1 << 63) - 1), pa.int64()),
        "i32": made(numbers(-(1 << 31), (1 << 31) - 1), pa.int32()),
        "i16": made(numbers(-(1 << 15), (1 << 15) - 1), pa.int16()),
        "i8": made(numbers(-128, 127), pa.int8()),
        "f64": made(doubles, pa.float64()),
        "f32": made(doubles.astype(np.float32), pa.float32()),
        "us": made(numbers(-(1 << 60), 1 << 60), pa.timestamp("us")),
        "ms": made(numbers(-(1 << 50), 1 << 50), pa.timestamp("ms")),
        "ns": made(numbers(-(1 << 60), 1 << 60), pa.timestamp("ns")),
        "zoned": made(numbers(0, 1 << 50), pa.timestamp("us", "Asia/Seoul")),
        "word": made(rng.choice(texts, n), pa.string()),
        "long word": made(rng.choice(texts, n), pa.large_string()),
        "u64": made(numbers(0, 1 << 62), pa.uint64()),
        "flag": made(numbers(0, 1) == 1, pa.bool_()),
        "day": made(numbers(0, 1000).astype(np.int32), pa.date32()),
    }


def arrows(path: Path, group: int, name: str) -> pa.Array[Any]:
    """As Arrow reads it, numbers widened and texts decoded, as the page reader gives them."""
    column: Any = pq.ParquetFile(path).read_row_group(group, columns=[name])[name].combine_chunks()
    kind = column.type
    if pa.types.is_integer(kind):
        return column.cast(pa.int64())  # type: ignore[no-any-return]
    if pa.types.is_floating(kind):
        return column.cast(pa.float64())  # type: ignore[no-any-return]
    return column.cast(pa.string()) if pa.types.is_large_string(kind) else column  # type: ignore[no-any-return]


def ours(path: Path, group: int) -> dict[str, pa.Array[Any]]:
    file = pq.ParquetFile(path)
    names = [n for n in file.schema_arrow.names if "." not in n]
    with pa.OSFile(str(path), "rb") as source:
        leaves = Leaves(file.metadata, file.schema_arrow)
        found = read_columns(Chunks(source, leaves, group, names))
    return {n: plain(a) for n, a in found.items()}


def plain(column: Any) -> pa.Array[Any]:
    """What was read in pieces is put together as one dictionary, which must be the pieces."""
    if isinstance(column, Pieces):
        border, whole = len(column.front), column.whole()
        assert decode(column.slice(0, border)).equals(decode(whole.slice(0, border)))
        assert column.slice(border, len(whole)).equals(decode(whole.slice(border)))
        column = whole
    return decode(column)


def decode(column: Any) -> pa.Array[Any]:
    return column.dictionary.take(column.indices) if isinstance(column, pa.DictionaryArray) else column


def same(a: pa.Array[Any], b: pa.Array[Any]) -> bool:
    """Bit by bit: NaN is NaN, and -0.0 is not 0.0."""
    if not pa.types.is_float64(a.type):
        return a.equals(b)
    valid = a.is_valid().equals(b.is_valid())
    mine, theirs = (np.asarray(x.fill_null(0.0)).view(np.int64) for x in (a, b))
    return bool(valid and np.array_equal(mine, theirs))


OPTIONS: list[dict[str, Any]] = [
    {"compression": "snappy"},
    {"compression": "none", "write_page_checksum": True},
    {"compression": "zstd", "write_page_checksum": True, "data_page_size": 100},
    {"compression": "gzip", "data_page_version": "2.0"},
    {"compression": "snappy", "data_page_version": "2.0", "data_page_size": 64, "write_page_checksum": True},
    {"compression": "snappy", "dictionary_pagesize_limit": 200, "data_page_size": 300},
    {
        "compression": "none",
        "data_page_version": "2.0",
        "version": "1.0",
        "coerce_timestamps": "ms",
        "allow_truncated_timestamps": True,
    },
    {"compression": "zstd", "use_dictionary": False},
    {"compression": "snappy", "column_encoding": {"i64": "DELTA_BINARY_PACKED"}, "use_dictionary": ["word"]},
    {"compression": "lz4"},
]


@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: "-".join(str(v) for v in o.values()))
@pytest.mark.parametrize("nulls", [0.0, 0.3, 1.0])
def test_reads_what_arrow_reads(tmp_path: Path, options: dict[str, Any], nulls: float) -> None:
    rng = np.random.default_rng(len(str(options)))
    for n, n_distinct in ((1, 1), (257, 2), (3000, 9), (9000, 200), (5000, 4000)):
        table = pa.table(columns(rng, n, n_distinct, nulls))
        path = tmp_path / f"{n}.parquet"
        pq.write_table(table, path, row_group_size=max(n // 2, 1), **options)
        for group in range(pq.ParquetFile(path).metadata.num_row_groups):
            for name, found in ours(path, group).items():
                wanted = arrows(path, group, name)
                assert found.type == wanted.type
                assert same(found, wanted), (name, n, group)
                assert found.null_count == wanted.null_count


@pytest.mark.parametrize("step", [1, 7, 100, 5000])
@pytest.mark.parametrize("rest", [False, True])
def test_batches_are_cut_where_a_dictionary_was_full(tmp_path: Path, step: int, rest: bool) -> None:
    """Two columns whose dictionaries end at other rows, beside one that the general reader gives."""
    n = 700
    table = pa.table(
        {
            "a": [None if i % 11 == 0 else f"value {i}" for i in range(n)],
            "b": [f"{i:040}" for i in range(n)],
            "c": pa.array(range(n)),
        }
    )
    path = tmp_path / "x.parquet"
    pq.write_table(table, path, dictionary_pagesize_limit=1000, data_page_size=500, write_batch_size=20)
    file = pq.ParquetFile(path)
    with pa.OSFile(str(path), "rb") as source:
        found = read_columns(Chunks(source, Leaves(file.metadata, file.schema_arrow), 0, ["a", "b"]))
        assert {type(c) for c in found.values()} == {Pieces}
        other = file.iter_batches(step, columns=["c"]) if rest else None
        names = ["a", "b", "c"] if rest else ["a", "b"]
        batches = list(joined(found, other, names, n, step))
    for name in names:
        assert pa.concat_arrays([decode(b[name]) for b in batches]).equals(table[name].combine_chunks())
    assert all(b.num_rows <= step for b in batches)


def test_knows_what_it_claims(tmp_path: Path) -> None:
    table = pa.table(columns(np.random.default_rng(1), 5000, 50, 0.1))
    path = tmp_path / "x.parquet"
    pq.write_table(table, path)
    assert sorted(ours(path, 0)) == sorted(KNOWN)


def test_required_columns_and_nested_neighbours(tmp_path: Path) -> None:
    """A flat column is found behind lists, maps and structs, also where a member's path is its name."""
    pair = pa.struct([pa.field("x", pa.int64()), pa.field("y", pa.list_(pa.int64()))])
    fields: list[pa.Field[Any]] = [
        pa.field("a", pa.int64(), nullable=False),
        pa.field("s", pa.string(), nullable=False),
        pa.field("l", pa.list_(pa.int64())),
        pa.field("b", pa.int64()),
        pa.field("st", pair),
        pa.field("st.x", pa.int64()),
        pa.field("m", pa.map_(pa.string(), pair)),
        pa.field("c", pa.int64()),
    ]
    schema = pa.schema(fields)
    given: dict[str, list[Any]] = {
        "a": [3, 1, 2], "s": ["x", "", "x"], "l": [[1], None, []], "b": [7, 8, 9],
        "st": [{"x": 1, "y": [1]}, None, {"x": 3, "y": []}], "st.x": [4, 5, 6], "m": [[("k", None)], [], None], "c": [None, 1, 0],
    }  # fmt: skip
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table(given, schema=schema), path)
    found = ours(path, 0)
    assert {n: a.to_pylist() for n, a in found.items()} == {n: given[n] for n in ("a", "s", "b", "c")}
    file = pq.ParquetFile(path)
    leaves = Leaves(file.metadata, file.schema_arrow)
    assert leaves.column(0, "st.x").statistics.min == 4 and leaves.column(0, "st") is None  # type: ignore[union-attr]
    own = file.metadata.row_group(0)
    assert leaves.nbytes(0, ["l", "c"]) == sum(own.column(i).total_uncompressed_size for i in (2, own.num_columns - 1))


@pytest.mark.parametrize("codec", ["snappy", "none", "zstd"])
def test_a_damaged_chunk_is_left_to_arrow_or_read_as_arrow_reads_it(tmp_path: Path, codec: Any) -> None:
    """With sums in the pages nothing damaged passes; without, whatever passes is what Arrow makes of it."""
    rng = random.Random(codec)
    table = pa.table(columns(np.random.default_rng(3), 400, 30, 0.2)).select(["i64", "i32", "us", "word", "f64"])
    for sums in (True, False):
        path = tmp_path / f"{sums}.parquet"
        pq.write_table(table, path, compression=codec, write_page_checksum=sums, data_page_size=500)
        good, wanted = path.read_bytes(), {n: arrows(path, 0, n) for n in table.column_names}
        footer = len(good) - 8 - int.from_bytes(good[-8:-4], "little")
        for _ in range(400):
            bad = bytearray(good)
            at = rng.randrange(4, footer)
            bad[at] ^= 1 << rng.randrange(8)
            path.write_bytes(bad)
            for name, found in ours(path, 0).items():
                if same(found, wanted[name]):
                    continue
                assert not sums or _in_a_header(good, at, path), (name, at)
                assert _arrow_reads(path, name, found), (name, at)


def _in_a_header(good: bytes, at: int, path: Path) -> bool:
    """Page headers have no sum of their own."""
    meta = pq.ParquetFile(path).metadata.row_group(0)
    table = np.empty(heads.WIDTH * 1000, np.int64)
    for i in range(meta.num_columns):
        chunk: Any = meta.column(i)
        first = chunk.dictionary_page_offset if chunk.has_dictionary_page else chunk.data_page_offset
        raw = np.frombuffer(good[first : first + chunk.total_compressed_size] + bytes(64), np.uint8)
        n = pageheads.page_table(raw, 0, chunk.total_compressed_size, table)
        for page in table[: n * heads.WIDTH].reshape(n, heads.WIDTH):
            if page[heads.FIRST_BYTE] <= at - first < page[heads.AT]:
                return True
    return False


def _arrow_reads(path: Path, name: str, found: pa.Array[Any]) -> bool:
    try:
        return same(found, arrows(path, 0, name))
    except (pa.ArrowException, OSError):
        return False


def test_sum_is_that_of_zlib() -> None:
    for n in (0, 1, 7, 8, 9, 1000):
        data = np.random.default_rng(n).integers(0, 256, n + 64, dtype=np.uint8)
        assert unpack.crc32(data, 0, n) == zlib.crc32(data[:n].tobytes())


@pytest.mark.parametrize("seed", range(40))
def test_snappy_is_that_of_arrow(seed: int) -> None:
    rng = random.Random(seed)
    words = [bytes(rng.randrange(256) for _ in range(rng.randrange(1, 30))) for _ in range(rng.randrange(1, 20))]
    text = b"".join(rng.choice(words) for _ in range(rng.randrange(1, 3000)))
    packed = pa.Codec("snappy").compress(text).to_pybytes()
    raw = np.frombuffer(packed + bytes(64), np.uint8)
    out = np.zeros(len(text) + 64, np.uint8)
    assert unpack.unsnap(raw, 0, len(packed), out, 0, len(text)) == 0
    assert out[: len(text)].tobytes() == text
    for _ in range(200):  # never outside its memory, and never more than there is
        bad = bytearray(packed)
        bad[rng.randrange(len(bad))] ^= 1 << rng.randrange(8)
        cut = rng.randrange(len(bad) + 1)
        raw = np.frombuffer(bytes(bad[:cut]) + bytes(64), np.uint8)
        out = np.full(len(text) + 128, 7, np.uint8)
        unpack.unsnap(raw, 0, cut, out, 0, len(text))
        assert (out[len(text) + 64 :] == 7).all()
