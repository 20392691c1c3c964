"""Percent encoding, as HTML forms have it: a blank is `+`, letters, digits and `-_.*` stay."""

from __future__ import annotations

import codecs
from typing import Any

import numpy as np
import pyarrow as pa

from ...engine.arrow import array_from, is_valid
from ...engine.exprs import Eval, Value
from ...engine.strings import Ints, Mask, View, strings_from, view_of, with_nulls
from ..base import STRING, TEXT, CallBinder, Type, function

GROUP = "text"
PLAIN = np.zeros(256, np.bool_)
PLAIN[np.frombuffer(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.*", np.uint8)] = True
DIGITS = np.frombuffer(b"0123456789ABCDEF", np.uint8)
NIBBLE = np.full(256, 255, np.uint8)  # 255: no hexadecimal digit
NIBBLE[DIGITS] = np.arange(16)
NIBBLE[np.frombuffer(b"abcdef", np.uint8)] = np.arange(10, 16)


def _charset(call: CallBinder) -> Type:
    name = "utf-8"
    if len(call.args) > 1:
        given = call.constant(1)
        try:
            name = codecs.lookup(given).name
            "".encode(name)  # `hex` and the like are codecs, but no charsets
        except (LookupError, TypeError):
            call.fail("E307", f"{call.name} takes a constant charset; there is none named {given!r}", at=1)
    call.data, call.args = name, call.args[:1]
    return STRING


@function(
    "urlencode", args=(TEXT,), least=1, most=2, returns=_charset, group=GROUP,
    syntax='urlencode(S[, CHARSET="utf-8"])',
    summary="Text as it stands in a URL's query: a blank is +, other signs are %XX. What the charset lacks is null, counted.",
    examples=[('urlencode("a b&c")', '"a+b%26c"'), ('urlencode("한")', '"%ED%95%9C"')],
)  # fmt: skip
def urlencode(ev: Eval, text: Value) -> Value:
    column = ev.array(text)
    if ev.data == "utf-8":
        return with_nulls(encode_bytes(view_of(column)), ~is_valid(column))
    raw, bad = _in_charset(column, ev.data)
    ev.reject("decode", bad, column)
    return with_nulls(encode_bytes(view_of(raw)), ~is_valid(raw))


def _in_charset(column: pa.Array[Any], charset: str) -> tuple[pa.Array[Any], Mask]:
    """Text in another charset, row by row: such data is old, and rare."""
    bad = np.zeros(len(column), np.bool_)
    out: list[bytes | None] = []
    for i, text in enumerate(column.to_pylist()):
        try:
            out.append(None if text is None else text.encode(charset))
        except UnicodeEncodeError:
            out.append(None)
            bad[i] = True
    return pa.array(out, pa.binary()), bad


def encode_bytes(text: View) -> pa.Array[Any]:
    """Every byte as itself, `+` or `%XX`; null gives empty text."""
    size = text.size.astype(np.int64)
    edges = np.append(0, np.cumsum(size))
    source = text.data[np.arange(edges[-1]) + np.repeat(text.start - edges[:-1], size)]
    escaped = ~PLAIN[source] & (source != ord(" "))
    ends = np.cumsum(np.where(escaped, 3, 1))
    at = ends - np.where(escaped, 3, 1)
    out = np.empty(int(ends[-1]) if len(ends) else 0, np.uint8)
    out[at] = np.where(escaped, ord("%"), np.where(source == ord(" "), ord("+"), source))
    out[at[escaped] + 1], out[at[escaped] + 2] = DIGITS[source[escaped] >> 4], DIGITS[source[escaped] & 15]
    return strings_from(np.append(0, ends)[edges], out)


@function(
    "urldecode", args=(TEXT,), least=1, most=2, returns=_charset, group=GROUP,
    syntax='urldecode(S[, CHARSET="utf-8"])',
    summary="What urlencode encoded. A % without two digits, or bytes that are no text, are null, counted.",
    examples=[('urldecode("a+b%26c")', '"a b&c"'), ('urldecode("%ED%95%9C")', '"한"')],
)  # fmt: skip
def urldecode(ev: Eval, text: Value) -> Value:
    column = ev.array(text)
    there = is_valid(column)
    offsets, raw, bad = decode_bytes(view_of(column))
    if ev.data == "utf-8":
        bad |= _not_utf8(offsets, raw)
        made = strings_from(offsets, raw)
    else:
        made, no_text = _from_charset(offsets, raw, ev.data)
        bad |= no_text
    ev.reject("decode", bad & there, column)
    return _emptied(made, bad, ~there)


def _emptied(made: pa.Array[Any], bad: Mask, null: Mask) -> pa.Array[Any]:
    """Null where bad or null, with no bytes left behind that are no text."""
    return made.take(array_from(np.arange(len(made)), bad | null)) if (bad | null).any() else made


def decode_bytes(text: View) -> tuple[Ints, Ints, Mask]:
    """Offsets and bytes of the decoded rows, and the rows with a `%` that has no two digits behind it."""
    size = text.size.astype(np.int64)
    edges = np.append(0, np.cumsum(size))
    source = text.data[np.arange(edges[-1]) + np.repeat(text.start - edges[:-1], size)]
    source = np.where(source == ord("+"), ord(" "), source).astype(np.uint8)
    percent = np.flatnonzero(source == ord("%"))
    row = np.searchsorted(edges, percent, side="right") - 1
    inside = percent + 2 < edges[row + 1]
    bad = np.zeros(len(size), np.bool_)
    bad[row[~inside]] = True
    percent, row = percent[inside], row[inside]
    high, low = NIBBLE[source[percent + 1]], NIBBLE[source[percent + 2]]
    good = (high < 16) & (low < 16)
    bad[row[~good]] = True
    percent = percent[good]
    keep = np.ones(len(source), np.bool_)
    keep[percent + 1] = keep[percent + 2] = False
    source[percent] = (high[good] << 4) | low[good]
    return np.append(0, np.cumsum(keep))[edges], source[keep], bad


def _not_utf8(offsets: Ints, raw: Ints) -> Mask:
    """Rows whose bytes are no UTF-8. One check of all; only where it fails are the rows with high bytes looked at singly."""
    bad = np.zeros(len(offsets) - 1, np.bool_)
    inner = offsets[:-1][offsets[:-1] < len(raw)]
    cut = bool(((raw[inner] & 0xC0) == 0x80).any())
    if not cut:
        try:
            raw.tobytes().decode("utf-8")
            return bad
        except UnicodeDecodeError:
            pass
    high = np.append(0, np.cumsum(raw >= 128))
    for i in np.flatnonzero(high[offsets[1:]] > high[offsets[:-1]]).tolist():
        try:
            raw[offsets[i] : offsets[i + 1]].tobytes().decode("utf-8")
        except UnicodeDecodeError:
            bad[i] = True
    return bad


def _from_charset(offsets: Ints, raw: Ints, charset: str) -> tuple[pa.Array[Any], Mask]:
    """Text of another charset, row by row."""
    out: list[str] = []
    bad = np.zeros(len(offsets) - 1, np.bool_)
    for i in range(len(bad)):
        try:
            out.append(raw[offsets[i] : offsets[i + 1]].tobytes().decode(charset))
        except UnicodeDecodeError:
            out.append("")
            bad[i] = True
    return pa.array(out, pa.string()), bad
