"""Pairs that stand the wrong way round, by merge sort (Knight 1966)."""

from __future__ import annotations

from typing import Any

from .jit import i64, i64w, kernel, u8w

CHECK = 1 << 16  # values merged between two looks at the stop byte


@kernel(i64w, i64w, i64, i64w, u8w)
def inversions(values: Any, room: Any, bounds: Any, out: Any, stop: Any) -> Any:
    """Of each stretch from one bound to the next; leaves `values` and `room` in any state."""
    seen = 0
    for group in range(bounds.size - 1):
        low, high = bounds[group], bounds[group + 1]
        found = 0
        width = 1
        in_values = True
        while width < high - low:
            source, target = (values, room) if in_values else (room, values)
            for left in range(low, high, 2 * width):
                middle, end = min(left + width, high), min(left + 2 * width, high)
                a, b, to = left, middle, left
                while a < middle and b < end:
                    if source[b] < source[a]:
                        found += middle - a
                        target[to] = source[b]
                        b += 1
                    else:
                        target[to] = source[a]
                        a += 1
                    to += 1
                while a < middle:
                    target[to] = source[a]
                    a += 1
                    to += 1
                while b < end:
                    target[to] = source[b]
                    b += 1
                    to += 1
                seen += end - left
                if seen >= CHECK:
                    seen = 0
                    if stop[0]:
                        return group
            in_values = not in_values
            width *= 2
        out[group] = found
    return bounds.size - 1
