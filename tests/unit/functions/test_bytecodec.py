"""Hexadecimal and base64 of columns against Python's, with nulls that have bytes behind them, and slices."""

from __future__ import annotations

import base64
import random
from typing import Any

import pyarrow as pa
import pytest

from cortado.engine import bytecodec

RANDOM = random.Random(5)
BYTES = [
    None if RANDOM.random() < 0.2 else bytes(RANDOM.randrange(256) for _ in range(RANDOM.randrange(9)))
    for _ in range(200)
]
BEHIND_NULL = pa.Array.from_buffers(
    pa.binary(), 3, [pa.py_buffer(b"\x05"), pa.array([0, 2, 3, 5], pa.int32()).buffers()[1], pa.py_buffer(b"abcde")]
)


@pytest.mark.parametrize(
    "column", [pa.array(BYTES), pa.array(BYTES).slice(3, 90), pa.array(BYTES).slice(0, 0), BEHIND_NULL]
)
def test_there_and_back(column: pa.Array[Any]) -> None:
    values = column.to_pylist()
    hexes, base = bytecodec.to_hex(column), bytecodec.to_base64(column)
    assert hexes.to_pylist() == [v if v is None else v.hex() for v in values]
    assert base.to_pylist() == [v if v is None else base64.b64encode(v).decode() for v in values]
    for made, bad in (bytecodec.from_hex(hexes), bytecodec.from_base64(base)):
        made.validate(full=True)
        assert made.to_pylist() == values
        assert not bad.any()


def test_malformed_rows_leave_the_others() -> None:
    made, bad = bytecodec.from_base64(pa.array(["QUJD", "Q", "QQ=", "QQ", "Q*==", "====", "", None, "QUI="]))
    assert made.to_pylist() == [b"ABC", None, None, b"A", None, None, b"", None, b"AB"]
    assert bad.tolist() == [False, True, True, False, True, True, False, False, False]
    made, bad = bytecodec.from_hex(pa.array(["0aFF", "0", "0g", "", None, "한", "10"]))
    assert made.to_pylist() == [b"\x0a\xff", None, None, b"", None, None, b"\x10"]
    assert bad.tolist() == [False, True, True, False, False, True, False]
