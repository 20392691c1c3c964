"""Escapes of `"..."`: of string literals and of option values."""

from __future__ import annotations

import re

# the two halves of a character beyond the first plane belong together
ESCAPE = re.compile(r"\\(u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)", re.S)
SIMPLE_ESCAPES = {"\\": "\\", '"': '"', "n": "\n", "t": "\t", "r": "\r", "*": "*"}


def unicode_escape(body: str) -> str:
    """The character of `uXXXX`, or of a pair `uD83D\\uDE00`; ValueError for half of one."""
    units = [int(part, 16) for part in body[1:].split("\\u")]
    return b"".join(u.to_bytes(2, "big") for u in units).decode("utf-16-be")
