"""The parsers of `parse` over lines that are nearly right: compiled kernels, patterns and any size of batch say the same."""

from __future__ import annotations

import random
from pathlib import Path

import cortado

from .rounds import draws, rounds

Sessions = dict[str, cortado.Session]
HEADS = ["<34>", "<191>", "<192>", "<007>", "<0>", "<>", "<34", "", "", "<165>1 "]
TIMES = ["Oct 11 22:14:15", "Oct  1 02:14:15", "Oct 1 02:14:15", "oct 11 22:14:15", "Feb 30 10:00:00", "Oct 11 22:14:1",
         "2026-01-02T03:04:05.678+09:00", "2003-10-11T22:14:15.003Z", "-"]  # fmt: skip
WORDS = ["host", "10.0.0.1", "fe80::1", "app[12]:", "app:", "app[x]:", "app[]:", "a/b[1]", "[x]:", ":", "kernel:", "한:", "a:b", "-",
         "ID47", '[a b="c\\"]d"]', "msg text", "", "\t", "p[1 2]:", "p[1]x", "end:"]  # fmt: skip
PAIRS = [
    "a=1",
    'msg="x y"',
    'k="\\"q\\" \\n"',
    "CEF:0|a|b\\|c|d|e|f|g|",
    "x=",
    "=y",
    "word",
    "h\\=i=j",
    "한=글",
    "|",
    '"',
    "a=2",
]
ISO = [
    "2026-01-02T03:04:05Z x",
    "[2026-01-02 03:04:05,123] y",
    "2026-01-02 rest",
    "2026-01-02T03:04",
    "2026-1-2",
    "x 2026-01-02",
]


def syslog(draw: random.Random) -> str:
    text = draw.choice(HEADS) + draw.choice(TIMES) + draw.choice([" ", "  ", "\t", ""])
    text += draw.choice([" ", " ", "  "]).join(draw.choice(WORDS) for _ in range(draw.randrange(6)))
    return bitten(draw, text)


def pairs(draw: random.Random) -> str:
    return bitten(draw, draw.choice([" ", "", "|"]).join(draw.choice(PAIRS) for _ in range(draw.randrange(8))))


def iso(draw: random.Random) -> str:
    return bitten(draw, draw.choice(ISO))


def bitten(draw: random.Random, text: str) -> str:
    """Mostly as it is; else a character more, or some less."""
    if draw.random() < 0.8:
        return text
    i = draw.randint(0, len(text))
    return text[:i] + draw.choice(["", " ", ":", "[", "]", "\x01", "é", "<"]) + text[i + draw.randint(0, 2) :]


def test_lines_are_parsed_alike(ways: Sessions, tmp_path: Path) -> None:
    draw, path = draws("parsers"), tmp_path / "x.log"
    made = {"syslog": syslog, "logfmt": pairs, "cef": pairs, "iso_time": iso}
    for _ in rounds(6):
        for parser, line in made.items():
            path.write_text("\n".join(line(draw) for _ in range(60)) + "\n", encoding="utf-8")
            seen = {}
            for name, session in ways.items():
                text = f"textfile {path} | parse errors=why overlay=t {parser}"
                result = session.query(text if parser in ("syslog", "iso_time") else f"{text} | fields - _time").run()
                notes = [(n.kind, n.reason, n.count, n.samples) for n in result.notes if n.stage != "1"]
                seen[name] = repr((result.to_arrow().schema.names, result.to_pylist(), notes))
            assert len(set(seen.values())) == 1, (parser, path.read_text(encoding="utf-8"))
