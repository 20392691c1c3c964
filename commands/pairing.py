"""What `asof` and `windowjoin` read alike: keys of both sides, and the fields that put their rows in order of time."""

from __future__ import annotations

from collections.abc import Sequence

from ..planner import ast
from ..planner.combine import JoinKey
from ..planner.plan import Node
from ..planner.text import Span
from ..planner.types import NULL, Type
from .base import Args
from .join import tell_types
from .rowtime import HINT, implied_time, time_field

UNKNOWN = ("any", "null")  # kinds that say nothing
NUMBERS = ("long", "double")
ORDERED = ("date", "duration", *NUMBERS)


def read_keys(args: Args, left: Node, right: Node) -> tuple[JoinKey, ...]:
    """`KEY [as RKEY], ...`, with or without `by`. Each must be there (E301), none twice (E350)."""
    out: list[JoinKey] = []
    for pair in args.many("pairs") or args.many("by_pairs"):
        name, mine = args.field(pair.left, always=True)
        if pair.right is None and name not in left.schema and not left.schema.open:
            continue  # said once
        other, theirs = args.binder.field(pair.right or pair.left, right.schema, always=True)
        tell_types(args, pair, name, mine, other, theirs)
        if JoinKey(name, other) in out:
            args.fail("E350", f"the key '{name}' is given twice", pair.left.span)
        out.append(JoinKey(name, other))
    return tuple(out)


def read_times(args: Args, left: Node, right: Node, kinds: Sequence[str]) -> tuple[tuple[str, Type], tuple[str, Type]]:
    """Name and type of the fields `on=` and `righton=`, or of the time of the rows on either side.

    `kinds`: what they may be. E340: one is nothing of the kind, or there is none; E330: they do not compare.
    """
    mine, theirs = _left(args, left), _right(args, right)
    for option, (name, kind) in (("on", mine), ("righton", theirs)):
        if kind.kind not in (*kinds, *UNKNOWN):
            asked = "date" if len(kinds) == 1 else "date, length of time or number"
            hint = HINT if kind.kind == "string" else ""
            if kind.kind == "decimal" and "double" in kinds:
                hint = f"eval a double of it: double({ast.quote_name(name)})"
            args.abort("E340", f"'{name}' is no {asked} ({kind})", _place(args, option), hint=hint)
    if not are_alike(mine[1], theirs[1]):
        said = f"'{mine[0]}' is {mine[1]} and the subquery's '{theirs[0]}' is {theirs[1]}: neither is before the other"
        args.abort("E330", said, _place(args, "righton"))
    return mine, theirs


def are_alike(a: Type, b: Type) -> bool:
    return a.kind == b.kind or bool({a.kind, b.kind} & set(UNKNOWN)) or {a.kind, b.kind} <= set(NUMBERS)


def _place(args: Args, option: str) -> Span:
    """The option where it stands, `on` where it says what `righton` is."""
    return args.option_span(option if args.given(option) else "on")


def _left(args: Args, left: Node) -> tuple[str, Type]:
    given = args.option("on")
    if given is None:
        return implied_time(args, left.schema, "on")
    return args.field(ast.Field(given, args.option_span("on")), always=True)


def _right(args: Args, right: Node) -> tuple[str, Type]:
    given, on, schema = args.option("righton"), args.option("on"), right.schema
    if given is not None:
        return args.binder.field(ast.Field(given, args.option_span("righton")), schema, always=True)
    if on is not None:
        if on not in schema and not schema.open:
            if on not in args.schema:  # said already
                return on, NULL
            said, hint = f"unknown field '{on}' in the subquery", "righton= says which field of the subquery it is"
            args.abort("E301", said, args.option_span("on"), hint=hint, fields=schema.names())
        return args.binder.field(ast.Field(on, args.option_span("on")), schema, always=True)
    note = args.note
    return time_field(schema, args.abort, note, "righton=F", "the subquery's")
