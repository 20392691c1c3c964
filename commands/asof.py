"""`asof KEY, ... [ SUB ]`: each row with the row of a subquery that was in force at its time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..planner import ast
from ..planner.combine import Asof
from ..planner.plan import Node
from ..planner.types import Type
from .base import Args, Command, Example, Option, kinds, lowers, register
from .join import tell_retyped
from .pairing import NUMBERS, ORDERED, read_keys, read_times

US = 1000
TABLES = {
    "trades": "_time:date sym:string price:double\n2026-11-02T09:30:01Z A 10.1\n2026-11-02T09:30:02Z B 20.5\n"
    "2026-11-02T09:30:09Z A 10.4",
    "quotes": "_time:date sym:string bid:double\n2026-11-02T09:30:00Z A 10.0\n2026-11-02T09:30:01Z A 10.05\n"
    "2026-11-02T09:30:05Z B 20.0\n2026-11-02T09:30:06Z A null",
}
DETAILS = """
Every row comes out once, in its order, with the fields of the one row of the subquery that has the same keys and is nearest
in time: the last one not after it, with `direction=forward` the first one not before it, with `nearest` the nearer of the
two. A row that none matches gets nulls, or is left out with `type=inner`. Types stay: whole numbers remain whole.

| question | answer |
| --- | --- |
| several rows of the subquery at the time chosen | the last in input order; `forward`: the first |
| `nearest`, two rows equally far | the earlier one |
| null in a field of the matched row | stays null; `skipnull=t`: the nearest row that has a value, for each field by itself |
| null in a key | matches nothing; in the subquery: left out, counted (`drop`) |
| null or NaN as time | matches nothing, the row is kept; in the subquery: left out, counted (`drop`) |
| a row at just the distance `tolerance` | matches; `tolerance=0`: equal times only |
| equal times | match; `exact=f`: they do not |
| rows in no order | the same answer: order is checked, never trusted |
| microseconds against nanoseconds | compared to the nanosecond; what 64 bits of them do not hold matches nothing, counted (`reject`, "overflow") |
| dates of different zones | all are instants |
| rows without a match | kept, with nulls; `type=inner`: left out |
| whole numbers in rows without a match | null, and still whole numbers |
| whole numbers against doubles | compared as doubles; `-0.0` equals `0.0` |
| no key | the nearest row of all |

**Time.** `on` is the row's time (`_time`, else the only date), `righton` the subquery's; `on=F` alone means the same name
there. Dates, lengths of time and numbers may be compared with their like. `tolerance` is a length of time for times and a
number for numbers; it is 0 or more, and no calendar length.

**Fields.** The subquery's fields are added, but for its keys and its time. Where a name is there already, the subquery's
value stands in rows that matched, which an `overwrite` note counts (E503 under strict). `prefix=q_` names all of them
`q_...` and adds the time as well. `gap=age` adds the distance, left minus right; one beyond 64 bits is null (`reject`).
A duration holds whole microseconds: of times of nanoseconds the distance is rounded down, and counted (`info`); where one side
has microseconds the other side's nanoseconds are cut off first, as `-` does.
With `skipnull=t` one row may mix several rows of the subquery; `gap`, the time and `type=inner` go by the match without it.

