"""How a `dtw` stage is read: its options by mode, its series, its pattern."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any

from ..engine.operators.dtw.band import Width
from ..planner import ast
from ..planner.expr import Late
from ..planner.plan import Assignment, Node, Project, Sort, SortKey
from ..planner.types import NULL, Schema
from .base import Args
from .dtwplan import Dtw, DtwWide
from .rowtime import time_field
from .whole import key_fields

ONLY = {
    "distance": ("window", "stretch", "znorm", "nulls", "order", "pattern", "top", "path"),
    "search": ("window", "stretch", "znorm", "order", "pattern", "top", "exclude"),
    "matrix": ("window", "stretch", "znorm", "nulls", "order"),
}
NUMBERS = ("long", "double", "null")
POINTS = re.compile(r"\d+p\Z")


def dtw_node(args: Args, source: Node) -> Node:
    args.late_option("pattern")  # before options are read: a subquery may give it
    args.check_options()
    mode = args.option("mode")
    for option in ("window", "stretch", "znorm", "nulls", "order", "pattern", "top", "path", "exclude"):
        if args.given(option) and option not in ONLY[mode]:
            where = f"mode={mode}" if mode != "distance" else "the distances of whole series"
            args.abort("E311", f"{option}= does not go with {where}", args.option_span(option))
    listed = args.many("names")
    is_wide = mode == "distance" and not args.has("by_names") and (len(listed) > 1 or listed[0].pattern)
    if is_wide:
        return _wide(args, source)
    if len(listed) > 1 or listed[0].pattern:
        what = "dtw by takes one field" if mode == "distance" else f"mode={mode} takes one field"
        args.abort(
            "E201",
            f"{what}: the points of a series are rows",
            args.place("names"),
            hint="unpivot makes rows of columns",
        )
    return _long(args, source, mode)


def _long(args: Args, source: Node, mode: str) -> Node:
    by = key_fields(args)
    if mode == "matrix" and args.has("subquery"):
        said, hint = "mode=matrix takes no subquery: it compares the groups", "union puts its rows among the others"
        args.abort("E311", said, args.place("subquery"), hint=hint)
    if mode == "matrix" and not by:
        args.abort("E201", "mode=matrix needs a key: dtw mode=matrix F by KEY", args.place("names"))
    (value,) = args.fields(args.many("names"), always=True)
    sort = _order(args, source.schema)
    widths = _widths(args)
    if mode != "distance" and len(widths) > 1:
        args.fail("E311", f"mode={mode} takes one window", _window_span(args), hint="several go with distances by key")
    source = _numbered(args, source, value)
    given = _pattern(args, value) if mode != "matrix" else {}
    keys = (SortKey(sort),) if sort is not None else ()
    common: dict[str, Any] = {"span": args.span, "stage": args.stage, "implied": True}
    sorted_ = Sort(**common, inputs=(source,), keys=keys, by=by) if keys or by else source
    exclude = args.option("exclude")
    if not 0 <= exclude <= 1:
        args.fail(
            "E311", f"exclude= cannot be {exclude}", args.option_span("exclude"), hint="a part of the length: 0 to 1"
        )
    top = args.option("top")
    right = given.pop("right", None)
    node = Dtw(
        **args.common, inputs=(sorted_, right) if right is not None else (sorted_,), mode=mode, value=value, by=by, sort=sort,
        widths=widths, znorm=args.option("znorm"), nulls=args.option("nulls") if mode != "search" else "keep",
        top=1 if mode == "search" and top is None else top, path=args.option("path"), exclude=float(exclude), **given,
    )  # fmt: skip
    names = [n for n, _ in node.schema.fields]
    for name in dict.fromkeys(n for n in names if names.count(n) > 1):
        args.fail("E350", f"two columns are named '{name}'", args.place("by_names"), hint="rename the key first")
    return node


def _wide(args: Args, source: Node) -> Node:
    for option in ("top", "path", "order"):
        if args.given(option):
            hint = {"top": "sort limit=10 _distance", "path": "unpivot, then dtw ... by KEY"}.get(
                option, "points are in order of the fields"
            )
            args.abort(
                "E311",
                f"{option}= needs one field and by: here each row is a series",
                args.option_span(option),
                hint=hint,
            )
    fields = tuple(args.fields(args.many("names"), always=True))
    for name in fields:
        source = _numbered(args, source, name)
    widths = _widths(args)
    given = _pattern(args, None)
    right = given.pop("right", None)
    node = DtwWide(
        **args.common, inputs=(source, right) if right is not None else (source,), fields=fields, widths=widths,
        znorm=args.option("znorm"), nulls=args.option("nulls"), **given,
    )  # fmt: skip
    for name, _ in node.added():
        if name in source.schema:
            args.fail("E350", f"two columns are named '{name}'", hint="rename the field first")
    return node


def _order(args: Args, schema: Schema) -> str | None:
    """The field that orders points; None: they are in input order, which is noted."""
    given = args.option("order")
    if given is not None:
        return args.field(ast.Field(given, args.option_span("order")), always=True)[0]
    dates = [n for n, t in schema.fields if t.kind == "date"]
    if "_time" not in schema and not dates and not schema.open:
        args.note("info", "points are in input order", hint="there is no _time; order=F goes by a field")
        return None
    return time_field(schema, args.abort, args.note, "order=F")[0]


def _numbered(args: Args, source: Node, name: str) -> Node:
    """The field as doubles or longs; what the data decides, and decimals, are made doubles in a stage before."""
    kind = source.schema.type(name) or NULL
    if kind.kind in NUMBERS:
        return source
    if kind.kind not in ("any", "decimal"):
        code, hint = ("E320", f"eval {name} = double({name})") if kind.kind == "string" else ("E311", "")
        args.fail(code, f"'{name}' is {kind}: a series is made of numbers", args.place_of(name), hint=hint)
        return source
    value = args.expr(ast.Call(name="double", args=(ast.Name(name=name),)), source.schema)
    common: dict[str, Any] = {"span": args.span, "stage": args.stage, "implied": True}
    return Project(**common, inputs=(source,), assigns=(Assignment((name,), value),))


# the pattern


def _pattern(args: Args, value: str | None) -> dict[str, Any]:
    """Where the pattern comes from, as fields of the node; `right`: its subquery. `value`: the field that it is, if known."""
    if args.parsed.option("pattern") is not None and args.has("subquery"):
        args.abort(
            "E311", "there are two patterns: pattern= and a subquery", args.option_span("pattern"), hint="give one"
        )
    if args.has("subquery"):
        return _from_subquery(args, value)
    if not args.given("pattern"):
        if args.parsed.option("pattern") is not None:
            args.abort("E410", "the parameter of pattern= is null", args.option_span("pattern"))
        args.abort("E201", "dtw needs a pattern: a subquery, or pattern=", args.place("names"),
                   hint="[ csvfile pattern.csv ], or pattern=$p with an array in p")  # fmt: skip
    late = args.late_option("pattern")
    if isinstance(late, Late):
        kind = late.type
        if kind.kind != "array" or (kind.item or NULL).kind not in NUMBERS:
            args.abort("E410", f"pattern= is {kind}: an array of numbers is needed", args.option_span("pattern"))
        return {"late": late.name}
    return {"points": args.option("pattern")}


def _from_subquery(args: Args, value: str | None) -> dict[str, Any]:
    right = args.subquery()
    given = args.option("order")
    order = given if given is not None else "_time"
    order = order if order in right.schema else None
    if value is None:
        rest = [n for n in right.schema.names() if n != order]
        if len(rest) != 1:
            args.abort(
                "E201", "the pattern's subquery must give one field", args.place("subquery"), hint="[ ... | fields F ]"
            )
        value = rest[0]
    elif value not in right.schema and not right.schema.open:
        args.abort("E301", f"the subquery has no field '{value}'", args.place("subquery"), fields=right.schema.names(),
                   hint=f"rename the pattern's field to {value}")  # fmt: skip
    kind = right.schema.type(value) or NULL
    if kind.kind == "string":
        args.abort("E320", f"the subquery's '{value}' is string: a pattern is made of numbers", args.place("subquery"),
                   hint=f"eval {value} = double({value})")  # fmt: skip
    right = _numbered(args, right, value)
    if order is not None:
        right = Sort(span=args.span, stage=args.stage, implied=True, inputs=(right,), keys=(SortKey(order),))
    return {"right": right, "theirs": value, "their_order": order}


# windows


def _window_span(args: Args) -> Any:
    return args.option_span("stretch" if args.given("stretch") else "window")


def _widths(args: Args) -> tuple[Width, ...]:
    if args.given("window") and args.given("stretch"):
        args.abort("E311", "window= and stretch= are one option", args.option_span("stretch"), hint="give one of them")
    option = "stretch" if args.given("stretch") else "window"
    texts = args.option(option)
    if not texts:
        args.abort("E311", f"{option}= needs a width", args.option_span(option), hint="0.1, 5, 1p, none")
    widths = tuple(_width(args, option, t) for t in texts)
    seen: dict[Any, str] = {}
    for width in widths:
        if (before := seen.get(width.meaning)) is not None:
            other = f", also as {before}" if before != width.text else ""
            args.fail("E311", f"{option}= has the width {width.text} twice{other}", args.option_span(option))
        seen[width.meaning] = width.text
    return widths


def _width(args: Args, option: str, text: str) -> Width:
    if text == "none":
        return Width(text)
    if POINTS.match(text):
        return Width(text, points=min(int(text[:-1]), 2**62))
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("nan")
    span = args.option_span(option)
    if value == 1:
        args.abort("E307", f"{option}={text} may mean one point or the whole length", span, hint="write 1p, or none")
    if not value.is_finite() or value < 0 or (value > 1 and value != int(value)):
        hint = "it takes a fraction below 1, a whole number of points (5 or 5p), 0, or none"
        args.abort("E311", f"'{option}' cannot be {text}", span, hint=hint)
    return Width(text, fraction=value) if value < 1 else Width(text, points=min(int(value), 2**62))
