"""Wildcard patterns and literal search over text: plain Arrow text (the general path) or spans with compiled kernels.

A pattern is its pieces, the text between its stars: `a*b` is ("a", "b"); one piece means that nothing is wild.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..planner.types import STRING, scalar
from .arrow import bools_of, call
from .exprs import Eval, Value, plain

Mask: TypeAlias = "NDArray[np.bool_]"


def pieces_of(pattern: str) -> tuple[str, ...]:
    """A computed pattern cut at its stars; `\\*` is a literal star."""
    return tuple(p.replace("\0\0", "*") for p in pattern.replace("\\*", "\0\0").split("*"))


def match_pattern(ev: Eval, value: Value, pieces: Sequence[str]) -> Mask:
    """Rows whose whole text matches; null does not. `value`: text of ev.n rows (plain, Spans or a scalar)."""
    if isinstance(value, pa.Scalar):
        return np.full(ev.n, bool(general(plain(value, 1), pieces)[0]))
    return general(plain(value, ev.n), pieces)


def contains(ev: Eval, value: Value, literal: str) -> Mask:
    """Rows whose text holds `literal` somewhere; null does not, empty text is in every text."""
    return match_pattern(ev, value, ("", literal, ""))


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