The subquery runs first; its keys, times and fields are held, the other rows stream by on all threads. Where both sides are in
order of time they are swept side by side, otherwise they are put in order by key: `explain` says which, as far as sorts in the
plan tell, `explain analyze` what was done. What does not fit into memory is cut into parts by key on disk, and a part that does not fit into stretches of time.
"""


@lowers(Asof)
@register
class AsofCommand(Command[Asof]):
    name = "asof"
    summary = "Add to each row the subquery's row of the same keys that is nearest in time."
    syntax = (
        "asof [direction={backward,forward,nearest}] [tolerance=X] [exact=t] [type={left,inner}] [on=F] [righton=F] [skipnull=f] "
        "[prefix=S] [gap=F] [by] [KEY [as RKEY], ...] [ SUB ]"
    )
    grammar = "[pairs | by_pairs] subquery"
    options = (
        Option("direction", ("backward", "forward", "nearest"), "the last row before, the first behind, or the nearer", default="backward"),
        Option("tolerance", kinds.NUMBER_OR_DURATION, "rows further away do not match; a length of time for times, a number for numbers"),
        Option("exact", kinds.BOOL, "f: rows of the same time do not match", default=True),
        Option("type", ("left", "inner"), "inner: rows without a match are left out", default="left"),
        Option("on", kinds.FIELD, "what orders the rows; default _time, or the only date field"),
        Option("righton", kinds.FIELD, "the same of the subquery; default the name given with on=, _time, or the only date field"),
        Option("skipnull", kinds.BOOL, "each field from the nearest row that has a value there", default=False),
        Option("prefix", kinds.TEXT, "names the subquery's fields so, its time among them"),
        Option("gap", kinds.FIELD, "adds the distance in this field: left minus right"),
    )  # fmt: skip
    tier = 3
    details = DETAILS
    examples = (
        Example(
            title="trades with the quote of the moment",
            given=TABLES,
            query="table trades | asof sym [ table quotes ]",
            expect="_time:date sym:string price:double bid:double\n2026-11-02T09:30:01Z A 10.1 10.05\n"
            "2026-11-02T09:30:02Z B 20.5 null\n2026-11-02T09:30:09Z A 10.4 null",
        ),
        Example(
            title="the last bid that is known, and how old the quote is",
            given=TABLES,
            query="table trades | asof skipnull=t gap=age sym [ table quotes ]",
            expect="_time:date sym:string price:double bid:double age:duration\n2026-11-02T09:30:01Z A 10.1 10.05 0s\n"
            "2026-11-02T09:30:02Z B 20.5 null null\n2026-11-02T09:30:09Z A 10.4 10.05 3s",
        ),
        Example(
            title="the next quote, at most five seconds later",
            given=TABLES,
            query="table trades | asof direction=forward tolerance=5s prefix=q_ sym [ table quotes ]",
            expect="_time:date sym:string price:double q__time:date q_bid:double\n"
            "2026-11-02T09:30:01Z A 10.1 2026-11-02T09:30:01Z 10.05\n2026-11-02T09:30:02Z B 20.5 2026-11-02T09:30:05Z 20.0\n"
            "2026-11-02T09:30:09Z A 10.4 null null",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        right = args.subquery()
        keys = read_keys(args, source, right)
        (on, mine), (righton, theirs) = read_times(args, source, right, ORDERED)
        prefix = args.option("prefix")
        skipped = {k.right for k in keys} | (set() if prefix else {righton})
        fresh = [n for n in right.schema.names() if n not in skipped]
        renamed = tuple((n, prefix + n) for n in fresh) if prefix else ()
        self._check_names(args, source, [n for _, n in renamed] or fresh, bool(prefix))
        shared = [] if prefix else [n for n in fresh if n in source.schema]
        tell_retyped(args, source, right, shared, "prefix= keeps both")
        return Asof(
            **args.common, inputs=(source, right), type=args.option("type"), keys=keys, clashes=tuple(shared), renamed=renamed,
            on=on, righton=righton, direction=args.option("direction"), tolerance=_tolerance(args, mine, theirs),
            exact=args.option("exact"), skipnull=args.option("skipnull"), gap=args.option("gap"), keeps_time=bool(prefix),
        )  # fmt: skip

    def _check_names(self, args: Args, source: Node, made: Sequence[str], has_prefix: bool) -> None:
        if args.given("prefix") and not has_prefix:
            args.fail("E311", "'prefix' cannot be empty", args.option_span("prefix"), hint="without it names stay")
        doubled = [n for n in made if n in source.schema] if has_prefix else []
        for name in doubled:
            args.fail("E350", f"'{name}' is there already", args.option_span("prefix"))
        gap = args.option("gap")
        if gap is not None and (gap in source.schema or gap in made):
            args.fail("E350", f"'{gap}' is there already", args.option_span("gap"))

    def lower(self, node: Asof) -> Any:
        from ..engine.notes import At
        from ..engine.operators.asof.run import AsofRun

        return AsofRun(node, At(node.stage, node.name, node.span))


def _tolerance(args: Args, mine: Type, theirs: Type) -> int | float | None:
    """In nanoseconds between times, else as it stands."""
    value, place = args.option("tolerance"), args.option_span("tolerance")
    if value is None:
        return None
    known = {mine.kind, theirs.kind}
    if isinstance(value, ast.Duration):
        if known & set(NUMBERS):
            args.abort("E311", "'tolerance' is a number between numbers", place)
        if value.months:
            hint = "a fixed length, such as 30d"
            args.abort("E311", f"'tolerance' cannot be {value.text()}: months are not of one length", place, hint=hint)
        if value.ns % US and "ns" not in (mine.unit, theirs.unit):
            args.abort("E311", "times of microseconds have no lengths of nanoseconds", place)
        return value.ns
    if known & {"date", "duration"}:
        args.abort("E311", "'tolerance' is a length of time between times", place, hint="such as 5s or 500ms")
    if math.isnan(value) or value < 0:
        args.abort("E311", f"'tolerance' cannot be {value}", place, hint="it takes 0 or more")
    return value  # type: ignore[no-any-return]
