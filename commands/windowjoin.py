"""`windowjoin AGG, ... by KEY [ SUB ]`: aggregates over the subquery's rows around each row's time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..planner import ast, combine
from ..planner.plan import AggCall, Names
from ..planner.records import dataclass
from ..planner.types import BOOL, DATE, DATE_NS, NULL, Schema, Type
from .base import Args, Command, Example, Node, Option, kinds, lowers, register
from .pairing import read_keys, read_times
from .windowing import arguments

if TYPE_CHECKING:
    from ..engine.operators.window.spec import Length

US = 1000
MONTH_NS = 2_629_746 * 10**9  # a twelfth of a year
TABLES = {
    "trades": "_time:date sym:string size:long\n2026-11-02T09:30:10Z A 100\n2026-11-02T09:31:00Z A 200\n2026-11-02T09:31:00Z B 50",
    "quotes": "_time:date sym:string bid:double\n2026-11-02T09:30:00Z A 10.0\n2026-11-02T09:30:12Z A 10.2\n"
    "2026-11-02T09:30:58Z A 10.4",
}
DETAILS = """
Every row stays, in its order, and gets a column for each aggregate: over the rows of the subquery that have the same keys and
whose time lies from `from` to `to` of the row's own, both ends in. `from=-30s to=30s` is half a minute either way; one that
is not given is `0s`. Arguments and `where` read fields of the subquery.

| | |
| --- | --- |
| `closed=left`, `right`, `none` | only that end belongs to the window, or neither |
| `prevailing=t` | the last row in front of the window is in it as well (of several of one time the last in input order): the value in force where the window begins |
| no row in the window | `count` is 0, all others are null |
| null in a key | sees nothing; in the subquery: left out, counted (`drop`) |
| null as time | results are null, counted (`drop`); in the subquery: left out, counted (`drop`) |
| `first`, `last` | by time, then input order |
| lengths of months, quarters, years | by the calendar of the session zone |

`on` is the row's time (`_time`, else the only date), `righton` the subquery's; `on=F` alone means the same name there.
Sums and means of doubles are exact sums rounded once, as everywhere. A column whose name is there already is overwritten in
place.

Blocking. Rows of both sides spill when memory is short; times and arguments of one key's rows must fit in memory.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowJoin(combine.Matched):
    """Adds `columns`. `begin`, `end`: where the window begins and ends, from the row's time; `low`, `high`: whether it
    has these ends."""

    columns: tuple[AggCall, ...]
    on: str
    righton: str
    begin: ast.Duration
    end: ast.Duration
    low: bool = True
    high: bool = True
    prevailing: bool = False
    command = "windowjoin"
    blocking = True

    def fresh(self) -> tuple[tuple[str, str], ...]:
        return ()

    def derive(self) -> Schema:
        schema = self.left.schema
        for call in self.columns:
            schema = schema.put(call.name, call.type)
        return schema

    def needs_each(self, wanted: Names) -> tuple[Names, ...]:
        left = frozenset(self.left.schema.names())
        made = {c.name for c in self.columns} - left  # what is overwritten holds the place of the new one
        mine = (wanted - made) & left | {self.on} | {k.left for k in self.keys}
        theirs = {self.righton} | {k.right for k in self.keys}
        return frozenset(mine), frozenset(theirs).union(*(c.fields() for c in self.columns))


