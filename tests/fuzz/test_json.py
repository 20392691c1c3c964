"""`jsonfile` over objects that Python's json wrote, and over broken ones, the same in every way of reading."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import cortado

from .damage import bitten, same_everywhere
from .rounds import draws, rounds

Sessions = dict[str, cortado.Session]
FIELDS: dict[str, list[Any]] = {
    "a": [1, 2, -3, None], "b": ["x", "한글", "\U0001f642", 'q"q', "", "2026-11-01", None], "c": [1.5, 2, 1e300, None], "d": [True, False],
    "e": [[1, 2], [], None], "f": [{"p": 1}, {"p": 2, "q": "z"}, None],
}  # fmt: skip
ODD = ["", "  ", "null", "1", '"x"', "[]", "[{}]", "{", "}", "{}", "tru", "{'a':1}", "{a:1}", '{"a":1,}', '{"a":NaN}', '{"a":1}{"a":2}',
       '{"a":1} x', '{"a":1,"a":2}', '{"a":"\\ud800"}', '{"a":01}', '{"a":1e999}', '{"a":"\\u12"}', '{"a":"\t"}', '\ufeff{"a":1}',
       '{"b":' + "[" * 300 + "]" * 300 + "}", '{"z\\ude42":null}', '{"f":{"r":{"s":[1]}}}', ' {"a":1} ']  # fmt: skip
VALUES: list[Any] = [
    1,
    0,
    1.5,
    1e300,
    True,
    None,
    "",
    "1.5",
    "2026-11-01",
    2**63 - 1,
    2**63,
    -(2**63),
    12345678901234567890123,
    [[]],
    [{"p": 1}],
    {"r": 1},
]
OPTIONS = ["", "", "overlay=t ", "rest=t ", "infer=2 ", "infer=all ", "bad=skip ", "limit=3 ", "offset=2 "]


def record(draw: random.Random, wrong: float) -> dict[str, Any]:
    out = {k: draw.choice(v if draw.random() >= wrong else VALUES) for k, v in FIELDS.items() if draw.random() < 0.75}
    if draw.random() < wrong:
        out[draw.choice(["zz", "a.b", "", "_line", "line", "_time"])] = draw.choice(VALUES)
    return out


def test_objects_are_what_python_wrote(ways: Sessions, tmp_path: Path) -> None:
    draw, path = draws("json objects"), tmp_path / "x.json"
    for _ in rounds(15):
        rows = [record(draw, 0) for _ in range(draw.choice([1, 3, 40]))]
        texts = [json.dumps(r, ensure_ascii=draw.random() < 0.5) for r in rows]
        path.write_text("[" + ",\n".join(texts) + "]" if draw.random() < 0.3 else "\n".join(texts), encoding="utf-8")
        for name, session in ways.items():
            result = session.query(f"jsonfile infer=all {path}").run()
            assert not result.notes, (name, result.notes)
            got = result.to_pylist()
            assert [{k: v for k, v in r.items() if k != "f"} for r in got] == [
                {k: r.get(k) for k in result.to_arrow().column_names if k != "f"} for r in rows
            ], name
            maps = [({k: v for k, v in r["f"].items() if v is not None} if r.get("f") else None) for r in got]
            assert maps == [r.get("f") for r in rows], name


def line(draw: random.Random) -> str:
    if draw.random() < 0.05:
        return draw.choice(ODD)
    text = json.dumps(record(draw, 0.07), ensure_ascii=draw.random() < 0.5)
    if draw.random() < 0.05:
        i = draw.randint(0, len(text))
        text = text[:i] + draw.choice(['"', "{", "}", "\\", ",", "\x01", "]"]) + text[i + draw.randint(0, 2) :]
    return text


def test_broken_files_are_read_alike(ways: Sessions, tmp_path: Path) -> None:
    draw, path = draws("json bytes"), tmp_path / "x.json"
    for _ in rounds(60):
        texts = [line(draw) for _ in range(draw.choice([0, 1, 4, 30]))]
        whole = "\n".join(texts) if draw.random() < 0.6 else "[" + draw.choice([",", ",\n"]).join(texts) + "]"
        data = whole.encode() + draw.choice([b"", b"\n"])
        path.write_bytes(bitten(draw, data) if draw.random() < 0.4 else data)
        same_everywhere(ways, f"jsonfile {draw.choice(OPTIONS)}{path}", path)
