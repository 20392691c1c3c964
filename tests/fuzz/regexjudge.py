"""What the engine finds of a pattern against RE2 as pyarrow has it, over the same lines lying in memory in several ways."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cortado.engine.batch import PAD, Spans
from cortado.engine.regex import Pattern, PatternError, compile_re2, find_all, replace_all
from cortado.engine.regexevery import all_matches, replaced
from cortado.engine.regextiers import find, search

from .patterns import lines, pattern

Rows = list[Any]


def judged(text: pa.Array[Any], made: Pattern, groups: Sequence[int]) -> Rows:
    """Of each row None, or the texts of the groups, by `extract_regex`; a group that took no part is null."""
    names = [f"g{g}" for g in groups]
    spans: Any = cast(Any, pc).extract_regex_span(text, pattern=made.keep(groups))
    raw = [None if v is None else v.encode() for v in text.to_pylist()]
    out: Rows = []
    for line, row in zip(raw, spans.to_pylist(), strict=True):
        if row is None or line is None:
            out.append(None)
        else:
            pairs = [row[n] for n in names]
            out.append(tuple(None if p is None else line[p[0] : p[0] + p[1]].decode() for p in pairs))
    return out


def tight(values: Sequence[str | None]) -> pa.Array[Any]:
    """An Arrow column whose text ends where its buffer does, and begins where it begins."""
    raw = [b"" if v is None else v.encode() for v in values]
    offsets = np.cumsum([0, *map(len, raw)]).astype(np.int32)
    bits = np.packbits([v is not None for v in values], bitorder="little")
    buffers: list[pa.Buffer | None] = [
        pa.py_buffer(bits.tobytes()),
        pa.py_buffer(offsets.tobytes()),
        pa.py_buffer(b"".join(raw)),
    ]
    return pa.Array.from_buffers(pa.string(), len(values), buffers)


def spread(values: Sequence[str | None]) -> Spans:
    """The same rows as a scan has them, a newline between."""
    raw = [b"" if v is None else v.encode() for v in values]
    data = np.full(sum(map(len, raw)) + len(raw) + 2 * PAD, 10, np.uint8)
    start, length, at = np.zeros(len(raw), np.int32), np.full(len(raw), -1, np.int32), PAD
    for i, (value, text) in enumerate(zip(values, raw, strict=True)):
        data[at : at + len(text)] = np.frombuffer(text, np.uint8)
        start[i] = at
        length[i] = -1 if value is None else len(text)
        at += len(text) + 1
    return Spans(pa.py_buffer(data), data, start, length)  # type: ignore[arg-type]


def texts(column: pa.Array[Any] | Spans) -> list[str | None]:
    found = column.to_arrow() if isinstance(column, Spans) else column
    return found.to_pylist()


def _wrong_every(text: pa.Array[Any], made: Pattern, group: int) -> str:
    """What the functions over all matches give that RE2 alone does not."""
    if not all_matches(text, made, group, compiled=True).equals(find_all(text, made, group)):
        return "all matches differ"
    if not replaced(text, made, r"<\0>", compiled=True).equals(replace_all(text, made, r"<\0>")):
        return "replacements differ"
    return ""


def wrong(draw: random.Random, n_lines: int, counted: Counter[str]) -> str:
    """One pattern over `n_lines` lines; what differs, or nothing. RE2 must take the pattern, else nothing is compared."""
    drawn = pattern(draw)
    try:
        made = compile_re2(drawn.text)
    except (PatternError, UnicodeError):
        counted["refused by RE2"] += 1
        return ""
    values: list[str | None] = list(lines(draw, drawn, n_lines))
    values[draw.randrange(n_lines)] = None
    plain = tight(values)
    some = sorted(draw.sample(range(1, made.n_groups + 1), draw.randint(0, made.n_groups)))
    groups = [0, *some] if draw.random() < 0.8 or not some else some
    right = judged(plain, made, groups)
    for way, column in (("array", plain), ("spans", spread(values))):
        found = find(column, made, groups, compiled=True)
        if not np.array_equal(found.matched, search(column, made, compiled=True)):
            return f"{drawn.text!r}: search and find differ"
        got = [texts(found.column(g, column)) for g in groups]
        for i, row in enumerate(zip(*got, strict=True)):
            mine = row if found.matched[i] else None
            if mine != right[i] or (mine is None and any(v is not None for v in row)):
                return f"{drawn.text!r} by {found.tier} over {way} {values[i]!r}: {mine!r}, not {right[i]!r}"
    if (problem := _wrong_every(plain, made, groups[-1])) != "":
        return f"{drawn.text!r}: {problem}"
    counted[found.tier] += n_lines
    counted["matched"] += int(found.matched.sum())
    return ""
