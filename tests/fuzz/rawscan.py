"""Groups, sums and lines with a literal that the scan of a text file finds by itself, against the general path over the same file."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cortado

Draw = random.Random

PATTERNS = (
    r"^(?<k>\S+).* (?<n>\S+)$",
    r"(?<k>\w+)=(?<n>-?\d+)",
    r'"GET (?<k>\S*)" (?<n>\d*)',
    r"(?<k>[a-z]+)(?: (?<n>\d+))?",
    r"^(?<k>[^ ]*) [^\d]*(?<n>[+-]?\d+)",
    r"(?i)user-(?<k>\w+) (?<n>\S+)",
)
TAILS = (
    "| eval v = long(n) | stats sum(v), count by k",
    "| eval n = long(n) | stats sum(n), avg(n), count(n), count(k) by k",
    "| search isnotnull(k) | stats count by k",
    "| search isnotnull(k) | eval n = long(n) | stats sum(n) by k",
    "| search isnotnull(k) and isnotnull(n) | eval v = long(n), w = long(k) | stats sum(v), sum(w), count by k",
    "| stats count, count(n) by n",
    "| eval n = long(n) | stats sum(n), count",
    "| eval n = long(n) | stats sum(n) by k, n",
    "| eval n = long(n) | stats max(n), sum(n) by k",
    "| eval n = long(n) | stats sum(n) where n > 3 by k",
)
SEARCHES = (
    'search line == "*{}*" | stats count',
    'search contains(line, "{}") | fields line',
    'search contains(line, "{}") | stats count by line',
)
LITERALS = ("u1", "x ", "/p", "é", "\ufffd", "GET", "yy", "5", "-key-", "k=")
KEYS = (
    "a",
    "b",
    "user-q",
    "k15_____________",
    "k16______________",
    "10.0.0.1",
    "é",
    "",
    "a-key-that-is-longer-than-words",
    "-",
)
NUMBERS = (
    "0", "7", "-3", "+12", "0012", "9223372036854775807", "-9223372036854775808", "9999999999999999", "12345678901234567",
    "1.5", "x", "", "-", "+", "1_0", "\t5", "٣", "18446744073709551616",
)  # fmt: skip
MIDDLES = ("", " ", "  -  ", ' "GET /x" ', "=", " k=", "\t", "é日本", "\x0b", "\x00", "\r")
ENDS = (b"\n", b"\n", b"\n", b"\r\n", b"\n\n", b"\r\r\n")
BAD = (b"\xff", b"\xc3", b"\xe2\x82", b"\xed\xa0\x80", b"\xf4\x90\x80\x80")


def log(draw: Draw, n_lines: int) -> bytes:
    """Lines that are nearly alike, with what a scan may stumble over."""
    odd, kinds = draw.choice((0.0, 0.02, 0.3)), draw.choice((3, 40, n_lines))
    out = bytearray()
    for _ in range(n_lines):
        key = f"u{draw.randrange(kinds)}" if draw.random() > odd else draw.choice(KEYS)
        number = str(draw.randrange(-99, 10**6)) if draw.random() > odd else draw.choice(NUMBERS)
        middle = draw.choice((" x ", "=", ' "GET /p" ', " k=")) if draw.random() > odd else draw.choice(MIDDLES)
        line = f"{key}{middle}{number}".encode()
        if draw.random() < odd / 8:
            at = draw.randrange(len(line) + 1)
            line = line[:at] + draw.choice(BAD) + line[at:]
        if draw.random() < odd / 2000:
            line += b"y" * draw.choice((100_000, 200_000, 500_000)) + b" 5"
        out += line + (b"\n" if draw.random() > odd else draw.choice(ENDS))
    return bytes(out[:-1] if draw.random() < 0.3 else out)


def scan_wrong(
    draw: Draw, n_lines: int, folder: Path, general: cortado.Session, fast: Sequence[cortado.Session]
) -> str:
    """What differs for one log and one question; nothing where all is as it should be."""
    path = folder / "drawn.log"
    path.write_bytes(log(draw, n_lines))
    if draw.random() < 0.3:
        question = draw.choice(SEARCHES).format(draw.choice(LITERALS))
    else:
        question = f"rex field=line '{draw.choice(PATTERNS)}' {draw.choice(TAILS)}"
    asked = f"textfile '{path}' | {question}"
    right = _told(general, asked)
    for session in fast:
        if (told := _told(session, asked)) != right:
            return f"{asked}: {told}, not {right}"
    return ""


def _told(session: cortado.Session, asked: str) -> tuple[Any, Any]:
    result = session.query(asked).run()
    return result.to_pylist(), [(n.stage, n.kind, n.reason, n.count, tuple(n.samples)) for n in result.notes]
