"""Text functions that look for a piece of text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from ...engine import textpairs
from ...engine.arrow import array_from, bytes_of, call, is_valid, numbers_of, offsets_of
from ...engine.batch import Spans
from ...engine.compare import comparable, of_columns
from ...engine.exprs import Eval, Value
from ...engine.strings import CodePoints, Ints, Mask, View, cut, view
from ...engine.textmatch import match_pattern
from ...planner.types import NULL
from ..base import ANY_ARG, BOOL, INTEGER, LONG, PARSED, STRING, TEXT, CallBinder, Type, converted, function

GROUP = "text"


def _contains_type(call: CallBinder) -> Type:
    where, what = call.types
    call.data = None
    if where.kind != "array":
        call.args = [converted(call, a, TEXT) for a in call.args]
        return BOOL
    item = where.item or NULL
    if what.kind == "null" or item.kind == "null":
        call.data = (item, what)
        return BOOL
    if item.kind in ("string", "any"):
        call.args = [call.args[0], converted(call, call.args[1], TEXT)]
        call.data = (STRING, STRING)
        return BOOL
    if item.kind in ("long", "double"):
        call.args = [call.args[0], converted(call, call.args[1], PARSED)]
    elif not comparable(item, what):
        call.fail("E330", f"an {where} holds no {what}", at=1)
    call.data = (item, call.args[1].type)
    return BOOL


@function(
    "contains", args=(ANY_ARG, ANY_ARG), returns=_contains_type, spans=(0,), group=GROUP,
    syntax="contains(S, SUB)",
    summary="Whether the text holds SUB, or the array has an element equal to it; false for null.",
    examples=[('contains("foo", "o")', "true"), ('contains("baz", null)', "false"), ("contains(array(1, 2), 2)", "true")],
)  # fmt: skip
def contains(ev: Eval, where: Value, what: Value) -> Value:
    if ev.data is not None:
        return array_from(_has_element(ev, where, what))
    if isinstance(what, pa.Scalar):
        found = match_pattern(ev, where, ("", what.as_py(), "")) if what.is_valid else np.zeros(ev.n, np.bool_)
        return array_from(found)
    return array_from(textpairs.find(view(ev, where), view(ev, what), compiled=ev.compiled) >= 0)


def _has_element(ev: Eval, where: Value, what: Value) -> Mask:
    lists: Any = ev.array(where)
    wanted = ev.array(what)
    if pa.types.is_null(lists.type.value_type) or pa.types.is_null(wanted.type):
        return np.zeros(ev.n, np.bool_)
    bounds = offsets_of(lists)
    size = np.where(is_valid(lists), np.diff(bounds), 0)
    edges = np.append(0, np.cumsum(size))
    rows = np.repeat(np.arange(ev.n, dtype=np.int32), size)
    items = np.arange(edges[-1], dtype=np.int32) + np.repeat(bounds[:-1] - edges[:-1].astype(np.int32), size)
    left, right = lists.values.take(array_from(items)), wanted.take(array_from(rows))
    equal = of_columns(left, ev.data[0], right, ev.data[1])[1] & is_valid(left) & is_valid(right)
    return np.bincount(rows[equal], minlength=ev.n) > 0


@function(
    "startswith", args=(TEXT, TEXT), returns=BOOL, spans=(0,), group=GROUP,
    syntax="startswith(S, SUB)",
    summary="Whether the text begins with SUB; false for null.",
    examples=[('startswith("foobar", "foo")', "true"), ('startswith(null, "a")', "false")],
)  # fmt: skip
def startswith(ev: Eval, text: Value, part: Value) -> Value:
    if isinstance(part, pa.Scalar):
        return array_from(_at_end(ev, text, part, first=True))
    return array_from(textpairs.starts_with(view(ev, text), view(ev, part)))


@function(
    "endswith", args=(TEXT, TEXT), returns=BOOL, spans=(0,), group=GROUP,
    syntax="endswith(S, SUB)",
    summary="Whether the text ends with SUB; false for null.",
    examples=[('endswith("foobar", "bar")', "true"), ('endswith("a", null)', "false")],
)  # fmt: skip
def endswith(ev: Eval, text: Value, part: Value) -> Value:
    if isinstance(part, pa.Scalar):
        return array_from(_at_end(ev, text, part, first=False))
    return array_from(textpairs.ends_with(view(ev, text), view(ev, part)))


def _at_end(ev: Eval, text: Value, part: pa.Scalar[Any], first: bool) -> Mask:
    if not part.is_valid:
        return np.zeros(ev.n, np.bool_)
    return match_pattern(ev, text, (part.as_py(), "") if first else ("", part.as_py()))


@function(
    "indexof", args=(TEXT, TEXT, INTEGER), least=2, most=3, returns=LONG, spans=(0,), group=GROUP,
    syntax="indexof(S, SUB[, FROM=0])",
    summary="The position (0-based code points) of the first SUB at or after FROM; -1 when absent.",
    examples=[('indexof("hello world", "o", 5)', "7"), ('indexof("한글날", "날")', "2"), ('indexof("hello", "x")', "-1")],
)  # fmt: skip
def indexof(ev: Eval, text: Value, part: Value, begin: Value | None = None) -> Value:
    source, sub = view(ev, text), view(ev, part)
    points = CodePoints(source, ev.compiled)
    null = source.null | sub.null
    if begin is None:
        whole = None if isinstance(text, Spans) else ev.array(text)
        return _positions(points, _find(ev, source, sub, part, last=False, column=whole), null)
    column, count = ev.array(begin), points.count()
    null = null | ~is_valid(column)
    wanted = np.clip(np.where(is_valid(column), numbers_of(column), 0), 0, count)
    skipped: Ints = np.where(source.null, 0, points.byte(wanted, count) - source.start)
    rest = View(source.data, source.start + skipped, np.where(source.null, -1, source.length - skipped))
    found = _find(ev, rest, sub, part, last=False)
    return _positions(points, np.where(found < 0, -1, found + skipped), null)


@function(
    "lastindexof", args=(TEXT, TEXT, INTEGER), least=2, most=3, returns=LONG, spans=(0,), group=GROUP,
    syntax="lastindexof(S, SUB[, FROM])",
    summary="The position (0-based code points) of the last SUB that begins at or before FROM; -1 when absent.",
    examples=[('lastindexof("hello world", "o")', "7"), ('lastindexof("hello world", "o", 6)', "4"), ('lastindexof("a", "x")', "-1")],
)  # fmt: skip
def lastindexof(ev: Eval, text: Value, part: Value, begin: Value | None = None) -> Value:
    source, sub = view(ev, text), view(ev, part)
    points = CodePoints(source, ev.compiled)
    null = source.null | sub.null
    if begin is not None:
        column, count = ev.array(begin), points.count()
        null = null | ~is_valid(column)
        wanted = np.where(is_valid(column), numbers_of(column), 0)
        reach = points.byte(np.clip(wanted, 0, count), count) - source.start + sub.size
        size: Ints = np.where(source.null, -1, np.where(wanted < 0, 0, np.minimum(source.size, reach)))
        found = _find(ev, View(source.data, source.start, size), sub, part, last=True)
        found = np.where(wanted < 0, -1, found)
    else:
        found = _find(ev, source, sub, part, last=True)
    return _positions(points, found, null)


def _positions(points: CodePoints, found: Ints, null: Mask) -> Value:
    """Bytes from each row's start as code points."""
    number = points.number(points.text.start + np.maximum(found, 0))
    return array_from(np.where(found < 0, -1, number).astype(np.int64), null)


def _find(ev: Eval, text: View, sub: View, part: Value, last: bool, column: pa.Array[Any] | None = None) -> Ints:
    """Bytes from each row's start; a constant is looked for by Arrow, backwards in bytes turned round."""
    if ev.compiled or not isinstance(part, pa.Scalar) or len(text) == 0:
        return textpairs.find(text, sub, last, ev.compiled)
    if not part.is_valid:
        return np.full(len(text), -1, np.int64)
    wanted: bytes = part.as_py().encode("utf-8", "surrogatepass")
    if not wanted:
        return text.size.astype(np.int64) if last else np.zeros(len(text), np.int64)
    if last:
        text = View(text.data[::-1].copy(), (len(text.data) - text.stop)[::-1], text.length[::-1])
        wanted = wanted[::-1]
    raw = column if column is not None and not last else cut(text.data, text.start, text.length).view(pa.binary())
    found = call("find_substring", raw, pattern=wanted)
    place = np.where(is_valid(found), np.frombuffer(bytes_of(found.buffers()[1]), np.int32)[: len(found)], -1).astype(
        np.int64
    )
    if not last:
        return place
    place = place[::-1]
    return np.where(place < 0, -1, text.size[::-1] - place - len(wanted))
