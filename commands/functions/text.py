"""Text functions that cut, join and change letters. Positions and lengths are code points."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from ...engine.arrow import array_from, call, is_valid, numbers_of, offsets_of
from ...engine.batch import Spans
from ...engine.exprs import Eval, Value
from ...engine.strings import (
    CodePoints,
    Ints,
    Mask,
    View,
    cut,
    guard_size,
    runs,
    strings_from,
    view,
    view_of,
    weave,
    with_nulls,
)
from ..base import ANY_ARG, INTEGER, LONG, MANY, STRING, TEXT, CallBinder, Type, converted, function

GROUP = "text"
BLANKS = "".join(map(chr, range(33)))  # what Java's trim removes: every code point up to the blank


@function(
    "concat", args=(TEXT,), least=1, most=MANY, group=GROUP,
    syntax="concat(E, ...)",
    summary="The values joined as text; null is empty text.",
    examples=[('concat("a", 1, "b")', '"a1b"'), ('concat("a", null)', '"a"')],
)  # fmt: skip
def concat(ev: Eval, *parts: Value) -> Value:
    return weave([p if isinstance(p, pa.Scalar) else ev.array(p) for p in parts], ev.n)


def _len_type(call: CallBinder) -> Type:
    if call.types[0].kind not in ("array", "map"):
        call.args = [converted(call, call.args[0], TEXT)]
    return LONG


@function(
    "len", args=(ANY_ARG,), returns=_len_type, spans=(0,), group=GROUP,
    syntax="len(E)",
    summary="Code points of text, elements of an array, keys of a map; 0 for null.",
    examples=[('len("한글")', "2"), ("len(null)", "0"), ("len(array(1, 2, 3))", "3")],
)  # fmt: skip
def length(ev: Eval, value: Value) -> Value:
    if isinstance(value, Spans):
        return array_from(CodePoints(view(ev, value), ev.compiled).count().astype(np.int64))
    column = ev.array(value)
    if pa.types.is_list(column.type) or pa.types.is_map(column.type):
        return array_from(np.where(is_valid(column), np.diff(offsets_of(column)), 0).astype(np.int64))
    if pa.types.is_struct(column.type):
        return array_from(_members(column))
    points = call("cast", call("utf8_length", column), pa.int64())
    return array_from(np.where(is_valid(points), numbers_of(points), 0))


def _members(column: Any) -> Ints:
    """Members that are there: absent and null are one thing."""
    total = np.zeros(len(column), np.int64)
    for i in range(column.type.num_fields):
        total += is_valid(column.field(i))
    return np.where(is_valid(column), total, 0)


def _mapped(name: str, general: str, ascii_: str, summary: str, examples: list[tuple[str, str]]) -> None:
    @function(name, args=(TEXT,), group=GROUP, syntax=f"{name}(S)", summary=summary, examples=examples)
    def kernel(ev: Eval, text: Value) -> Value:
        column = ev.array(text)
        return call(ascii_ if view_of(column).is_ascii() else general, column)


_mapped("lower", "utf8_lower", "ascii_lower", "Text in lower case.",
        [('lower("AbC")', '"abc"'), ('lower("ÄÖ")', '"äö"')])  # fmt: skip
_mapped("upper", "utf8_upper", "ascii_upper", "Text in upper case.",
        [('upper("AbC")', '"ABC"'), ('upper("äö")', '"ÄÖ"')])  # fmt: skip
_mapped("reverse", "utf8_reverse", "ascii_reverse", "The code points in reverse order.",
        [('reverse("abc")', '"cba"'), ('reverse("한글")', '"글한"')])  # fmt: skip


def _trimmed(name: str, left: bool, right: bool, summary: str, examples: list[tuple[str, str]]) -> None:
    @function(name, args=(TEXT,), spans=(0,), group=GROUP, syntax=f"{name}(S)", summary=summary, examples=examples)
    def kernel(ev: Eval, text: Value) -> Value:
        if not isinstance(text, Spans):
            return call("ascii_" + name, ev.array(text), characters=BLANKS)
        start, stop = text.start.copy(), text.start + text.length
        rows = np.flatnonzero(text.length > 0)
        if left:
            _skip(text.data, start, stop, rows)
        if right:
            _skip_back(text.data, start, stop, rows)
        return Spans(text.buffer, text.data, start, np.where(text.length < 0, np.int32(-1), stop - start))


def _skip(data: Ints, start: Ints, stop: Ints, rows: Ints) -> None:
    """One pass a leading blank, over the rows that have so many."""
    while len(rows := rows[(start[rows] < stop[rows]) & (data[start[rows]] <= 32)]):
        start[rows] += 1


def _skip_back(data: Ints, start: Ints, stop: Ints, rows: Ints) -> None:
    while len(rows := rows[(start[rows] < stop[rows]) & (data[stop[rows] - 1] <= 32)]):
        stop[rows] -= 1


_trimmed("trim", True, True, "Text without the blanks and control characters around it.",
         [('trim("  a b ")', '"a b"'), ('trim("")', '""')])  # fmt: skip
_trimmed("ltrim", True, False, "Text without the blanks and control characters before it.",
         [('ltrim("  a ")', '"a "'), ("ltrim(null)", "null")])  # fmt: skip
_trimmed("rtrim", False, True, "Text without the blanks and control characters behind it.",
         [('rtrim(" a  ")', '" a"'), ("rtrim(null)", "null")])  # fmt: skip

FORMS = ("NFC", "NFD", "NFKC", "NFKD")


def _form(call: CallBinder) -> Type:
    if len(call.args) > 1:
        form = call.constant(1)
        if form not in FORMS:
            call.fail("E307", "normalize takes a constant form", at=1, suggestions=FORMS)
        call.data, call.args = form, call.args[:1]
    else:
        call.data = "NFC"
    return STRING


@function(
    "normalize", args=(TEXT,), least=1, most=2, returns=_form, group=GROUP,
    syntax='normalize(S[, "NFC"])',
    summary="Text in a Unicode normal form: NFC, NFD, NFKC or NFKD.",
    examples=[('normalize("e\\u0301")', '"é"'), ('len(normalize("é", "NFD"))', "2")],
)  # fmt: skip
def normalize(ev: Eval, text: Value) -> Value:
    column = ev.array(text)
    return column if view_of(column).is_ascii() else call("utf8_normalize", column, form=ev.data)


def _counts(ev: Eval, value: Value, n: int) -> tuple[Ints, Mask]:
    """Whole numbers for each row (a constant is one number seen n times), and where they are null."""
    if isinstance(value, pa.Scalar):
        number = np.int64(value.as_py() if value.is_valid else 0)
        return np.broadcast_to(number, (n,)), np.broadcast_to(np.bool_(not value.is_valid), (n,))
    column = ev.array(value)
    return np.where(is_valid(column), numbers_of(column), 0), ~is_valid(column)


def _part(text: View, points: CodePoints, begin: Ints, end: Ints, count: Ints, null: Mask) -> Value:
    """Code points begin to end (exclusive) of each row, both within it."""
    safe_begin, safe_end = np.where(null, 0, begin), np.where(null, 0, end)
    start, stop = points.byte(safe_begin, count), points.byte(safe_end, count)
    return text.cut(start, np.where(null, -1, stop - start))


@function(
    "left", args=(TEXT, INTEGER), spans=(0,), group=GROUP,
    syntax="left(S, N)",
    summary="The first N code points, all if there are fewer; a negative N leaves out the last -N.",
    examples=[('left("한글날", 2)', '"한글"'), ('left("ab", 5)', '"ab"'), ('left("abc", -1)', '"ab"')],
)  # fmt: skip
def left(ev: Eval, text: Value, n: Value) -> Value:
    source = view(ev, text)
    points = CodePoints(source, ev.compiled)
    wanted, null = _counts(ev, n, ev.n)
    count = points.count()
    end = np.clip(np.where(wanted < 0, np.maximum(wanted, -count) + count, wanted), 0, count)
    return _part(source, points, np.zeros_like(end), end, count, null | source.null)


@function(
    "right", args=(TEXT, INTEGER), spans=(0,), group=GROUP,
    syntax="right(S, N)",
    summary="The last N code points, all if there are fewer; a negative N leaves out the first -N.",
    examples=[('right("한글날", 2)', '"글날"'), ('right("ab", 5)', '"ab"'), ('right("abc", -1)', '"bc"')],
)  # fmt: skip
def right(ev: Eval, text: Value, n: Value) -> Value:
    source = view(ev, text)
    points = CodePoints(source, ev.compiled)
    wanted, null = _counts(ev, n, ev.n)
    count = points.count()
    begin = np.clip(np.where(wanted < 0, -np.maximum(wanted, -count), count - np.minimum(wanted, count)), 0, count)
    return _part(source, points, begin, count, count, null | source.null)


@function(
    "substr", args=(TEXT, INTEGER, INTEGER), least=2, most=3, spans=(0,), group=GROUP,
    syntax="substr(S, BEGIN[, END])",
    summary="Code points BEGIN (0-based) to END (exclusive); negatives count from the end; null beyond the text.",
    examples=[('substr("0123456789", 4, 12)', '"456789"'), ('substr("한글날", -2)', '"글날"'), ('substr("abc", 3)', "null")],
)  # fmt: skip
def substr(ev: Eval, text: Value, begin: Value, end: Value | None = None) -> Value:
    """As Logpresso: null where BEGIN is not within the text, END lies before BEGIN or before the text."""
    source = view(ev, text)
    points = CodePoints(source, ev.compiled)
    count = points.count()
    first, null = _counts(ev, begin, ev.n)
    first = np.where(first < 0, np.maximum(first, -count - 1) + count, np.minimum(first, count))
    last = count
    if end is not None:
        last, no_end = _counts(ev, end, ev.n)
        last = np.where(last < 0, np.maximum(last, -count - 1) + count, np.minimum(last, count))
        null = null | no_end
    null = null | source.null | (first < 0) | (first >= count) | (last < first)
    return _part(source, points, first, last, count, null)


def _padded(name: str, at_left: bool, summary: str, examples: list[tuple[str, str]]) -> None:
    @function(
        name, args=(TEXT, INTEGER, TEXT), least=2, most=3, group=GROUP, syntax=f'{name}(S, N[, P=" "])', summary=summary,
        examples=examples,
    )  # fmt: skip
    def kernel(ev: Eval, text: Value, size: Value, pad: Value | None = None) -> Value:
        source = view(ev, text)
        points = CodePoints(source, ev.compiled)
        count = points.count()
        wanted, null = _counts(ev, size, ev.n)
        wanted = np.maximum(wanted, 0)
        kept = source.cut(
            source.start, np.where(source.null, -1, points.byte(np.minimum(wanted, count), count) - source.start)
        )
        filling, no_pad = _filling(ev, pad, np.maximum(wanted - count, 0))
        joined = weave([filling, kept] if at_left else [kept, filling], ev.n)  # type: ignore[list-item]
        return with_nulls(joined, null | source.null | no_pad)


def _filling(ev: Eval, pad: Value | None, missing: Ints) -> tuple[pa.Array[Any], Mask]:
    """`missing` code points of the pad text over and over; an empty pad gives nothing."""
    if pad is None:
        return runs(ord(" "), missing), np.zeros(ev.n, np.bool_)
    source = view(ev, pad)
    if isinstance(pad, pa.Scalar):
        text = pad.as_py() if pad.is_valid else ""
        if len(text) == 1 and text.isascii():
            return runs(ord(text), missing), source.null
        most = int(missing.max(initial=0)) if text else 0
        guard_size(most * len(text.encode()))
        whole = np.frombuffer(((text * (most // max(len(text), 1) + 1))[:most]).encode(), np.uint8)
        ends = np.append(np.flatnonzero(whole.view(np.int8) >= -64), len(whole))
        size = ends[np.minimum(missing, most)]
        guard_size(int(size.sum()))
        return cut(whole, np.zeros_like(size), size), source.null
    points = CodePoints(source, ev.compiled)
    count = points.count()
    there = np.maximum(count, 1)
    rest = np.where(count > 0, missing % there, 0)
    rounds = np.where(count > 0, missing // there, 0)
    size = source.size
    tail = points.byte(rest, count) - source.start
    guard_size(int((rounds * size + tail).sum()))
    return _repeated(source.data, source.start, size, rounds * size + tail), source.null


def _repeated(data: Ints, start: Ints, period: Ints, size: Ints) -> pa.Array[Any]:
    """Rows of `size` bytes, made of the `period` bytes at `start` over and over."""
    offsets = np.zeros(len(size) + 1, np.int64)
    np.cumsum(size, out=offsets[1:])
    within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], size)
    bytes_ = data[np.repeat(start, size) + within % np.repeat(np.maximum(period, 1), size)] if offsets[-1] else data[:0]
    return strings_from(offsets, np.ascontiguousarray(bytes_))


_padded("lpad", True, "Text of N code points: cut when longer, filled on the left with P when shorter.",
        [('lpad("7", 3, "0")', '"007"'), ('lpad("abcd", 2)', '"ab"')])  # fmt: skip
_padded("rpad", False, "Text of N code points: cut when longer, filled on the right with P when shorter.",
        [('rpad("7", 3, ".")', '"7.."'), ('rpad("abcd", 2)', '"ab"')])  # fmt: skip
