"""`parsecsv` over records that Python's csv wrote."""

from __future__ import annotations

import csv
import io
from typing import Any

import pyarrow as pa

import cortado

from .rounds import draws, rounds

Sessions = dict[str, cortado.Session]
CELLS = [
    "",
    "a",
    "1.5",
    "a b",
    'say "hi"',
    "x,y",
    "line\nbreak",
    "한글",
    "\U0001f642",
    '"',
    ",",
    "\r\n",
    "'q'",
    " lead",
]


def test_cells_are_those_that_python_wrote(ways: Sessions) -> None:
    draw = draws("parsecsv")
    for _ in rounds(25):
        quoting: Any = draw.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
        rows = [[draw.choice(CELLS) for _ in range(draw.randrange(1, 5))] for _ in range(draw.choice([1, 4, 50]))]
        texts: list[str | None] = []
        for row in rows:
            out = io.StringIO()
            csv.writer(out, quoting=quoting).writerow(row)
            texts.append(out.getvalue().removesuffix("\r\n") if draw.random() < 0.95 else None)
        width = max((len(r) for r, t in zip(rows, texts, strict=True) if t is not None), default=0)
        names = [f"column{i}" for i in range(width)]
        quoted = quoting == csv.QUOTE_ALL
        wanted = []
        for row, text in zip(rows, texts, strict=True):
            alone = quoted or len(row) == 1  # an empty cell that is the whole record stands in quotes
            cells = [c if c or alone else None for c in row] if text is not None else []
            wanted.append(dict.fromkeys(names) | dict(zip(names, cells, strict=False)))
        table = pa.table({"line": pa.array(texts, pa.string()), "id": range(len(texts))})
        for name, session in ways.items():
            result = session.query("table t | parsecsv", sources={"t": table}).run()
            assert not result.notes, (name, texts, result.notes)
            assert result.to_pylist() == wanted, (name, texts)
