"""The compiled reader of access logs against the pattern that defines it, on real lines and on mangled ones."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from cortado.engine.arrow import bytes_of
from cortado.engine.batch import PAD, Spans
from cortado.engine.kernels import accesslog
from cortado.engine.parsers import PARSERS
from cortado.engine.regex import compile_re2
from cortado.engine.regextiers import extract

LOG = Path(__file__).parents[3] / "examples" / "access_log"
PIECES = ['"', " ", "-", "[", "]", "\\", "\t", "é", "", "  ", '" "', "200", "GET ", "] ", " HTTP/1.1"]


def spans_of(lines: list[str]) -> Spans:
    raw = [line.encode() for line in lines]
    buffer = pa.allocate_buffer(sum(len(r) + 1 for r in raw) + 2 * PAD)
    data = bytes_of(buffer)
    start, length, at = [], [], PAD
    for r in raw:
        data[at : at + len(r)] = np.frombuffer(r, np.uint8)
        start.append(at)
        length.append(len(r))
        at += len(r) + 1
    return Spans(buffer, data, np.array(start, np.int32), np.array(length, np.int32))


def mangled(lines: list[str], n: int) -> list[str]:
    rng = random.Random(5)
    out = []
    for _ in range(n):
        line = rng.choice(lines)
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(line) + 1)
            line = line[:at] + rng.choice(PIECES) + line[at + rng.randint(0, 2) :]
        out.append(line)
    return out


def test_the_kernel_agrees_with_the_pattern() -> None:
    lines = LOG.read_text().splitlines()[:1500]
    odd = ["", "-", 'a b c [t] "" 200 1', 'a b c [t] "GET  HTTP/1.1" - -', '- - - [x] "a" 200 -']
    lines = [*lines, *mangled(lines, 6000), *odd]
    text = spans_of(lines)
    n = len(lines)
    starts, lengths = np.empty((11, n), np.int32), np.empty((11, n), np.int32)
    status = np.empty(n, np.uint8)
    unsure = accesslog.access_log(text.data, text.start, text.length, starts.ravel(), lengths.ravel(), status)
    assert unsure == int((status == accesslog.UNSURE).sum()) < n // 2
    found: list[Any] = extract(text, compile_re2(PARSERS["access_log"].pattern), list(range(12)))
    sure = np.flatnonzero(status == accesslog.DONE)
    assert (found[0].length[sure] >= 0).all()
    for group in range(1, 12):
        got = Spans(text.buffer, text.data, starts[group - 1], lengths[group - 1])
        for row in sure.tolist():
            assert got.text(row) == found[group].text(row), (lines[row], group)


def test_real_lines_are_sure() -> None:
    text = spans_of(LOG.read_text().splitlines())
    n = len(text)
    places = np.empty((2, 11 * n), np.int32)
    assert (
        accesslog.access_log(text.data, text.start, text.length, places[0], places[1], np.empty(n, np.uint8)) < n // 100
    )
