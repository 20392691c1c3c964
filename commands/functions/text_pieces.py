"""Text taken apart and put together: replace, split, strjoin."""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat
from typing import Any, cast

import numpy as np
import pyarrow as pa

from ...engine import regex, regexevery
from ...engine.arrow import array_from, bytes_of, call, concat, is_valid, offsets_of
from ...engine.exprs import Eval, Value
from ...engine.strings import Ints, Mask, strings_from, view_of, with_nulls
from ...engine.values import texts_from, to_text
from ...planner.types import array_of
from ..base import ANY_ARG, INTEGER, STRING, TEXT, CallBinder, Type, converted, function

GROUP = "text"


FEW = 16  # rows of a distinct combination, on average, from which on a call of Arrow for it is quicker than Python's for each


def by_distinct(
    columns: list[pa.Array[Any]],
    n: int,
    answer: Callable[[Ints, list[Any]], pa.Array[Any]],
    by_row: Callable[[], pa.Array[Any]] | None = None,
) -> pa.Array[Any]:
    """Rows grouped by the values of `columns`: `answer(rows, values)` is asked once a distinct combination.

    For arguments that Arrow takes as constants only. Such a call costs some ten microseconds; where the combinations are
    too many for that, `by_row` answers for all rows.
    """
    codes = np.zeros(n, np.int64)
    for column in columns:
        coded: Any = call("dictionary_encode", column, null_encoding="encode")
        codes = np.unique(codes * len(coded.dictionary) + np.asarray(coded.indices, np.int64), return_inverse=True)[1]
    if n == 0:
        return answer(np.zeros(0, np.int64), [None] * len(columns))
    order = np.argsort(codes, kind="stable")
    edges = np.flatnonzero(np.append(True, np.diff(codes[order]) != 0))
    if by_row is not None and FEW * len(edges) > n:
        return by_row()
    pieces = []
    for begin, end in zip(edges, np.append(edges[1:], n), strict=True):
        rows = order[begin:end]
        pieces.append(answer(rows, [c[int(rows[0])].as_py() for c in columns]))
    back = np.empty(n, np.int64)
    back[order] = np.arange(n)
    return concat(pieces).take(array_from(back))


def _replace_type(call: CallBinder) -> Type:
    if len(call.args) == 3:
        return STRING
    if call.constant(3) != "re":
        call.fail("E307", 'the fourth argument of replace is "re" or nothing', at=3)
    if call.is_constant(1) and call.constant(1) is None:
        call.args = call.args[:3]
        return STRING
    pattern = regex.constant_pattern(call, 1)
    if call.is_constant(2):
        try:
            regex.java_replacement(str(call.constant(2) or ""), pattern)
        except ValueError as refused:
            call.fail("E307", f"bad replacement: {refused}", at=2)
    call.data, call.args = pattern, call.args[:3]
    return STRING


@function(
    "replace", args=(TEXT, TEXT, TEXT, TEXT), least=3, most=4, returns=_replace_type, group=GROUP,
    syntax='replace(S, PAT, REP[, "re"])',
    summary='Every PAT in S as REP; with "re" PAT is a regular expression and $1 in REP its first group. '
    "A null or empty PAT replaces nothing, a null REP is empty text.",
    examples=[
        ('replace("W07", "W", "")', '"07"'), ("replace(\"a1b2\", '(\\d)', \"<$1>\", \"re\")", '"a<1>b<2>"'),
        ('replace("abc", null, "x")', '"abc"'),
    ],
)  # fmt: skip
def replace(ev: Eval, text: Value, pattern: Value, new: Value) -> Value:
    column = ev.array(text)
    if ev.data is not None:
        return _replace_re(ev, column, ev.data, new)
    if isinstance(pattern, pa.Scalar) and isinstance(new, pa.Scalar):
        return _replaced(column, pattern.as_py(), new.as_py())
    columns = [ev.array(pattern), ev.array(new)]

    def by_row() -> pa.Array[Any]:
        made = zip(column.to_pylist(), *(c.to_pylist() for c in columns), strict=True)
        return texts_from([s.replace(old, to or "") if s is not None and old else s for s, old, to in made])

    return by_distinct(columns, ev.n, lambda rows, v: _replaced(column.take(array_from(rows)), *v), by_row)


def _replaced(column: pa.Array[Any], old: str | None, new: str | None) -> pa.Array[Any]:
    return call("replace_substring", column, pattern=old, replacement=new or "") if old else column


def _replace_re(ev: Eval, column: pa.Array[Any], pattern: regex.Pattern, new: Value) -> Value:
    def replaced(text: pa.Array[Any], to: str | None) -> pa.Array[Any]:
        rewrite = regex.java_replacement(to or "", pattern)
        return regexevery.replaced(text, pattern, rewrite, compiled=ev.compiled)

    if isinstance(new, pa.Scalar):
        return replaced(column, new.as_py())
    news = ev.array(new)
    bad = np.zeros(ev.n, np.bool_)

    def answer(rows: Ints, values: list[Any]) -> pa.Array[Any]:
        some = column.take(array_from(rows))
        try:
            return replaced(some, values[0])
        except ValueError:
            bad[rows] = True
            return cast("pa.Array[Any]", pa.nulls(len(rows), pa.string()))

    out = by_distinct([news], ev.n, answer)
    ev.reject("type", bad & is_valid(column), news, "a group that PAT has not; a plain dollar is \\$")
    return out


