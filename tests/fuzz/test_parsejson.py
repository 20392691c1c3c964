"""`parsejson` over texts that Python's json wrote, and over broken ones, against Python's json, the same in every world."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa

import cortado

from .rounds import draws, rounds
from .test_json import ODD, record

Sessions = dict[str, cortado.Session]


def object_of(text: str | None) -> dict[str, Any] | None:
    """What a text holds, as Python reads it; None if it is no object."""
    try:
        value = json.loads((text or "").encode())
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def text_of(draw: random.Random) -> str | None:
    roll = draw.random()
    if roll < 0.05:
        return None
    if roll < 0.12:
        return draw.choice(ODD)
    indent = 1 if draw.random() < 0.1 else None
    text = json.dumps(record(draw, 0), ensure_ascii=draw.random() < 0.5, indent=indent)
    if draw.random() < 0.07:
        i = draw.randint(0, len(text))
        text = text[:i] + draw.choice(['"', "{", "}", "\\", ",", "\x01", "]", "\n"]) + text[i + draw.randint(0, 2) :]
    return text


def without_nulls(value: Any) -> Any:
    return {k: v for k, v in value.items() if v is not None} or None if isinstance(value, dict) else value


def test_fields_are_those_that_python_reads(ways: Sessions) -> None:
    draw = draws("parsejson objects")
    for _ in rounds(20):
        texts = [json.dumps(record(draw, 0), ensure_ascii=draw.random() < 0.5) for _ in range(draw.choice([1, 3, 40]))]
        shown: list[str | None] = [t if draw.random() < 0.9 else None for t in texts]
        rows = [object_of(t) or {} for t in shown]
        names = list(dict.fromkeys(k for r in rows for k in r))
        table = pa.table({"line": pa.array(shown, pa.string()), "id": range(len(shown))})
        for name, session in ways.items():
            result = session.query("table t | parsejson overlay=t", sources={"t": table}).run()
            assert not result.notes, (name, result.notes)
            assert result.to_arrow().column_names == ["line", "id", *names], name
            got = [{k: without_nulls(r[k]) for k in names} for r in result.to_pylist()]
            assert got == [{k: without_nulls(r.get(k)) for k in names} for r in rows], (name, shown)


def test_broken_texts_are_those_that_python_refuses(ways: Sessions) -> None:
    draw = draws("parsejson texts")
    for _ in rounds(40):
        texts = [text_of(draw) for _ in range(draw.choice([1, 5, 30]))]
        bad = sum(t is not None and object_of(t) is None for t in texts)
        table = pa.table({"line": pa.array(texts, pa.string())})
        options = draw.choice(["", "infer=2 ", "flatten=t ", "cutoff=1 ", "fields=a,b,f "])
        seen: set[str] = set()
        for name, session in ways.items():
            result = session.query(f"table t | parsejson {options}errors=why overlay=t", sources={"t": table}).run()
            assert sum(n.count for n in result.notes if n.reason == "json") == bad, (name, texts)
            rows = result.to_pylist()
            assert [r["line"] for r in rows] == texts, name
            json_faults = [i for i, r in enumerate(rows) if r["why"] == "json"]
            assert json_faults == [i for i, t in enumerate(texts) if t is not None and object_of(t) is None], (
                name,
                texts,
            )
            notes = sorted((n.kind, n.reason, n.count) for n in result.notes)
            seen.add(repr((result.to_arrow().schema.to_string(), rows, notes)))
        assert len(seen) == 1, (options, texts)


def test_lines_of_a_file_are_read_as_texts_are(ways: Sessions, tmp_path: Path) -> None:
    draw, path = draws("parsejson lines"), tmp_path / "x.log"
    for _ in rounds(10):
        texts = [t.replace("\n", " ").replace("\r", " ") for _ in range(40) if (t := text_of(draw)) is not None]
        end = draw.choice(["\n", "\r\n"])
        path.write_bytes("".join(t + end for t in texts).encode())
        table = pa.table({"line": pa.array([*texts], pa.string())})
        where = draw.choice(["", 'search line != "*b*" | '])
        for name, session in ways.items():
            lines = session.query(f"textfile {path} | {where}parsejson errors=why | fields - _time").run()
            same = session.query(f"table t | {where}parsejson errors=why", sources={"t": table}).run()
            assert repr(lines.to_pylist()) == repr(same.to_pylist()), (name, texts)  # NaN equals nothing
            told = [[(n.kind, n.reason, n.count) for n in r.notes if n.stage != "1"] for r in (lines, same)]
            assert told[0] == told[1], name
