"""What the gaps of a regular grid are filled with: `fill=` and `F fill M` of `resample` and `gapfill`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ..planner import ast, option_values
from ..planner.expr import Bound, FieldRef, Literal
from ..planner.plan import Assignment
from ..planner.records import dataclass
from ..planner.text import Span, nearest
from ..planner.types import DOUBLE, LONG, Schema, Type
from .base import Args, computed
from .fillvalues import in_type, way

METHODS = ("null", "zero", "prev", "next", "linear")
BETWEEN = ("long", "double", "decimal", "date", "duration")  # what points on a line can be
ZEROS = ("long", "double", "decimal", "duration", "null")
WORD = re.compile(r"[^\W\d]\w*\Z")


@dataclass(frozen=True, slots=True)
class Filling:
    """One of METHODS, or a `value` as it was `written`."""

    method: str
    span: Span
    value: Literal | None = None
    written: str = ""


@dataclass(frozen=True, slots=True)
class Filled:
    """A column, its type before and behind, and how it is filled: one of METHODS or `value`, then with a `value` of that type.

    `around`: of a line through single observations, the columns that hold the value and time of a bucket's first one and
    of its last one.
    """

    name: str
    type: Type
    out: Type
    method: str
    value: Any = None
    around: tuple[str, ...] = ()


def of_option(args: Args) -> Filling:
    """`fill=`."""
    raw, value, at = args.parsed.option("fill"), args.option("fill"), args.option_span("fill")
    if raw is None or value is None or value.value is None:
        return Filling("null", at)
    text = value.value
    if args.option_param("fill") is not None:
        return Filling(text, at) if text in METHODS else Filling("value", at, value, str(text))
    if raw.value in METHODS:
        return Filling(raw.value, at)
    if WORD.match(raw.value) and value.type.kind == "string":
        _unknown(args, raw.value, at)
    return Filling("value", at, value, option_values.unquote(raw.value))


def of_item(args: Args, given: ast.Expr) -> Filling:
    """What stands behind `fill`."""
    if isinstance(given, ast.Name):
        if given.name not in METHODS:
            _unknown(args, given.name, given.span)
        return Filling(given.name, given.span)
    value = args.constant(given)
    if value.value is None:
        return Filling("null", given.span)
    if isinstance(given, ast.Param) and value.value in METHODS:
        return Filling(value.value, given.span)
    return Filling(
        "value", given.span, value, str(value.value) if isinstance(given, ast.Text | ast.Param) else given.text()
    )


def _unknown(args: Args, word: str, at: Span) -> None:
    near = {
        "none": ("null",),
        "0": ("zero",),
        "ffill": ("prev",),
        "pad": ("prev",),
        "bfill": ("next",),
        "previous": ("prev",),
    }
    args.abort(
        "E311", f"'fill' cannot be {word}", at, suggestions=near.get(word.lower()) or nearest(word, METHODS, 1),
        hint=f'it takes null, zero, prev, next, linear, or a constant; text stands in quotes: "{word}"',
    )  # fmt: skip


def filled(args: Args, filling: Filling, name: str, kind: Type) -> Filled:
    """How a column of this type is filled. E311 where it cannot be."""
    if kind.kind == "any" and args.schema.open:  # bound again when the columns are known
        return Filled(name, kind, kind, "null")
    match filling.method:
        case "zero":
            if kind.kind not in ZEROS:
                _unfit(args, f"fill=zero cannot fill '{name}': {kind}", filling, "fill=null, or prev")
                return Filled(name, kind, kind, "null")
            return _with_value(args, Filling("value", filling.span, Literal(type=LONG, value=0), "0"), name, kind)
        case "linear":
            if kind.kind == "null":
                return Filled(name, kind, kind, "null")
            if kind.kind not in BETWEEN:
                _unfit(args, f"no line goes through '{name}': {kind}", filling, "fill=prev or next")
            return Filled(name, kind, DOUBLE if kind.kind in ("long", "decimal") else kind, "linear")
        case "value":
            return _with_value(args, filling, name, kind)
    return Filled(name, kind, kind, filling.method)


def _with_value(args: Args, filling: Filling, name: str, kind: Type) -> Filled:
    assert filling.value is not None
    if kind.kind == "duration" and filling.value.value == 0 and filling.value.type.kind == "long":
        return Filled(name, kind, kind, "value", 0)
    found = in_type(args, filling.value, kind, filling.written)
    if found is None:
        hint = way(kind).replace("value=", "fill=").replace("method=", "fill=")
        _unfit(args, f"'{name}' is {kind}: it cannot be {filling.written}", filling, hint)
        return Filled(name, kind, kind, "null")
    return Filled(name, kind, found[0], "value", found[1])


def _unfit(args: Args, message: str, filling: Filling, hint: str) -> None:
    args.fail("E311", message, filling.span, hint=hint)


def grid_column(f: Filled, schema: Schema, most_ticks: int | None) -> Any:
    """For the operator that makes the grid; no gap longer than `most_ticks` is filled."""
    from ..engine.operators.fillcarry import Fill
    from ..engine.operators.regularfill import GridColumn

    at = schema.index(f.name)
    fill = None if f.method == "null" else Fill(method=f.method, most_ticks=most_ticks)
    around: Any = tuple(schema.index(n) for n in f.around) or None
    return GridColumn(source=at, type=schema.fields[at][1], out=f.out, fill=fill, constant=f.value, around=around)


def doubles(columns: Sequence[Filled]) -> list[Assignment]:
    """Decimals through which a line is drawn become doubles, as whole numbers do."""
    fields = [FieldRef(type=f.type, name=f.name) for f in columns if f.method == "linear" and f.type.kind == "decimal"]
    return [Assignment((f.name,), computed(Bound(f, ast.Constant(value=None)))) for f in fields]
