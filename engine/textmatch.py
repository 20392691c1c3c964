"""Wildcard patterns and literal search over text: plain Arrow text (the general path) or spans with compiled kernels.

A pattern is its pieces, the text between its stars: `a*b` is ("a", "b"); one piece means that nothing is wild.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..planner.types import STRING, scalar
from .arrow import bools_of, bytes_of, call, is_valid, offsets_of
from .batch import Column, Spans
from .exprs import Eval, Value, plain

Mask: TypeAlias = "NDArray[np.bool_]"
MIN_COMPILED = 64  # rows; below, a call into a kernel costs more than it saves
SPARSE = 3  # rows that cover less than this part of their stretch are searched one by one


def pieces_of(pattern: str) -> tuple[str, ...]:
    """A computed pattern cut at its stars; `\\*` is a literal star."""
    return tuple(p.replace("\0\0", "*") for p in pattern.replace("\\*", "\0\0").split("*"))


def match_pattern(ev: Eval, value: Value, pieces: Sequence[str]) -> Mask:
    """Rows whose whole text matches; null does not. `value`: text of ev.n rows (plain, Spans or a scalar)."""
    if isinstance(value, pa.Scalar):
        return np.full(ev.n, bool(general(plain(value, 1), pieces)[0]))
    if ev.compiled and ev.n >= MIN_COMPILED:
        return compiled(value, tuple(pieces))
    return general(plain(value, ev.n), pieces)


def contains(ev: Eval, value: Value, literal: str) -> Mask:
    """Rows whose text holds `literal` somewhere; null does not, empty text is in every text."""
    return match_pattern(ev, value, ("", literal, ""))


def compiled(value: Column, pieces: tuple[str, ...]) -> Mask:
    """Over the bytes where they are: one scan of the whole stretch for a single literal, else row by row."""
    from .kernels import find

    text, cuts = _encoded(pieces)
    if isinstance(value, Spans):
        data, start, length = value.data, value.start, value.length
    else:
        offsets = offsets_of(value)
        data, start, length = bytes_of(value.buffers()[2]), offsets[:-1], np.diff(offsets)
        if value.null_count:
            length[~is_valid(value)] = -1
    hit = np.empty(len(value), np.uint8)
    single = len(pieces) > 1 and len(text) > 0 and not pieces[0] and not pieces[-1] and sum(map(bool, pieces)) == 1
    if single:
        reach = find.extent(start, length)
        if reach != find.UNORDERED and reach <= SPARSE * int(np.maximum(length, 0).sum()):
            done = find.contains_ordered(data, start, length, text, hit)
            return hit.view(np.bool_) if done != find.TOO_HARD else general(plain(value, len(value)), pieces)
    done = find.match_rows(data, start, length, text, cuts, int(len(pieces) > 1), hit)
    return hit.view(np.bool_) if done != find.TOO_HARD else general(plain(value, len(value)), pieces)


@lru_cache(maxsize=64)
def _encoded(pieces: tuple[str, ...]) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """All pieces as bytes, one behind another, and where each is cut."""
    raw = [p.encode("utf-8", "surrogatepass") for p in pieces]
    text = np.frombuffer(b"".join(raw), np.uint8)
    return text, np.cumsum([0, *map(len, raw)]).astype(np.int32)


def general(text: pa.Array[Any], pieces: Sequence[str]) -> Mask:
    """Over plain text, by Arrow alone."""
    if len(pieces) == 1:
        return bools_of(call("equal", text, scalar(pieces[0], STRING)))
    filled = [i for i, p in enumerate(pieces) if p]
    if not filled:
        return bools_of(call("is_valid", text))
    if filled == [0]:
        return bools_of(call("starts_with", text, pattern=pieces[0]))
    if filled == [len(pieces) - 1]:
        return bools_of(call("ends_with", text, pattern=pieces[-1]))
    return bools_of(call("match_substring_regex", text, pattern=regex(pieces)))


def regex(pieces: Sequence[str]) -> str:
    """RE2 text for a pattern with a star; where it begins or ends with one, nothing anchors it there."""
    body = ".*".join(_quoted(p) for p in pieces if p)
    return "(?s)" + ("\\A" if pieces[0] else "") + body + ("\\z" if pieces[-1] else "")


def _quoted(piece: str) -> str:
    """Every ASCII sign guarded, as RE2's QuoteMeta does; NUL has a spelling of its own."""
    return re.sub(r"([^0-9A-Za-z_\u0080-\U0010ffff])", r"\\\1", piece).replace("\\\0", "\\x00")
