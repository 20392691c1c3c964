"""Every match of a regular expression, not the first alone: RE2's replacement does it, and only in rows that match at all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .arrow import array_from, call, is_valid, offsets_of
from .regex import Pattern, find_all, list_array, replace_all
from .regextiers import RE2, search, tier_of


def all_matches(
    text: pa.Array[Any], pattern: Pattern, group: int, *, compiled: bool, matched: NDArray[np.bool_] | None = None
) -> pa.Array[Any]:
    """`regex.find_all`. `matched`: which rows match, where that is known."""
    rows = _few(text, pattern, compiled, matched)
    if rows is None:
        return find_all(text, pattern, group)
    some: Any = find_all(text.take(array_from(rows)), pattern, group)
    offsets, counts = offsets_of(some), np.zeros(len(text), np.int32)
    counts[rows] = np.diff(offsets)
    bounds = np.append(np.int32(0), np.cumsum(counts, dtype=np.int32))
    return list_array(bounds, some.values, ~is_valid(text))


def replaced(text: pa.Array[Any], pattern: Pattern, rewrite: str, *, compiled: bool) -> pa.Array[Any]:
    """`regex.replace_all`."""
    rows = _few(text, pattern, compiled, None)
    if rows is None:
        return replace_all(text, pattern, rewrite)
    if not len(rows):
        return text
    mask = np.zeros(len(text), np.bool_)
    mask[rows] = True
    some = replace_all(text.take(array_from(rows)), pattern, rewrite)
    return call("replace_with_mask", text, array_from(mask), some)


def _few(
    text: pa.Array[Any], pattern: Pattern, compiled: bool, matched: NDArray[np.bool_] | None
) -> NDArray[np.int32] | None:
    """The rows that match, if a quick machine can tell and they are less than half of all."""
    if pattern.python is not None or not compiled or not len(text) or tier_of(pattern) == RE2:
        return None
    hits = search(text, pattern, compiled=True) if matched is None else matched
    rows = np.flatnonzero(hits).astype(np.int32)
    return rows if 2 * len(rows) < len(text) else None
