"""Which bytes are rare in logs, so that a text is searched for by those."""

from __future__ import annotations

# from bytes that most lines of a log have to those that few have
COMMON = b' 0123456789e./-:,aotisnrlcd_"=hpmugwfbTyvk[]()xSPGE;jqAzMCIDL?&%HNORUFBVWKXYJQZ'
_RANK = {byte: i for i, byte in enumerate(COMMON)}


def commonness(byte: int) -> int:
    """The higher, the more common; 0 for a byte that hardly ever stands in a log."""
    return len(COMMON) - _RANK[byte] if byte in _RANK else 0


def likelihood(byte: int) -> float:
    """That a byte of a log is this one, roughly."""
    return 0.09 * 0.94 ** _RANK.get(byte, len(COMMON))
