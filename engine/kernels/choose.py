"""One of two numbers for each row. Without a branch, since which one is taken cannot be foretold."""

from __future__ import annotations

from typing import Any

from .jit import i64c, i64w, kernel, long_, u8


@kernel(u8, i64c, i64c, i64w)
def choose_words(mask: Any, yes: Any, no: Any, out: Any) -> Any:
    """out: of the 64 bits of each row those of `yes` where the mask is not 0, else those of `no`. O(rows)."""
    for i in range(mask.size):
        out[i] = yes[i] if mask[i] else no[i]
    return 0


@kernel(u8, i64c, long_, i64w)
def fill_words(mask: Any, yes: Any, no: Any, out: Any) -> Any:
    """As `choose_words`, with one `no` for all rows."""
    for i in range(mask.size):
        out[i] = yes[i] if mask[i] else no
    return 0
