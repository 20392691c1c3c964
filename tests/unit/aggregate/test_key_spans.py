"""Arrow text as spans: in place in the midst of a column, in a copy at its ends, always with room on both sides."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from cortado.engine.arrow import bytes_of
from cortado.engine.batch import PAD
from cortado.engine.operators.keytable import spans_of

TEXTS = [None if i % 7 == 3 else "é" * (i % 5) + f"key {i}" * (i % 3) for i in range(300)]


@pytest.mark.parametrize(
    ("low", "high"), [(0, 300), (0, 0), (0, 5), (100, 100), (100, 101), (100, 200), (298, 300), (3, 4)]
)
@pytest.mark.parametrize("kind", [pa.string(), pa.binary()])
def test_slices_of_a_column(low: int, high: int, kind: pa.DataType) -> None:
    texts = [t.encode() if t is not None and kind == pa.binary() else t for t in TEXTS]
    column = pa.array(texts, kind)
    spans = spans_of(column.slice(low, high - low))
    assert [
        None if n < 0 else bytes(spans.data[at : at + n])
        for at, n in zip(spans.start.tolist(), spans.length.tolist(), strict=True)
    ] == [t.encode() if isinstance(t, str) else t for t in texts[low:high]]
    for at, n in zip(spans.start.tolist(), spans.length.tolist(), strict=True):
        assert at >= PAD
        assert at + max(n, 0) + PAD <= len(spans.data)


def test_the_midst_is_not_copied() -> None:
    column = pa.array([t or "" for t in TEXTS])
    data = bytes_of(column.buffers()[2])
    assert np.shares_memory(spans_of(column.slice(100, 100)).data, data)
    assert not np.shares_memory(spans_of(column.slice(0, 100)).data, data)
    tight = pa.py_buffer("".join(t or "" for t in TEXTS).encode())
    exact = pa.Array.from_buffers(pa.string(), 300, [None, column.buffers()[1], tight])
    assert not np.shares_memory(spans_of(exact.slice(200)).data, bytes_of(exact.buffers()[2]))
