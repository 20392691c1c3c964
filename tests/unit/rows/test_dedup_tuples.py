"""dedup by keys whose tuples of codes have a bit each until there are too many that could be; texts are coded ahead by all workers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import cortado
from cortado.engine.operators.codetuples import CodeTuples

N = 30_000
rng = np.random.default_rng(23)


def texts(codes: np.ndarray[Any, Any], n: int, has_null: bool = False) -> pa.ChunkedArray[Any]:
    """Chunks whose dictionaries lie differently, and of which one value stands twice; rows may be null.

    `has_null`: of one chunk a value is null, so that its texts come as they are.
    """
    chunks: list[pa.Array[Any]] = []
    for k, some in enumerate(np.array_split(codes, 4)):
        order = rng.permutation(n)
        values: list[str | None] = [f"value {i}" for i in order]
        values[int(np.flatnonzero(order == n - 1)[0])] = "value 0"
        if has_null and k == 1:
            values[0] = None
        places = np.argsort(order).astype(np.int32)
        indices: Any = pa.array(places[some], mask=some % 17 == 3)
        chunks.append(pa.DictionaryArray.from_arrays(indices, pa.array(values, pa.string())))
    return pa.chunked_array(chunks)


def rising(most: int) -> np.ndarray[Any, Any]:
    """Numbers of which new ones come until the end."""
    return rng.integers(0, most, N) * np.arange(1, N + 1) // N


TABLES: dict[str, dict[str, Any]] = {
    # a constant, whose place has no bits, before and behind what grows
    "constant": {"a": np.full(N, 7), "b": rising(900)},
    "constant last": {"a": rising(900), "b": np.full(N, 7)},
    # first one key has many values, then the other
    "turns": {"a": np.where(np.arange(N) < N // 2, rising(3000), 5), "b": np.where(np.arange(N) < N // 2, 3, rising(900))},
    "three": {"a": rising(60), "b": pa.array(rng.integers(-5, 5, N), mask=rng.random(N) < 0.1), "c": texts(rising(40), 40)},
    "text alone": {"a": texts(rising(4000), 4000)},
    "some plain": {"a": texts(rising(400), 400, True), "b": rng.integers(0, 9, N), "c": texts(rising(30), 30)},
    "texts": {"a": texts(rising(5000), 5000), "b": rng.integers(0, 3, N) == 1, "c": rng.choice([0.0, -0.0, np.nan, 1.5], N)},
    # far apart, and more pairs that could be than bits
    "wide": {"a": rng.integers(-(2**62), 2**62, 4000)[rng.integers(0, 4000, N)], "b": texts(rng.integers(0, 3000, N), 3000)},
    "all": {"a": np.arange(N) * 10**9, "b": np.arange(N)[::-1] * 10**10},
}  # fmt: skip
WAYS: list[dict[str, Any]] = [
    {"kernels": "always", "threads": 2},
    {"kernels": "always", "threads": 3, "batch_rows": 700},
    {"kernels": "always", "threads": 1, "memory": "3MB"},
    {"kernels": "always", "threads": 2, "batch_rows": 500, "memory": "3MB"},
    {"kernels": "never", "threads": 2},
]


def key(value: Any) -> Any:
    """Equal where dedup takes values to be."""
    return "nan" if value != value else value


def firsts(table: pa.Table) -> list[int]:
    met: dict[tuple[Any, ...], int] = {}
    for row, values in enumerate(zip(*(c.to_pylist() for c in table.columns), strict=True)):
        met.setdefault(tuple(map(key, values)), row)
    return list(met.values())


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("way", range(len(WAYS)))
def test_the_first_row_of_each_tuple(name: str, way: int) -> None:
    keys = pa.table(TABLES[name])
    table = keys.append_column("row", pa.array(np.arange(N)))
    wanted = firsts(keys)
    with cortado.connect(**WAYS[way]) as session:
        result = session.query(f"table t | dedup {', '.join(keys.column_names)}", sources={"t": table}).run()
        got = result.to_arrow()
    assert got["row"].to_pylist() == wanted
    values = keys.to_pylist()
    assert str(got.drop(["row"]).to_pylist()) == str([values[row] for row in wanted])
    assert sum(n.count for n in result.notes) == N - len(wanted)


@pytest.mark.parametrize(
    ("name", "wanted"), [("three", "tuples=bits"), ("wide", "tuples=bits+words"), ("all", "tuples=bits+words")]
)
def test_how_tuples_were_found(name: str, wanted: str) -> None:
    """Small batches, so that what was met by its bit goes into the table in the midst of the run."""
    with cortado.connect(kernels="always", threads=1, batch_rows=700) as session:
        session.register("t", pa.table(TABLES[name]))
        rows = session.query(f"explain analyze table t | dedup {', '.join(TABLES[name])}").to_pylist()
    assert wanted in [part.strip("()") for part in rows[1]["detail"].split(", ")]


def test_codes_come_back_as_they_were_met() -> None:
    """Whichever key gets more bits, one after the other or all at once."""
    made, met = CodeTuples(3), set[tuple[int, ...]]()
    for sizes in [(1, 1, 1), (1, 9, 1), (3, 9, 1), (3, 200, 2), (3, 900, 2), (70, 900, 40)]:
        codes = [rng.integers(0, n, 500).astype(np.int32) for n in sizes]
        assert made.reach(sizes, 1 << 20)
        rows = made.unmet(codes)
        fresh: list[int] = []
        for row, one in enumerate(zip(*(c.tolist() for c in codes), strict=True)):
            if one not in met:
                met.add(one)
                fresh.append(row)
        assert rows.tolist() == fresh
        assert made.n == len(met)
        assert sorted(zip(*(c.tolist() for c in made.codes()), strict=True)) == sorted(met)
    assert not made.reach((1 << 20, 900, 40), 500)
    assert made.n == len(met)
