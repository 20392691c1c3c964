"""Keys of a dictionary column are numbered by the rows, whatever order its values have."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

import cortado

VALUES = ["z", None, "m", "", "a"]
CODES = [4, None, 2, 1, 0, 2, 3, 4, 1]


@pytest.mark.parametrize("kernels", ["always", "never"])
@pytest.mark.parametrize("batch_rows", [2, 65536])
def test_dedup_keeps_input_order(kernels: str, batch_rows: int) -> None:
    column: Any = pa.DictionaryArray.from_arrays(pa.array(CODES, pa.int32()), pa.array(VALUES, pa.string()))
    table = pa.table({"k": column, "i": range(len(CODES))})
    with cortado.connect(kernels=kernels, batch_rows=batch_rows) as session:
        session.register("t", table)
        rows = session.query("table t | dedup k").to_pylist()
    assert [(r["k"], r["i"]) for r in rows] == [("a", 0), (None, 1), ("m", 2), ("z", 4), ("", 6)]
