"""The order of the language, by Python's own stable sort."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cmp_to_key
from typing import Any


def compare(a: Any, b: Any) -> int:
    """Values that are there: numbers with NaN last, text by code point, lists by element and then by length."""
    if isinstance(a, list):
        for x, y in zip(a, b, strict=False):
            got = compare_null(x, y)
            if got:
                return got
        return (len(a) > len(b)) - (len(a) < len(b))
    if isinstance(a, float) and (math.isnan(a) or math.isnan(b)):
        return math.isnan(a) - math.isnan(b)
    if isinstance(a, str):
        a, b = list(map(ord, a)), list(map(ord, b))
    return int(a > b) - int(a < b)


def compare_null(a: Any, b: Any) -> int:
    if a is None or b is None:
        return (a is not None) - (b is not None)
    return compare(a, b)


def order(
    rows: Sequence[tuple[Any, ...]], keys: Sequence[tuple[int, bool]], nulls: str | None = None, n_by: int = 0
) -> list[int]:
    """Row numbers in order. keys: column, descending; the first n_by take no `nulls`."""

    def by_keys(i: int, j: int) -> int:
        for at, (column, descending) in enumerate(keys):
            a, b = rows[i][column], rows[j][column]
            if a is None or b is None:
                if a is None and b is None:
                    continue
                first = not descending if nulls is None or at < n_by else nulls == "first"
                return -1 if (a is None) == first else 1
            got = compare(a, b)
            if got:
                return -got if descending else got
        return 0

    return sorted(range(len(rows)), key=cmp_to_key(by_keys))


def limited(numbers: Sequence[int], rows: Sequence[tuple[Any, ...]], by: Sequence[int], limit: int) -> list[int]:
    """The first `limit` of each group of neighbours that are equal in the columns `by`."""
    out: list[int] = []
    last: tuple[Any, ...] | None = None
    count = 0
    for i in numbers:
        group = tuple(rows[i][c] for c in by)
        if last is None or any(compare_null(a, b) for a, b in zip(group, last, strict=True)):
            last, count = group, 0
        if count < limit:
            out.append(i)
        count += 1
    return out
