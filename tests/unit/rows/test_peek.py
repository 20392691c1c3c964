"""What `peek` tells."""

from __future__ import annotations

import pyarrow as pa

import cortado


def test_fields_shares_and_rows() -> None:
    table = pa.table({"a": [1, 2, 3, None], "b": ["x", None, None, "y z"], "c": [[1], [], None, [2]]})
    for settings in ({"threads": 1}, {"threads": 4, "batch_rows": 1}):
        with cortado.connect(**settings) as session:  # type: ignore[arg-type]
            notes = session.query("table t | peek rows=2 | fields a", sources={"t": table}).run().notes
        assert [(n.reason, n.count, n.hint, n.samples) for n in notes] == [
            ("peek", 4, "a: long, 25% null; b: string, 50% null; c: array<long>, 25% null", ()),
            ("peek, rows 1 to 2", 2, "", ('a=1, b="x", c=[1]', "a=2, b=null, c=[]")),
        ]
