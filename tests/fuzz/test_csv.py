"""`csvfile` over what Python's csv wrote, ragged records too; and over broken bytes, the same in every way of reading."""

from __future__ import annotations

import csv
import io
import random
from pathlib import Path
from typing import Any

import cortado

from .damage import bitten, same_everywhere
from .rounds import draws, rounds

Sessions = dict[str, cortado.Session]
CELLS = ["", "a", "b c", "1", "-2.5", "한글", "x,y", 'q"q', "line\nbreak", "cr\r\nlf", " lead", "trail ", "null", "true", "2026-11-01", '"',
         "''", "\t", "0012", "1e5", "long" * 30, "#x", ";"]  # fmt: skip
QUOTINGS: list[Any] = [csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]


def test_cells_are_what_python_wrote(ways: Sessions, tmp_path: Path) -> None:
    draw, path = draws("csv cells"), tmp_path / "x.csv"
    for _ in rounds(40):
        width, sep = draw.randint(1, 5), draw.choice([",", ",", ";", "\t", "|"])
        rows = []
        for _ in range(draw.choice([0, 1, 3, 10, 60])):
            size = max(1, width + draw.choice([0] * 12 + [-1, 1, 2]))
            rows.append([draw.choice(CELLS) for _ in range(size)])
        out = io.StringIO()
        writer = csv.writer(
            out, delimiter=sep, lineterminator=draw.choice(["\n", "\r\n"]), quoting=draw.choice(QUOTINGS)
        )
        writer.writerow([f"c{i}" for i in range(width)])
        writer.writerows(rows)
        path.write_bytes(draw.choice([b"", b"", b"\xef\xbb\xbf"]) + out.getvalue().encode())
        wanted = [[c or None for c in [*row[:width], *[None] * (width - len(row))]] for row in rows]
        counts = {"short": sum(len(r) < width for r in rows), "surplus": sum(len(r) > width for r in rows)}
        query = f"csvfile types=f sep={'tab' if sep == chr(9) else repr(sep)} {draw.choice(['', 'strict=t '])}{path}".replace(
            "sep=tab", "tab=t"
        )
        for name, session in ways.items():
            result = session.query(query.replace("'", '"')).run()
            assert [[c or None for c in r.values()] for r in result.to_pylist()] == wanted, (
                name,
                query,
                path.read_bytes(),
            )
            assert {n.reason: n.count for n in result.notes if n.kind == "reject"} == {k: n for k, n in counts.items() if n}  # fmt: skip


KINDS = [["1", "2", "-3", "", "4"], ["1.5", "2", "", "nan"], ["2026-11-01", "2026-11-01T10:00:00Z", ""], CELLS]
OPTIONS = ["", "types=f ", "rest=t ", "infer=2 ", "infer=all ", "strict=t ", "bad=skip ", "header=f ", "limit=3 ", "offset=1 ", "bad=fail ",
           "maxcol=2 "]  # fmt: skip


def file_bytes(draw: random.Random) -> bytes:
    kinds = [draw.choice(KINDS) for _ in range(draw.randint(1, 4))]
    rows = [",".join(draw.choice([f"c{i}"] * 8 + ["", "c0", "_rest", "a b", "_time"]) for i in range(len(kinds)))]
    for _ in range(draw.choice([0, 1, 4, 30])):
        size = max(0, len(kinds) + draw.choice([0] * 15 + [-2, -1, 1, 3]))
        cells = [draw.choice(kinds[i % len(kinds)] if draw.random() < 0.95 else CELLS) for i in range(size)]
        rows.append(",".join('"' + c.replace('"', '""') + '"' if draw.random() < 0.2 else c for c in cells))
    return draw.choice(["\n", "\n", "\r\n"]).join(rows).encode() + draw.choice([b"", b"\n"])


def test_broken_files_are_read_alike(ways: Sessions, tmp_path: Path) -> None:
    draw, path = draws("csv bytes"), tmp_path / "x.csv"
    for _ in rounds(60):
        data = file_bytes(draw)
        path.write_bytes(bitten(draw, data) if draw.random() < 0.5 else data)
        same_everywhere(ways, f"csvfile {draw.choice(OPTIONS)}{path}", path)
