"""`format`: values into a template."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pyarrow as pa

from ...engine.arrow import array_from, concat, is_valid, offsets_of
from ...engine.exprs import Eval, Value
from ...engine.strings import Ints, Mask, weave, with_nulls
from ...engine.textformat import FormatError, Item, Piece, compile_format, format_column
from ...engine.values import to_text
from ...planner.types import STRING as STRING_TYPE
from ...planner.types import scalar
from ..base import ANY_ARG, MANY, STRING, TEXT, CallBinder, Type, converted, function


def _format_type(call: CallBinder) -> Type:
    types = tuple(call.types[1:])
    listed = len(types) == 1 and types[0].kind == "array"
    if call.constant(0) is None:  # of each row, or null
        call.args = [converted(call, call.args[0], TEXT), *call.args[1:]]
        call.data = None, types, listed
        return STRING
    text = call.constant(0)
    if not isinstance(text, str):
        call.fail("E307", "the template of format is text", at=0)
    try:
        pieces = compile_format(text)
    except FormatError as refused:
        call.fail("E307", f"bad format at character {refused.offset + 1}: {refused}", at=0)
    needed = max((p.index + 1 for p in pieces if isinstance(p, Item)), default=0)
    if needed > len(types) and not listed:
        call.fail("E307", f"the template has an item for value {needed}; there are {len(types)}", at=0)
    call.data, call.args = (pieces, types, listed), call.args[1:]
    return STRING


@function(
    "format", args=(ANY_ARG,), least=1, most=MANY, returns=_format_type, group="text",
    syntax="format(FMT, E, ...) or format(FMT, ARRAY)",
    summary="Values in a template: %s text, %d whole number, %x hexadecimal, %f %e decimals, %n newline, %% percent, "
    "with flags - 0 + and the comma, width, precision and position as in %2$s. null prints null; "
    "a value that does not go with its item makes the text null, counted.",
    examples=[
        ('format("date: %04d-%02d-%02d", 2004, 3, 29)', '"date: 2004-03-29"'), ('format("%,d|%5.1f|%-3s|", 1234567, 2.25, "a")', '"1,234,567|  2.3|a  |"'),
        ('format("%2$s-%1$s", array("a", "b"))', '"b-a"'),
    ],
)  # fmt: skip
def format_(ev: Eval, *values: Value) -> Value:
    pieces, types, listed = ev.data
    columns = [ev.array(v) for v in (values if pieces is not None else values[1:])]
    if pieces is not None:
        return _formatted(ev, pieces, columns, types, listed)
    return _by_template(ev, ev.array(values[0]), columns, types, listed)


def _formatted(
    ev: Eval, pieces: tuple[Piece, ...], columns: list[pa.Array[Any]], types: tuple[Type, ...], listed: bool
) -> Value:
    null, out, bad, shown = _answer(ev, pieces, columns, types, listed, ev.n)
    ev.reject("type", bad & ~null, shown)
    return with_nulls(out, bad | null)


def _answer(
    ev: Eval, pieces: tuple[Piece, ...], columns: list[pa.Array[Any]], types: tuple[Type, ...], listed: bool, n: int
) -> tuple[Mask, pa.Array[Any], Mask, pa.Array[Any] | None]:
    """Null rows (a null array), the texts, the rows with a misfit, and a column that has one."""
    null = ~is_valid(columns[0]) if listed else np.zeros(n, np.bool_)
    bad = np.zeros(n, np.bool_)
    shown: pa.Array[Any] | None = None
    parts: list[Any] = []
    for piece in pieces:
        if isinstance(piece, str):
            parts.append(scalar(piece, STRING_TYPE))
            continue
        column, kind, there = _value(columns, types, listed, piece.index, n)
        text = to_text(column, kind, ev.zone) if piece.kind == "s" else None
        made, misfit = format_column(piece, column, text)
        misfit = misfit | ~there
        if (misfit & ~bad).any() and shown is None:
            shown = columns[0] if listed else column
        bad |= misfit
        parts.append(made)
    parts = parts or [scalar("", STRING_TYPE)]
    return null, weave(parts, n), bad, shown


def _value(
    columns: list[pa.Array[Any]], types: tuple[Type, ...], listed: bool, index: int, n: int
) -> tuple[pa.Array[Any], Type, Mask]:
    """The column of one item, and the rows that have it at all (arrays may be too short)."""
    if not listed:
        return columns[index], types[index], np.ones(n, np.bool_)
    lists = cast(Any, columns[0])
    bounds = offsets_of(lists)
    there = is_valid(lists) & (np.diff(bounds) > index)
    at = np.where(there, bounds[:-1] + np.int32(index), 0)
    return lists.values.take(array_from(at, ~there)), types[0].item or Type("null"), there


def _by_template(
    ev: Eval, templates: pa.Array[Any], columns: list[pa.Array[Any]], types: tuple[Type, ...], listed: bool
) -> Value:
    """Templates that are data: each distinct one is compiled; one that cannot work is a misfit of its rows."""
    codes: Any = cast(Any, templates).dictionary_encode(null_encoding="encode")
    numbers = np.asarray(codes.indices, np.int64)
    pieces_of: list[pa.Array[Any]] = []
    order: list[Ints] = []
    misfits = np.zeros(ev.n, np.bool_)
    for i, template in enumerate(codes.dictionary.to_pylist()):
        rows = np.flatnonzero(numbers == i)
        some = [c.take(array_from(rows)) for c in columns]
        out, misfits[rows] = _of_template(ev, template, some, types, listed, len(rows))
        pieces_of.append(out)
        order.append(rows)
    ev.reject("type", misfits, templates)
    if not order:
        return pa.nulls(ev.n, pa.string())
    back = np.empty(ev.n, np.int64)
    back[np.concatenate(order)] = np.arange(ev.n)
    return concat(pieces_of).take(array_from(back))


def _of_template(
    ev: Eval, template: str | None, columns: list[pa.Array[Any]], types: tuple[Type, ...], listed: bool, n: int
) -> tuple[pa.Array[Any], Mask]:
    nothing = cast("pa.Array[Any]", pa.nulls(n, pa.string()))
    if template is None:
        return nothing, np.zeros(n, np.bool_)
    try:
        pieces = compile_format(template)
    except FormatError:
        return nothing, np.ones(n, np.bool_)
    if not listed and any(isinstance(p, Item) and p.index >= len(types) for p in pieces):
        return nothing, np.ones(n, np.bool_)
    null, out, bad, _ = _answer(ev, pieces, columns, types, listed, n)
    return with_nulls(out, bad | null), bad & ~null