@function(
    "split", args=(TEXT, TEXT, INTEGER), least=2, most=3, returns=array_of(STRING), group=GROUP,
    syntax="split(S, SEP[, LIMIT])",
    summary="The parts of S between the literal SEP, at most LIMIT of them; empty text gives an empty array, "
    "an empty SEP the code points.",
    examples=[
        ('split("a,b,,c", ",")', 'array("a", "b", "", "c")'), ('split("a,b,c", ",", 2)', 'array("a", "b,c")'),
        ('len(split("", ","))', "0"),
    ],
)  # fmt: skip
def split(ev: Eval, text: Value, separator: Value, limit: Value | None = None) -> Value:
    column = ev.array(text)
    constant = isinstance(separator, pa.Scalar) and (limit is None or isinstance(limit, pa.Scalar))
    if constant:
        most = 0 if limit is None else cast("pa.Scalar[Any]", limit).as_py()
        return _split(column, cast("pa.Scalar[Any]", separator).as_py(), most)
    columns = [ev.array(separator)] + ([] if limit is None else [ev.array(limit)])

    def by_row() -> pa.Array[Any]:
        limits = columns[1].to_pylist() if limit is not None else repeat(0)
        made = zip(column.to_pylist(), columns[0].to_pylist(), limits, strict=False)
        return pa.array([_split_one(*row) for row in made], pa.list_(pa.string()))

    return by_distinct(
        columns,
        ev.n,
        lambda rows, v: _split(column.take(array_from(rows)), v[0], v[1] if limit is not None else 0),
        by_row,
    )


def _split_one(text: str | None, separator: str | None, limit: int | None) -> list[str] | None:
    if text is None or separator is None or limit is None:
        return None
    if not text:
        return []
    if separator:
        return text.split(separator, limit - 1 if limit > 0 else -1)
    return list(text) if limit <= 0 or len(text) <= limit else [*text[: limit - 1], text[limit - 1 :]]


def _split(column: pa.Array[Any], separator: str | None, limit: int | None) -> pa.Array[Any]:
    if separator is None or limit is None:
        return cast("pa.Array[Any]", pa.nulls(len(column), pa.list_(pa.string())))
    if not separator:
        return _code_points(column, limit)
    made: Any = call("split_pattern", column, pattern=separator, max_splits=limit - 1 if limit > 0 else None)
    return _without_empty(made, is_valid(column) & (np.diff(offsets_of(column)) == 0))


def _without_empty(made: Any, empty: Mask) -> pa.Array[Any]:
    """Arrow splits empty text into one empty part; ours has none."""
    bounds = offsets_of(made)
    if not empty.any():
        return cast("pa.Array[Any]", made)
    keep = np.ones(len(made.values), np.bool_)
    keep[bounds[:-1][empty]] = False
    less = np.append(0, np.cumsum(empty)).astype(np.int32)
    return regex.list_array(bounds - less, made.values.filter(array_from(keep)), ~is_valid(made))


def _code_points(column: pa.Array[Any], limit: int) -> pa.Array[Any]:
    """The separator is empty: every code point is a part; the last of `limit` parts is all the rest."""
    dense = view_of(column).array()  # with nothing behind the nulls
    offsets = offsets_of(dense)
    raw = bytes_of(dense.buffers()[2])[: offsets[-1]]
    begins = np.append(np.flatnonzero(raw.view(np.int8) >= -64), len(raw)).astype(np.int32)
    bounds = np.searchsorted(begins, offsets).astype(np.int32)
    if limit > 0:
        rank = np.arange(bounds[-1]) - np.repeat(bounds[:-1], np.diff(bounds))
        begins = np.append(begins[:-1][rank < limit], begins[-1:])
        bounds = np.append(0, np.cumsum(np.minimum(np.diff(bounds), limit))).astype(np.int32)
    return regex.list_array(bounds, strings_from(begins, raw), ~is_valid(column))


def _strjoin_type(call: CallBinder) -> Type:
    kind = call.types[1]
    if kind.kind not in ("array", "null"):
        call.fail("E330", f"strjoin joins an array, not {kind}", at=1, hint="concat joins single values")
    call.data = kind.item
    call.args = [converted(call, call.args[0], TEXT), call.args[1]]
    return STRING


@function(
    "strjoin", args=(ANY_ARG, ANY_ARG), returns=_strjoin_type, group=GROUP,
    syntax="strjoin(SEP, ARRAY)",
    summary="The elements as text with SEP between them; nulls are skipped.",
    examples=[('strjoin("-", array("a", null, "b"))', '"a-b"'), ('strjoin(",", array(1, 2))', '"1,2"')],
)  # fmt: skip
def strjoin(ev: Eval, separator: Value, array: Value) -> Value:
    lists: Any = ev.array(array)
    if pa.types.is_null(lists.type):
        return pa.nulls(ev.n, pa.string())
    bounds, null = offsets_of(lists), ~is_valid(lists)
    items = lists.values if ev.data is None else to_text(lists.values, ev.data, ev.zone)
    if pa.types.is_null(items.type):
        items = pa.nulls(len(items), pa.string())
    if items.null_count:
        there = is_valid(items)
        bounds = np.append(0, np.cumsum(there)).astype(np.int32)[bounds]
        items = items.filter(array_from(there))
    joined = regex.list_array(bounds, items, null)
    if isinstance(separator, pa.Scalar):
        return call("binary_join", joined, separator)
    return with_nulls(call("binary_join", joined, ev.array(separator)), null)
