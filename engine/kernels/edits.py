"""Edit distances and Jaro-Winkler of pairs of rows. Rows are start and length into arrays of code points."""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import f64w, i64, i64w, inline, kernel, long_, u32

TOO_HARD = -2  # the pair is left to the general path, which looks at a cancel
PATIENCE = 1 << 22  # letters compared for one pair


@kernel(u32, i64, i64, u32, i64, i64, i64w, makes_arrays=True)
def levenshtein_each(a: Any, a_start: Any, a_size: Any, b: Any, b_start: Any, b_size: Any, out: Any) -> Any:
    """out: insertions, deletions and replacements from each a to its b. O(size of a * size of b)."""
    widest = 0
    for i in range(b_size.size):
        if b_size[i] > widest:
            widest = b_size[i]
    row = np.empty(widest + 1, np.int64)
    for i in range(a_size.size):
        n, m, p, q = a_size[i], b_size[i], a_start[i], b_start[i]
        while n > 0 and m > 0 and a[p] == b[q]:
            p, q, n, m = p + 1, q + 1, n - 1, m - 1
        while n > 0 and m > 0 and a[p + n - 1] == b[q + m - 1]:
            n, m = n - 1, m - 1
        if n * m > PATIENCE:
            out[i] = TOO_HARD
            continue
        for j in range(m + 1):
            row[j] = j
        for k in range(n):
            letter = a[p + k]
            corner, row[0] = row[0], k + 1
            for j in range(m):
                above = row[j + 1]
                best = corner + (0 if letter == b[q + j] else 1)
                if above + 1 < best:
                    best = above + 1
                if row[j] + 1 < best:
                    best = row[j] + 1
                row[j + 1] = best
                corner = above
        out[i] = row[m]
    return 0


@inline
def _winkler(jaro: Any, prefix: Any) -> Any:
    return jaro + prefix * 0.1 * (1.0 - jaro) if jaro > 0.7 else jaro


@kernel(u32, i64, i64, u32, i64, i64, f64w, returns=long_, makes_arrays=True)
def jaro_winkler_each(a: Any, a_start: Any, a_size: Any, b: Any, b_start: Any, b_size: Any, out: Any) -> Any:
    """out: 0..1 for each pair, TOO_HARD where it is left to the general path."""
    longest = 1
    for i in range(b_size.size):
        longest = max(longest, a_size[i], b_size[i])
    a_hit, b_hit = np.zeros(longest, np.uint8), np.zeros(longest, np.uint8)
    for i in range(a_size.size):
        n, m, p, q = a_size[i], b_size[i], a_start[i], b_start[i]
        if n == 0 or m == 0:
            out[i] = 1.0 if n == m else 0.0
            continue
        reach = max(max(n, m) // 2 - 1, 0)
        if n * min(2 * reach + 1, m) > PATIENCE:
            out[i] = TOO_HARD
            continue
        a_hit[:n] = 0
        b_hit[:m] = 0
        found = 0
        for k in range(n):
            for j in range(max(0, k - reach), min(m, k + reach + 1)):
                if b_hit[j] == 0 and a[p + k] == b[q + j]:
                    a_hit[k], b_hit[j] = 1, 1
                    found += 1
                    break
        if found == 0:
            out[i] = 0.0
            continue
        moved, j = 0, 0
        for k in range(n):
            if a_hit[k]:
                while b_hit[j] == 0:
                    j += 1
                moved += a[p + k] != b[q + j]
                j += 1
        half = moved // 2
        jaro = (found / n + found / m + (found - half) / found) / 3.0
        prefix = 0
        while prefix < min(4, n, m) and a[p + prefix] == b[q + prefix]:
            prefix += 1
        out[i] = _winkler(jaro, prefix)
    return 0
