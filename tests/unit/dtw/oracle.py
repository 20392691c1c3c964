"""Dynamic time warping by the whole table, written for clarity only: every path of `dtw` is compared with it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction


def in_band(i: int, j: int, n: int, m: int, width: int | None) -> bool:
    return width is None or abs(i * (m - 1) - j * (n - 1)) <= width * max(n - 1, m - 1)


def squared(a: Sequence[float], b: Sequence[float], width: int | None) -> float:
    """Infinite where no path fits; window 0 for two lengths has none by definition."""
    n, m = len(a), len(b)
    if width == 0 and n != m:
        return math.inf
    cost = [[math.inf] * (m + 1) for _ in range(n + 1)]
    cost[0][0] = 0.0
    for i in range(n):
        for j in range(m):
            if in_band(i, j, n, m, width):
                d = a[i] - b[j]
                cost[i + 1][j + 1] = min(cost[i][j], cost[i][j + 1], cost[i + 1][j]) + d * d
    return cost[n][m]


def path(a: Sequence[float], b: Sequence[float], width: int | None) -> list[tuple[int, int]]:
    """From the end back: the cheapest neighbour, of equally cheap ones the diagonal, then the one less in i, then in j."""
    n, m = len(a), len(b)
    cost: dict[tuple[int, int], float] = {}
    for i in range(n):
        for j in range(m):
            if in_band(i, j, n, m, width):
                before = [cost.get(p, math.inf) for p in ((i - 1, j - 1), (i - 1, j), (i, j - 1))]
                d = a[i] - b[j]
                cost[i, j] = (min(before) if (i, j) != (0, 0) else 0.0) + d * d
    i, j = n - 1, m - 1
    out = [(i, j)]
    while (i, j) != (0, 0):
        i, j = min(((i - 1, j - 1), (i - 1, j), (i, j - 1)), key=lambda p: cost.get(p, math.inf))
        out.append((i, j))
    return out[::-1]


def normalised(x: Sequence[float]) -> list[float]:
    """With exact rational sums."""
    if len(set(x)) <= 1:
        return [0.0] * len(x)
    exact = [Fraction(v) for v in x]
    mean = sum(exact, Fraction(0)) / len(exact)
    variance = sum(((v - mean) * (v - mean) for v in exact), Fraction(0)) / len(exact)
    top, bottom = variance.numerator, variance.denominator
    shift = max(0, 200 - top.bit_length() + bottom.bit_length())
    shift += shift % 2
    root = Fraction(math.isqrt((top << shift) // bottom), 1 << (shift // 2))
    return [float((v - mean) / root) for v in exact]


def matches(
    profile: Sequence[float], length: int, top: int, exclude: float
) -> list[tuple[int, float]]:  # fmt: skip
    """Greedy: the least, earliest, then the least of those that overlap none so far by more than `exclude` of the length."""
    out: list[tuple[int, float]] = []
    for _ in range(top):
        left = [
            (d, p) for p, d in enumerate(profile)
            if d < math.inf and all(p != q and max(0, length - abs(p - q)) <= exclude * length + 1e-9 for q, _ in out)
        ]  # fmt: skip
        if not left:
            break
        d, p = min(left)
        out.append((p, d))
    return out
