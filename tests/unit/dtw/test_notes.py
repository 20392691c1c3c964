"""Samples of what series commands leave out, by key and then as they came: the same in any split of the rows."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pyarrow as pa
import pytest

import cortado

ODD = [1.0, math.nan, math.inf, 2.0, -math.inf, math.nan, 3.0, 4.0]
ROWS = pa.table(
    {
        "k": ["b", "a", "b", "a", "a", "b", "a", "b"],
        "n": pa.array([0, None, 1, 1, 2, None, None, None], pa.int64()),
        "x": ODD,
        "y": [1.0, None, None, 4.0, None, 6.0, 7.0, 8.0],
    }
)


def notes(query: str, threads: int, batch_rows: int) -> list[tuple[str, str, int, Sequence[str]]]:
    with cortado.connect(timezone="UTC", threads=threads, batch_rows=batch_rows) as session:
        session.register("t", ROWS)
        found = session.query(f"table t | {query}").run().notes
        return [(n.kind, n.reason, n.count, n.samples) for n in found]


@pytest.mark.parametrize(("threads", "batch_rows"), [(1, 65_536), (2, 1), (2, 3)])
@pytest.mark.parametrize(
    ("query", "reason", "count", "samples"),
    [
        ("dtw order=n pattern=1,2 y by k", "null order", 4, ("a: null", "a: 7.0", "b: 6.0")),
        ("dtw order=n pattern=1,2 y", "null order", 4, ("null", "6.0", "7.0")),
        ("correlate x, y by k", "NaN or infinity", 4, ("a: x nan", "a: x -inf", "b: x inf")),
        ("correlate x, y", "NaN or infinity", 4, ("x nan", "x inf", "x -inf")),
        ("curvefit degree=1 x, y by k", "null value", 3, ("a: nan, null", "a: -inf, null", "b: inf, null")),
        ("curvefit degree=1 x, y by k", "NaN or infinity", 1, ("b: nan, 6.0",)),
        ("histogram bins=2 x by k", "values that are no finite numbers", 4, ("a: -inf", "a: nan", "b: inf")),
        ("dtw mode=search order=n pattern=1,2 y by k", "null in the window", 2, ("a: from point 0", "b: from point 0")),
        (
            "dtw mode=search order=n pattern=1,2 x by k",
            "NaN or infinity in the window",
            2,
            ("a: from point 0", "b: from point 0"),
        ),
    ],
)
def test_samples(query: str, reason: str, count: int, samples: Sequence[str], threads: int, batch_rows: int) -> None:
    told = {r: (n, tuple(s)) for _, r, n, s in notes(query, threads, batch_rows)}
    assert told[reason] == (count, tuple(samples))
