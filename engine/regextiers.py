"""Which machine looks for a pattern: the quickest that is sure to find what RE2 finds.

SPANS: the pattern is a program of the span kernel; rows that the kernel is not sure of go to RE2. LITERAL: every match
holds a text, which the same kernel searches for first; only rows that hold it go to RE2. RE2 is for the rest, and
wherever compiled kernels are not there (yet). PYTHON is for what RE2 refuses.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..planner.records import dataclass
from . import regexpython
from .arrow import array_from, bools_of, call, int32_of, is_valid
from .batch import Spans
from .captured import CapturedLines
from .exprs import plain
from .kernels import regexcode
from .regexprogram import LITERAL, SPANS, Program, program_of, sieve_of
from .regexsyntax import Refused, Tree, parse
from .strings import MOST_BYTES, cut, strings_from, view_of

if TYPE_CHECKING:
    from .regex import Pattern

RE2, PYTHON = "RE2", "python"
SPARE = 1 << 14  # bytes of a row at the border of a buffer, which the kernel copies
WORDS = r"^(?P<g1>\S+).* (?P<g2>\S+)$"  # the first and the last word of a line

Ints = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a scan may look for: a program of the span kernel, or without one the first and the last word of a line."""

    pattern: str
    groups: tuple[int, ...]
    program: Program | None

    @property
    def tier(self) -> str:
        return SPANS if self.program is None else self.program.tier


@dataclass(frozen=True, slots=True)
class Found:
    """Of each row whether it matches, and of each wanted group the span: start in `data` and length, -1 where it took no
    part. `tier`: what looked for it."""

    data: NDArray[np.uint8]
    matched: NDArray[np.bool_]
    spans: dict[int, tuple[Ints, Ints]]
    tier: str

    def column(self, group: int, text: pa.Array[Any] | Spans) -> pa.Array[Any] | Spans:
        """The texts of a group; of Spans as Spans over the same buffer."""
        start, length = self.spans[group]
        if isinstance(text, Spans):
            return Spans(text.buffer, text.data, start, length)
        return cut(self.data, start, length)


def tier_of(pattern: Pattern, groups: Sequence[int] = ()) -> str:
    """The machine that is meant for the pattern where compiled kernels are there."""
    if pattern.python is not None:
        return PYTHON
    if program(pattern, groups) is not None:
        return SPANS
    return LITERAL if sieve(pattern) is not None else RE2


@lru_cache(maxsize=512)
def _tree(re2_text: str) -> Tree | None:
    try:
        return parse(re2_text)
    except Refused:
        return None


def program(pattern: Pattern, groups: Sequence[int]) -> Program | None:
    """The span kernel's program for these groups; None where it could not be exact."""
    return _program(pattern.re2_text, tuple(sorted(set(groups))))


@lru_cache(maxsize=512)
def _program(re2_text: str, groups: tuple[int, ...]) -> Program | None:
    tree = _tree(re2_text)
    try:
        return None if tree is None else program_of(tree, groups)
    except Refused:
        return None


def sieve(pattern: Pattern) -> Program | None:
    """A program that tells rows apart that certainly do not match; None where it would tell few."""
    return _sieve(pattern.re2_text) if pattern.python is None else None


@lru_cache(maxsize=512)
def _sieve(re2_text: str) -> Program | None:
    tree = _tree(re2_text)
    return None if tree is None else sieve_of(tree)


def find(
    text: pa.Array[Any] | Spans, pattern: Pattern, groups: Sequence[int], *, compiled: bool, is_line: bool = False
) -> Found:
    """The wanted groups of each row's first match. `compiled`: kernels are there; `is_line`: no row holds a newline."""
    wanted = tuple(sorted(set(groups)))
    data, start, length = places_of(text)
    if pattern.python is None and compiled and len(start):
        if set(wanted) <= {1, 2} and pattern.re2_text == WORDS:
            return _words(text, pattern, wanted, data, start, length, is_line)
        if (made := program(pattern, wanted)) is not None:
            return _run(text, pattern, wanted, made, data, start, length)
        if (made := sieve(pattern)) is not None:
            return _run(text, pattern, wanted, made, data, start, length)
    return _general(text, pattern, wanted, data, start, RE2, compiled=compiled)


def asked(pattern: Pattern, groups: Sequence[int]) -> Asked | None:
    """For a scan that finds the groups on its way; None where the span kernel could not."""
    wanted = tuple(sorted(set(groups)))
    if set(wanted) <= {1, 2} and pattern.re2_text == WORDS:
        return Asked(pattern.re2_text, wanted, None)
    made = program(pattern, wanted) or sieve(pattern)
    return None if made is None else Asked(pattern.re2_text, wanted, made)


def completed(lines: CapturedLines, pattern: Pattern, groups: Sequence[int]) -> Found:
    """What a scan found of the pattern, and what RE2 says of the rows that it was not sure of."""
    found = Found(
        lines.data,
        lines.status == regexcode.MATCH,
        {g: (lines.groups[g].start, lines.groups[g].length) for g in sorted(set(groups))},
        lines.tier,
    )
    rows = np.flatnonzero(lines.status == regexcode.UNSURE)
    if not len(rows):
        return found
    spans = {g: (s.copy(), n.copy()) for g, (s, n) in found.spans.items()}
    found = Found(found.data, found.matched, spans, found.tier)
    bare = Spans(lines.buffer, lines.data, lines.start, lines.length)
    _fill(found, rows, bare, pattern, lines.start)
    return found


