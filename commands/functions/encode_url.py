"""Percent encoding, as HTML forms have it: a blank is `+`, letters, digits and `-_.*` stay."""

from __future__ import annotations

import codecs
from typing import Any

import numpy as np
import pyarrow as pa

from ...engine.arrow import array_from, bytes_of, is_valid, offsets_of
from ...engine.exprs import Eval, Value
from ...engine.strings import Ints, Mask, strings_from, with_nulls
from ...engine.values import texts_from
from ..base import STRING, TEXT, CallBinder, Type, function

GROUP = "text"
PLAIN = np.zeros(256, np.bool_)
PLAIN[np.frombuffer(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.*", np.uint8)] = True
ESCAPED = ~PLAIN
ESCAPED[ord(" ")] = False
FORM = np.where(ESCAPED, ord("%"), np.arange(256)).astype(np.uint8)
FORM[ord(" ")] = ord("+")
UNFORM = np.arange(256).astype(np.uint8)
UNFORM[ord("+")] = ord(" ")
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
        return with_nulls(encode_bytes(column), ~is_valid(column))
    raw, bad = _in_charset(column, ev.data)
    ev.reject("decode", bad, column)
    return with_nulls(encode_bytes(raw), ~is_valid(raw))


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


def encode_bytes(column: pa.Array[Any]) -> pa.Array[Any]:
    """Every byte as itself, `+` or `%XX`. What stands behind a null is encoded too, and seen by nobody."""
    offsets, source = _stretch(column)
    escaped = np.flatnonzero(ESCAPED[source])
    at = escaped + 2 * np.arange(len(escaped))
    out = np.empty(len(source) + 2 * len(escaped), np.uint8)
    first = np.ones(len(out), np.bool_)
    first[at + 1] = first[at + 2] = False
    out[first] = FORM[source]
    nibbles = source[escaped]
    out[at + 1], out[at + 2] = DIGITS[nibbles >> 4], DIGITS[nibbles & 15]
    return strings_from(offsets + 2 * np.searchsorted(escaped, offsets), out)


def _stretch(column: pa.Array[Any]) -> tuple[Ints, Ints]:
    """A column's offsets, from 0, and the bytes between its first and last."""
    offsets = offsets_of(column).astype(np.int64)
    return offsets - offsets[0], bytes_of(column.buffers()[2])[offsets[0] : offsets[-1]]


@function(
    "urldecode", args=(TEXT,), least=1, most=2, returns=_charset, group=GROUP,
    syntax='urldecode(S[, CHARSET="utf-8"])',
    summary="What urlencode encoded. A % without two digits, or bytes that are no text, are null, counted.",
    examples=[('urldecode("a+b%26c")', '"a b&c"'), ('urldecode("%ED%95%9C")', '"한"')],
)  # fmt: skip
def urldecode(ev: Eval, text: Value) -> Value:
    column = ev.array(text)
    there = is_valid(column)
    offsets, raw, bad = decode_bytes(column)
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


def decode_bytes(column: pa.Array[Any]) -> tuple[Ints, Ints, Mask]:
    """Offsets and bytes of the decoded rows, and the rows with a `%` that has no two digits behind it."""
    offsets, raw = _stretch(column)
    source = UNFORM[raw]
    percent = np.flatnonzero(raw == ord("%"))
    row = np.searchsorted(offsets, percent, side="right") - 1
    inside = percent + 2 < offsets[row + 1]
    bad = np.zeros(len(column), np.bool_)
    bad[row[~inside]] = True
    percent, row = percent[inside], row[inside]
    high, low = NIBBLE[source[percent + 1]], NIBBLE[source[percent + 2]]
    good = (high < 16) & (low < 16)
    bad[row[~good]] = True
    percent = percent[good]
    source[percent] = (high[good] << 4) | low[good]
    keep = np.ones(len(source), np.bool_)
    keep[percent + 1] = keep[percent + 2] = False
    return offsets - 2 * np.searchsorted(percent, offsets), source[keep], bad


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
    return texts_from(out), bad
