"""Whether bytes are valid UTF-8."""

from __future__ import annotations

from typing import Any

from .jit import bool_, kernel, long_, u8


@kernel(u8, long_, long_, returns=bool_, is_inner=True)
def is_utf8(data: Any, at: Any, end: Any) -> Any:
    """Of data[at:end]; the ranges of The Unicode Standard, table 3-7 (well-formed byte sequences)."""
    good = True
    while good and at < end:
        first = data[at]
        at += 1
        if first < 0x80:
            continue
        low, high, more = 0x80, 0xBF, 0
        if 0xC2 <= first <= 0xDF:
            more = 1
        elif 0xE0 <= first <= 0xEF:
            more = 2
            if first == 0xE0:
                low = 0xA0
            elif first == 0xED:
                high = 0x9F
        elif 0xF0 <= first <= 0xF4:
            more = 3
            if first == 0xF0:
                low = 0x90
            elif first == 0xF4:
                high = 0x8F
        else:
            good = False
        if at + more > end:
            good = False
        while good and more > 0:
            if data[at] < low or data[at] > high:
                good = False
            low, high = 0x80, 0xBF
            at += 1
            more -= 1
    return good
