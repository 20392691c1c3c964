"""How far two texts are apart: Levenshtein's distance and Jaro-Winkler's similarity, over code points.

A compiled kernel, or Python for each distinct pair: the distance bit-parallel (Myers 1999, in Hyyrö's form for any
length), so that a pair costs the length of one text times machine words of the other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .arrow import is_valid
from .strings import CodePoints, Ints, view_of

Check = Callable[[], None]
EVERY = 1 << 10  # letters between two looks at a cancel


def points_of(text: pa.Array[Any]) -> tuple[NDArray[np.uint32], Ints, Ints]:
    """All code points of a column, and start and size of each row (0 for null)."""
    rows = view_of(text)
    low, high = rows.region()
    points = np.frombuffer(rows.data[low:high].tobytes().decode("utf-8").encode("utf-32-le"), np.uint32)
    counted = CodePoints(rows)
    sizes = counted.count().astype(np.int64)
    if counted.ascii:
        starts = np.where(rows.length > 0, rows.start - low, 0).astype(np.int64)
    else:
        starts = np.where(rows.length > 0, counted.rank(rows.start), 0).astype(np.int64)
    return points, starts, sizes


def levenshtein(a: pa.Array[Any], b: pa.Array[Any], check: Check, compiled: bool) -> NDArray[np.int64]:
    """Edits from each a to its b; of nulls undefined."""
    out = np.empty(len(a), np.int64)
    _pairs(a, b, out, "levenshtein_each", lambda x, y: distance(x, y, check), compiled)
    return out


def jaro_winkler(a: pa.Array[Any], b: pa.Array[Any], check: Check, compiled: bool) -> NDArray[np.float64]:
    """0 (nothing in common) to 1 (equal)."""
    out = np.empty(len(a), np.float64)
    _pairs(a, b, out, "jaro_winkler_each", lambda x, y: alike(x, y, check), compiled)
    return out


def _pairs(a: Any, b: Any, out: NDArray[Any], kernel: str, answer: Callable[[str, str], float], compiled: bool) -> None:
    both = is_valid(a) & is_valid(b)
    if compiled:
        from .kernels import edits as kernels

        getattr(kernels, kernel)(*points_of(a), *points_of(b), out)
        left = np.flatnonzero(both & (out == kernels.TOO_HARD))
    else:
        left = np.flatnonzero(both)
    known: dict[tuple[str, str], float] = {}
    for i in left.tolist():
        pair = a[i].as_py(), b[i].as_py()
        if pair not in known:
            known[pair] = answer(*pair)
        out[i] = known[pair]


def distance(a: str, b: str, check: Check = lambda: None) -> int:
    """Levenshtein's distance of two texts."""
    if len(a) < len(b):
        a, b = b, a
    if not b:
        return len(a)
    places: dict[str, int] = {}
    for i, letter in enumerate(a):
        places[letter] = places.get(letter, 0) | 1 << i
    last, mask = 1 << (len(a) - 1), (1 << len(a)) - 1
    plus, minus, score = mask, 0, len(a)
    for i, letter in enumerate(b):
        if i % EVERY == 0:
            check()
        match = places.get(letter, 0)
        zero = ((((match & plus) + plus) ^ plus) | match | minus) & mask
        up = minus | ~(zero | plus) & mask
        down = plus & zero
        score += bool(up & last) - bool(down & last)
        up = up << 1 | 1
        plus = ((down << 1) | ~(zero | up)) & mask
        minus = up & zero & mask
    return score


def alike(a: str, b: str, check: Check = lambda: None) -> float:
    """Jaro's similarity, raised by a tenth of the rest for each of up to 4 first letters in common where it is above 0.7."""
    n, m = len(a), len(b)
    if not n or not m:
        return 1.0 if n == m else 0.0
    reach = max(max(n, m) // 2 - 1, 0)
    free: dict[str, list[int]] = {}
    for j in range(m - 1, -1, -1):
        free.setdefault(b[j], []).append(j)
    hits_a, hits_b = [], []
    for k, letter in enumerate(a):
        if k % EVERY == 0:
            check()
        places = free.get(letter, [])
        while places and places[-1] < k - reach:
            places.pop()
        if places and places[-1] <= k + reach:
            hits_a.append(k)
            hits_b.append(places.pop())
    found = len(hits_a)
    if not found:
        return 0.0
    moved = sum(a[k] != b[j] for k, j in zip(hits_a, sorted(hits_b), strict=True))
    jaro = (found / n + found / m + (found - moved // 2) / found) / 3.0
    prefix = 0
    while prefix < min(4, n, m) and a[prefix] == b[prefix]:
        prefix += 1
    return jaro + prefix * 0.1 * (1.0 - jaro) if jaro > 0.7 else jaro
