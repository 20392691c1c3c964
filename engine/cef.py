"""The Common Event Format: a head of seven texts parted by bars, then `key=value` where values may hold blanks.

A key is a word right before an equals sign that no backslash guards, behind a blank or at the beginning; its value goes on
to the next key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .arrow import bools_of, call, is_valid
from .batch import Column, Spans
from .exprs import plain
from .pairs import Marks, PairForm, Pairs, Texts, next_of
from .regex import compile_re2
from .regextiers import extract

HEAD = ("version", "device_vendor", "device_product", "device_version", "signature_id", "name", "severity")
_TEXT = r"((?:[^|\\]|\\.)*)"
PATTERN = r"(?s)^(?:.*?\s)?CEF:\s*(\d+(?:\.\d+)?)\|" + r"\|".join([_TEXT] * (len(HEAD) - 1)) + r"(?:\|(.*))?$"
_MARK = b"\xff"  # a byte that no text holds


def head(text: pa.Array[Any] | Spans) -> tuple[list[Column], pa.Array[Any] | Spans, NDArray[np.bool_]]:
    """The texts of the head, what follows it, and which rows have a head."""
    found = extract(text, compile_re2(PATTERN), range(len(HEAD) + 2))
    whole, rest = found[0], found[-1]
    matched = whole.length >= 0 if isinstance(whole, Spans) else is_valid(whole)
    return [_bars(c) for c in found[1:-1]], rest, matched


def _bars(text: Column) -> Column:
    array = plain(text, len(text))
    if not bools_of(call("match_substring", array, pattern="\\")).any():
        return text
    return call("replace_substring_regex", array, pattern=r"\\([|\\])", replacement=r"\1")


def tokens(texts: Texts, check: Callable[[], None]) -> Iterator[Pairs]:
    """All pairs at once."""
    check()
    marks = Marks(texts, PairForm())
    equals = marks.unescaped(marks.kv[:-1])
    rows = np.searchsorted(texts.start, equals, side="right") - 1
    inside = (rows >= 0) & (equals < texts.stop[np.maximum(rows, 0)])
    equals, rows = equals[inside], rows[inside]
    last = np.searchsorted(marks.blanks, equals) - 1
    begin = np.where(last >= 0, marks.blanks[np.maximum(last, 0)] + 1, 0) if len(marks.blanks) else equals * 0
    key = np.maximum(begin, texts.start[rows])
    data = texts.data[: texts.size]
    odd = np.concatenate([[0], np.cumsum(~_WORD[data])])
    good = (key < equals) & (odd[equals] == odd[key])
    key, equals, rows = key[good], equals[good], rows[good]
    follows = np.append(rows[1:] == rows[:-1], False)
    border = np.where(follows, np.append(key[1:], 0), texts.stop[rows])
    start = np.minimum(marks.behind_blanks(equals + 1), border)
    stop = np.maximum(marks.before_blanks(border), start)
    escaped = next_of(marks.slashes, start) < stop
    if len(rows):
        yield Pairs(rows, key, equals - key, start, stop - start, escaped)


_WORD = np.zeros(256, np.bool_)
_WORD[[*b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_.-[]", *range(128, 256)]] = True


def unescape(text: pa.Array[Any]) -> pa.Array[Any]:
    text = call("replace_substring", text, pattern=b"\\\\", replacement=_MARK)
    for written, meant in ((b"\\=", b"="), (b"\\n", b"\n"), (b"\\r", b"\r"), (b"\\|", b"|")):
        text = call("replace_substring", text, pattern=written, replacement=meant)
    return call("replace_substring", text, pattern=_MARK, replacement=b"\\")