@lowers(WindowJoin)
@register
class WindowJoinCommand(Command[WindowJoin]):
    name = "windowjoin"
    summary = "Add aggregates over the subquery's rows around each row's time."
    syntax = (
        "windowjoin [from=-DUR] [to=DUR] [closed={both,left,right,none}] [prevailing=f] [on=F] [righton=F] "
        "AGG [where E] [as A], ... [by KEY [as RKEY], ...] [ SUB ]"
    )
    grammar = "aggs [by_pairs] subquery"
    options = (
        Option("from", kinds.OFFSET, "where the window begins, from the row's time; default 0s"),
        Option("to", kinds.OFFSET, "where it ends; default 0s"),
        Option("closed", ("both", "left", "right", "none"), "which of its ends belong to it", default="both"),
        Option("prevailing", kinds.BOOL, "the last row in front of the window belongs to it", default=False),
        Option("on", kinds.FIELD, "the time of a row; default _time, or the only date field"),
        Option("righton", kinds.FIELD, "the same of the subquery; default the name given with on=, _time, or the only date field"),
    )  # fmt: skip
    tier = 3
    details = DETAILS
    examples = (
        Example(
            title="quotes half a minute around each trade",
            given=TABLES,
            query="table trades | windowjoin from=-30s to=30s count as n, avg(bid) as bid by sym [ table quotes ]",
            expect="_time:date sym:string size:long n:long bid:double\n2026-11-02T09:30:10Z A 100 2 10.1\n"
            "2026-11-02T09:31:00Z A 200 1 10.4\n2026-11-02T09:31:00Z B 50 0 null",
        ),
        Example(
            title="the quote in force ten seconds before, and those since",
            given=TABLES,
            query="table trades | windowjoin from=-10s prevailing=t first(bid) as before, last(bid) as now by sym [ table quotes ]",
            expect="_time:date sym:string size:long before:double now:double\n2026-11-02T09:30:10Z A 100 10.0 10.0\n"
            "2026-11-02T09:31:00Z A 200 10.2 10.4\n2026-11-02T09:31:00Z B 50 null null",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        right = args.subquery()
        keys = read_keys(args, source, right)
        (on, mine), (righton, theirs) = read_times(args, source, right, ("date",))
        before, after = _window(args, mine, theirs)
        has_length = not (before.months or after.months) and before.ns < after.ns
        with args.known_fields():
            calls = args.aggregates(args.items("aggs", right.schema), right.schema, span=has_length, time=righton)
        args.binder.distinct_columns(calls, [c.parsed.span for c in calls])
        closed = args.option("closed")
        return WindowJoin(
            **args.common, inputs=(source, right), type="left", keys=keys, columns=tuple(calls), on=on, righton=righton,
            begin=before, end=after, low=closed in ("both", "left"), high=closed in ("both", "right"),
            prevailing=args.option("prevailing"),
        )  # fmt: skip

    def lower(self, node: WindowJoin) -> Any:
        from ..engine.notes import At
        from ..engine.operators.window.foreign import ForeignRun

        program, sides, computed = _program(node)
        return ForeignRun(program, sides, computed, node.right.schema, At(node.stage, node.name, node.span))


def _window(args: Args, mine: Type, theirs: Type) -> tuple[ast.Duration, ast.Duration]:
    if not args.given("from") and not args.given("to"):
        hint = "from=-30s to=30s is half a minute either way; to=0s alone the rows of the same time"
        args.abort("E201", "windowjoin needs a window: from= or to=", hint=hint)
    before, after = (args.option(o) or ast.Duration() for o in ("from", "to"))
    for option, length in (("from", before), ("to", after)):
        if length.ns % US and "ns" not in (mine.unit, theirs.unit):
            args.abort("E311", "times of microseconds have no lengths of nanoseconds", args.option_span(option))
    if before.months * MONTH_NS + before.ns > after.months * MONTH_NS + after.ns:
        place = args.option_span("from" if args.given("from") else "to")
        args.abort("E311", "the window ends before it begins: 'from' is behind 'to'", place)
    return before, after


def _length(value: ast.Duration, sign: int, ns: bool) -> Length:
    from ..engine.operators.window.spec import Length

    return Length(sign * value.months, sign * (value.ns if ns else value.ns // US))


def _program(node: WindowJoin) -> tuple[Any, Any, Any]:
    """What computes the columns, how rows of both sides become those that it takes, and what is evaluated of the right."""
    from ..engine.operators.asof.times import clock_for
    from ..engine.operators.joinkeys import sides
    from ..engine.operators.states.sums import Count
    from ..engine.operators.window.foreign import Sides
    from ..engine.operators.window.spec import Column, Frame, Program, Sorting

    left, right = node.left.schema, node.right.schema
    mine, theirs = left.type(node.on) or NULL, right.type(node.righton) or NULL
    clock = clock_for(mine, theirs)
    exprs = arguments(node.columns, right)
    found: list[tuple[Any, list[int], int | None]] = []
    for call in node.columns:
        maker = call.function.state([a.type for a in call.args], call.data)
        read = [exprs.place(a.expr) for a in call.args[: maker.make().arity]]
        found.append((maker, read, None if call.where is None else exprs.place(call.where.expr)))
    wanted = sorted({i for _, read, where in found for i in (*read, *([] if where is None else [where]))})
    types = [*(t for _, t in right.fields), *(c.expr.type for c in exprs.computed)]
    time, seen = len(left), len(left) + 1
    at = {i: len(left) + 2 + j for j, i in enumerate(wanted)}
    columns = tuple(
        Column(
            maker=maker, args=tuple(at[i] for i in read), where=seen if where is None else at[where], type=call.type,
            sorting=0, frame=0, least=None if isinstance(maker.make(), Count) else 1,
        )
        for call, (maker, read, where) in zip(node.columns, found, strict=True)
    )  # fmt: skip
    frame = Frame(
        by_time=True, before=_length(node.begin, -1, clock.ns), after=_length(node.end, 1, clock.ns), open_low=not node.low,
        open_high=not node.high, seen=seen, prevailing=node.prevailing,
    )  # fmt: skip
    own, other = sides(node, left, right)
    kind = DATE_NS if clock.ns else DATE
    program = Program(
        keys=tuple((i, t) for i, t in enumerate(own.types)),
        sortings=(Sorting(time, True),),
        frames=(frame,),
        columns=columns,
        types=(*(t for _, t in left.fields), kind, BOOL, *(types[i] for i in wanted)),
        carried=len(left),
        places=tuple(node.schema.index(c.name) for c in node.columns),
        schema=node.schema,
    )
    return (
        program,
        Sides(own, other, left.index(node.on), right.index(node.righton), clock, kind, tuple(wanted)),
        exprs.computed,
    )
