"""`parsekv` against a reader of single characters, over texts of delimiters, quotes, backslashes and letters of all sizes."""

from __future__ import annotations

import random
import unicodedata
from pathlib import Path

import pyarrow as pa

import cortado

from .rounds import draws, rounds

Sessions = dict[str, cortado.Session]
BLANKS = " \t\n\r\x0b\x0c"
DELIMITERS = [("=", " "), ("=", ","), (":", ","), ("=>", "&&"), ("==", "; "), ("=", "\x01"), (" ", ";"), ("→", "§")]


def trimmed(text: str) -> str:
    return text.strip(BLANKS)


def reference(text: str, kv: str, pair: str) -> dict[str, str]:
    """The pairs of one text, as the language page and the command's details describe them."""
    out: dict[str, str] = {}
    at = 0
    while True:
        while at < len(text) and text[at] in BLANKS:
            at += 1
        equals = text.find(kv, at)
        if equals < 0:
            return out
        key, quoted = key_of(text, at, equals, pair)
        value, at = value_of(text, equals + len(kv), pair)
        if key or (quoted and key):
            out[unicodedata.normalize("NFC", key)] = value


def key_of(text: str, at: int, equals: int, pair: str) -> tuple[str, bool]:
    before = text[at:equals]
    whole = before.rstrip(BLANKS)
    if whole.endswith('"'):
        opening = whole.rfind('"', 0, len(whole) - 1)
        if opening >= 0 and (opening == 0 or whole[opening - 1] in BLANKS or whole[opening - 1] == pair[-1]):
            return whole[opening + 1 : -1], True
    return trimmed(before.rpartition(pair)[2]), False


def value_of(text: str, begin: int, pair: str) -> tuple[str, int]:
    border = text.find(pair, begin)
    after = len(text) if border < 0 else border + len(pair)
    border = len(text) if border < 0 else border
    raw = text[begin:border].lstrip(BLANKS)
    if raw[:1] in ('"', "'") and raw:
        start = border - len(raw) + 1
        end = closing(text, start, raw[0], pair)
        if end is not None:
            nxt = text.find(pair, end + 1)
            return unescaped(text[start:end]), len(text) if nxt < 0 else nxt + len(pair)
    return raw.rstrip(BLANKS), after


def closing(text: str, start: int, quote: str, pair: str) -> int | None:
    i = start
    while i < len(text):
        if text[i] == "\\":
            i += 2
            continue
        if text[i] == quote:
            rest = text[i + 1 :]
            blank = len(rest) - len(rest.lstrip(BLANKS))
            if not rest.strip(BLANKS) or any(rest.startswith(pair, j) for j in range(blank + 1)):
                return i
        i += 1
    return None


def unescaped(text: str) -> str:
    out, i = "", 0
    while i < len(text):
        if text[i] == "\\" and text[i + 1 : i + 2] in ('"', "'", "\\"):
            i += 1
        out += text[i]
        i += 1
    return out


def text_of(draw: random.Random, kv: str, pair: str) -> str | None:
    if draw.random() < 0.05:
        return None
    if draw.random() < 0.5:  # mostly well formed
        pairs = [f"{word(draw)}{kv}{value(draw)}" for _ in range(draw.randrange(6))]
        return pair.join(pairs)
    parts = [kv, pair, '"', "'", "\\", " ", "a", "bc", "key", "한", "e\u0301", "\U0001f642", "12345678", "\t", "=", ","]
    return "".join(draw.choice(parts) for _ in range(draw.randrange(20)))


def word(draw: random.Random) -> str:
    return draw.choice(
        ["a", "b", "user", "a_key_of_some_length", "a_key_of_some_lengtH", "키", "é", "e\u0301", '"two words"']
    )


def value(draw: random.Random) -> str:
    return draw.choice(
        ["", "1", "x", '"a b"', "'c'", '"say \\"x\\""', '"', "a=b", '"un', "\\", '"\\\\"', "한글", '"x"y']
    )


def test_pairs_are_those_of_the_reference(ways: Sessions) -> None:
    draw = draws("pairs")
    for _ in rounds(25):
        kv, pair = draw.choice(DELIMITERS)
        texts = [text_of(draw, kv, pair) for _ in range(draw.choice([1, 2, 30, 80]))]
        rows = [reference(t, kv, pair) if t is not None else {} for t in texts]
        table = pa.table({"line": pa.array(texts, pa.string())})
        options = f'kvdelim="{spelled(kv)}" pairdelim="{spelled(pair)}"'
        names = list(dict.fromkeys(k for row in rows for k in row))
        for name, session in ways.items():
            got = session.query(f"table t | parsekv {options}", sources={"t": table}).run()
            assert sorted(got.to_arrow().column_names) == sorted(names), (name, kv, pair, texts)
            assert got.to_pylist() == [{n: r.get(n) for n in got.to_arrow().column_names} for r in rows], (
                name,
                kv,
                pair,
            )
            empty = sum(not r and t is not None for r, t in zip(rows, texts, strict=True))
            assert [(n.reason, n.count) for n in got.notes] == ([("no pair", empty)] if empty else []), name
            some = [n for n in names if n.isidentifier()][:3] or ["a"]
            closed = session.query(f"table t | parsekv {options} {', '.join(some)}", sources={"t": table}).run()
            assert closed.to_pylist() == [{n: r.get(n) for n in some} for r in rows], (name, kv, pair)


def spelled(delimiter: str) -> str:
    return delimiter.replace("\x01", "\\u0001")


def test_fields_stand_in_the_order_in_which_they_first_appear(ways: Sessions, tmp_path: Path) -> None:
    draw = draws("order of keys")
    for _ in rounds(10):
        keys = [f"k{i}" for i in range(30)]
        lines = [" ".join(f"{k}=1" for k in draw.sample(keys, draw.randrange(4))) for _ in range(200)]
        wanted = list(dict.fromkeys(p.partition("=")[0] for line in lines for p in line.split()))
        path = tmp_path / "x.log"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        for name, session in ways.items():
            got = session.query(f"textfile {path} | parsekv").run().to_arrow().column_names
            assert got == [*wanted, "_time"], name
