"""`rex` over random lines, whatever bytes they hold, says what Python's `re` says; so do the two-word kernel and `parse access_log`."""

from __future__ import annotations

import random
import re
from pathlib import Path

import cortado

from .rounds import draws, rounds

Sessions = dict[str, cortado.Session]
TWO_WORDS = [r"^(?<a>\S+).* (?<b>\S+)$", r"^(?<a>\S+).* (\S+)$", r"^(?P<a>\S+).* (?P<b>\S+)$", r"^(\S+).* (?<b>\S+)$"]
ATOMS = [r"\S", r"\d", r"\w", ".", "[a-c]", "[^ ]", r"[^\"]", r"\s", " ", "a", "b", "-", r"\.", r"\[", "é", "한", "=", r"\"", "[0-9a-f]",
         r"[^\]]", "[가-힣]", r"\x41", r"\t", "/", r"\D", r"\W"]  # fmt: skip
REPEATS = ["", "", "", "*", "+", "?", "*?", "+?", "??", "{1,3}", "{2}", "{0,2}?"]
PIECES = [b"a", b"b", b"abc", b"1", b"42", b"-", b'"q"', b"[x]", b"=", "한".encode(), "é".encode(), "🙂".encode(), b"\xff", b"\xc3", b"\xed\xa0\x80",
          b"\xf0\x9f", b"\0", b"\t", b"\r", b"\x0c", b"\x1c", b"\xc2\x85", b"\xe2\x80\xa8", b"\xc2\xa0", b"/", b".", b"z" * 70, b"ABC", b"\\"]  # fmt: skip


def sequence(draw: random.Random, depth: int, names: list[str]) -> str:
    out = ""
    for _ in range(draw.randint(1, 4)):
        kind = draw.random()
        if kind < 0.65 or depth == 0:
            out += draw.choice(ATOMS) + draw.choice(REPEATS)
        elif kind < 0.9:
            names.append(f"g{len(names)}")
            out += f"(?<{names[-1]}>{sequence(draw, depth - 1, names)})" + draw.choice(["", "", "", "?"])
        else:
            out += f"(?:{sequence(draw, depth - 1, names)}|{sequence(draw, depth - 1, names)})"
    return out


def pattern(draw: random.Random) -> str:
    if draw.random() < 0.3:
        return draw.choice(TWO_WORDS)
    names: list[str] = []
    body = sequence(draw, 2, names)
    if not names:
        body = f"(?<g0>{body})"
    return draw.choice(["", "^"]) + body + draw.choice(["", "$"])


def line(draw: random.Random, longest: int) -> bytes:
    kind = draw.random()
    if kind < 0.1:
        return b" " * draw.choice([0, 0, 1, 5])
    if kind < 0.13:
        return b"x" * draw.randint(1, longest) + b" " + draw.choice(PIECES)
    return draw.choice([b" ", b" ", b"", b"  "]).join(draw.choice(PIECES) for _ in range(draw.randint(1, 7)))


def python_form(text: str) -> re.Pattern[str]:
    """Python writes named groups with P, and its `$` stands before a last newline, too."""
    named = re.sub(r"\(\?<(\w)", r"(?P<\1", text)
    return re.compile(named[:-1] + r"\Z" if named.endswith("$") else named, re.ASCII)


def lines_of(data: bytes) -> list[bytes]:
    found = data.split(b"\n")
    if found[-1] == b"":
        found.pop()
    return [x.removesuffix(b"\r") for x in found]


def test_rex_says_what_python_says(ways: Sessions, tmp_path: Path) -> None:
    draw, path = draws("rex"), tmp_path / "x.log"
    for _ in rounds(40):
        text = pattern(draw)
        longest = 70_000 if text in TWO_WORDS else 60  # Python tries in vain for hours on some long lines
        data = b"".join(
            line(draw, longest) + draw.choice([b"\n", b"\n", b"\r\n"]) for _ in range(draw.choice([0, 1, 2, 30, 120]))
        )
        path.write_bytes(data[:-1] if draw.random() < 0.3 else data)
        judge = python_form(text)
        names, wanted, missed, broken = list(judge.groupindex), [], 0, 0
        for raw in lines_of(path.read_bytes()):
            decoded = raw.decode("utf-8", "replace")
            found = judge.search(decoded)
            missed += found is None
            broken += decoded.encode() != raw
            wanted.append((decoded, *(found[n] if found else None for n in names)))
        query = f"textfile {path} | rex field=line '{text}' | fields line, {', '.join(names)}"
        for name, session in ways.items():
            result = session.query(query).run()
            rows = [tuple(r.values()) for r in result.to_pylist()]
            assert rows == wanted, (name, query, [p for p in zip(rows, wanted, strict=False) if p[0] != p[1]][:1])
            counts = {n.reason: n.count for n in result.notes if n.kind == "reject"}
            assert (counts.get("no match", 0), counts.get("utf8", 0)) == (missed, broken), (name, query)  # fmt: skip


GOOD = [
    '1.2.3.4 - - [10/Oct/2000:13:55:36 -0700] "GET /a?b=1 HTTP/1.0" 200 2326',
    '::1 - bob [01/Jan/2026:00:00:00 +0000] "POST /x HTTP/1.1" 500 - "http://r/" "Mozilla/5.0 (X11)"',
    'h - - [29/Feb/2024:23:59:59 +0900] "GET /\\"q\\" HTTP/1.1" 304 0 "-" "-"',
    '9.9.9.9 - - [10/Oct/2000:13:55:36 -0700] "-" 408 -', '9.9.9.9 i u [10/Oct/2000:13:55:36 -0700] "GET /" 200 1 "a" "b"',
]  # fmt: skip


def test_access_log_says_the_same_compiled(ways: Sessions, tmp_path: Path) -> None:
    draw, path = draws("access log"), tmp_path / "access.log"
    for _ in rounds(12):
        lines = []
        for _ in range(60):
            raw = bytearray(draw.choice(GOOD).encode())
            for _ in range(draw.choice([0, 0, 1, 1, 2])):
                i = draw.randrange(len(raw))
                match draw.randint(0, 3):
                    case 0:
                        del raw[i : i + draw.randint(1, 5)]
                    case 1:
                        raw[i] = draw.choice(b' "-[]\\x0\xff')
                    case 2:
                        raw[i:i] = draw.choice([b" ", b'"', b"\\", b"\\\\", "한".encode()])
                    case _:
                        del raw[i:]
                        break
            lines.append(bytes(raw))
        path.write_bytes(b"\n".join(lines))
        query = f"textfile {path} | parse access_log"
        first, *others = [(name, s.query(query).run()) for name, s in ways.items()]
        for name, other in others:
            assert other.to_arrow().equals(first[1].to_arrow()), name
            assert other.notes == first[1].notes, name