def search(text: pa.Array[Any] | Spans, pattern: Pattern, *, compiled: bool) -> NDArray[np.bool_]:
    """Whether the pattern is found anywhere in each text; not in null."""
    if pattern.python is not None or (compiled and len(text) and tier_of(pattern) != RE2):
        return find(text, pattern, (), compiled=compiled).matched
    return bools_of(call("match_substring_regex", _lines(text, compiled), pattern=pattern.keep(())))


def places_of(text: pa.Array[Any] | Spans) -> tuple[NDArray[np.uint8], Ints, Ints]:
    """A column's bytes, and where each row begins in them and how long it is (-1: null)."""
    if isinstance(text, Spans):
        return text.data, text.start, text.length
    seen = view_of(text)
    return seen.data, seen.start, seen.length


def _words(
    text: pa.Array[Any] | Spans, pattern: Pattern, wanted: tuple[int, ...], data: Any, start: Ints, length: Ints,
    is_line: bool,
) -> Found:  # fmt: skip
    """The commonest pattern of all has a kernel of its own, five times as quick as its program."""
    from .kernels import words as kernels

    n = len(start)
    ends = np.empty((4, n), np.int32)
    status = np.empty(n, np.uint8)
    unsure = kernels.first_and_last_word(data, start, length, *ends, status, int(is_line))
    found = Found(data, status == kernels.DONE, {1: (ends[0], ends[1]), 2: (ends[2], ends[3])}, SPANS)
    if unsure:
        _fill(found, np.flatnonzero(status == kernels.UNSURE), text, pattern, start)
    return found


def _run(
    text: pa.Array[Any] | Spans, pattern: Pattern, wanted: tuple[int, ...], made: Program, data: Any, start: Ints,
    length: Ints,
) -> Found:  # fmt: skip
    from .kernels import regexspans as kernels

    n, k = len(start), len(wanted)
    starts, lengths = np.empty((k, n), np.int32), np.empty((k, n), np.int32)
    status = np.empty(n, np.uint8)
    state = np.empty(regexcode.PARTS * made.n_ops, np.int64)
    spare = np.empty(SPARE + 2 * regexcode.MARGIN, np.uint8)
    unsure = kernels.match_rows(
        data, start, length, made.code, state, spare, starts.reshape(-1), lengths.reshape(-1), status
    )
    spans = {g: (starts[i], lengths[i]) for i, g in enumerate(wanted)}
    found = Found(data, status == regexcode.MATCH, spans, made.tier)
    if unsure:
        _fill(found, np.flatnonzero(status == regexcode.UNSURE), text, pattern, start)
    return found


def _fill(found: Found, rows: NDArray[Any], text: pa.Array[Any] | Spans, pattern: Pattern, start: Ints) -> None:
    """What RE2 says of these rows, put in place."""
    some = text
    if len(rows) < len(start):
        some = text.take(rows) if isinstance(text, Spans) else text.take(array_from(rows))
    got = _general(some, pattern, tuple(found.spans), found.data, start[rows], RE2, compiled=True)
    found.matched[rows] = got.matched
    for group, (begin, length) in got.spans.items():
        found.spans[group][0][rows], found.spans[group][1][rows] = begin, length


def _general(
    text: pa.Array[Any] | Spans,
    pattern: Pattern,
    wanted: Sequence[int],
    data: Any,
    start: Ints,
    tier: str,
    *,
    compiled: bool,
) -> Found:
    """`start`: where each row lies in `data`, which may not be the memory that is searched."""
    lines = _lines(text, compiled)
    if pattern.python is not None:
        matches = regexpython.first_matches(lines, pattern.python)
        spans = {g: regexpython.spans_of(matches, g) for g in wanted}
        matched, tier = np.array([m is not None for m in matches], np.bool_), PYTHON
    else:
        matched, spans = _by_re2(lines, pattern, wanted)
    return Found(data, matched, {g: (start + s, n) for g, (s, n) in spans.items()}, tier)


def _lines(text: pa.Array[Any] | Spans, compiled: bool) -> pa.Array[Any]:
    """The rows as a column."""
    if not isinstance(text, Spans) or not compiled:
        return plain(text, len(text))
    from .kernels import rowcopy as kernels

    null = text.length < 0
    size = int(text.length.sum(where=~null, dtype=np.int64))
    if size + kernels.SLACK > MOST_BYTES:  # rows may lie over one another
        return text.to_arrow()
    out, offsets = np.empty(size + kernels.SLACK, np.uint8), np.empty(len(text) + 1, np.int32)
    kernels.copy_rows(text.data, text.start, text.length, out, offsets)
    return strings_from(offsets, out, null)


def _by_re2(
    lines: pa.Array[Any], pattern: Pattern, wanted: Sequence[int]
) -> tuple[NDArray[np.bool_], dict[int, tuple[Ints, Ints]]]:
    if not wanted:
        return bools_of(call("match_substring_regex", lines, pattern=pattern.keep(()))), {}
    found = cast(Any, call("extract_regex_span", lines, pattern=pattern.keep(wanted)))
    matched, spans = is_valid(found), {}
    for i, group in enumerate(wanted):
        pairs = found.field(i)
        flat = int32_of(pairs.values)[2 * pairs.offset : 2 * (pairs.offset + len(pairs))]
        there = matched & is_valid(pairs)
        start = np.where(there, flat[0::2], 0).astype(np.int32)
        spans[group] = start, np.where(there, flat[1::2], -1).astype(np.int32)
    return matched, spans


def extract(
    value: pa.Array[Any] | Spans, pattern: Pattern, groups: Sequence[int], *, compiled: bool = False
) -> list[pa.Array[Any] | Spans]:
    """The text of each wanted group, null where it took no part or nothing matched; Spans of Spans."""
    found = find(value, pattern, groups, compiled=compiled)
    return [found.column(g, value) for g in groups]
