"""`window`: aggregates and functions over a frame of rows around each row."""

from __future__ import annotations

from typing import Any

from .base import Args, Command, Example, Node, lowers, register
from .frames import Frames
from .windowing import FRAME_OPTIONS, Window, lowered, window_node

DETAILS = """
Each row keeps its place and gets a value for each column asked for, computed over its *frame*: rows of its own `by` group
around it. Without a frame option the frame is every row up to this one, in input order.

| option | frame |
| --- | --- |
| `span=60s` | rows whose time is within 60 s before the row's own time, both ends in |
| `rows=5` | five rows, the row itself the last |
| `before=X after=Y` | from X before to Y behind the row: both numbers of rows, or both lengths of time |

`span` and `rows` take lists, `span=60s,300s`: a column for each, named `A_60s`, `A_300s`. Lengths of months, quarters and
years go by the calendar of the session zone.

**Time.** Frames of time go by the row's time (`time=F`, else `_time`); rows may come in any order. With `ties=all` rows of
one time see each other, so input order makes no difference; with `ties=row` a row sees those before it only. `closed=right`
leaves out rows at just the far end, `left` those at the row's own end (its own time, with the row), `none` both. A row
without a time is kept, its results are null, and it is counted (`drop`, "null time").

**Order.** Frames of rows, and running frames, go by input order, or by `order=F` (nulls first, ties in input order).

**Nulls.** Values that are null do not count. With fewer than `min` of them (1 unless said) the result is null, but for
`count`, which is never null in a row that has a time. `current=f` leaves the row itself out: `rows=5 current=f` are the five
rows before it.

**Functions.** Every aggregate, with `where`, and these, which look at neighbours or at the whole group: `lag`, `lead`, `delta`,
`pct`, `row`, `rank`, `dense_rank`, `ntile`; `zscore` goes by the frame. Sums and means of doubles are exact sums rounded
once: a frame's value does not depend on what was added and taken away before.

An option that no column looks at is E311: `closed` and `ties` without a frame of time, `order` in one, any frame with `lag` and its
kin alone, `min` with `count`.

Blocking. Rows and what is computed from them spill when memory is short; one group's times and arguments must fit in memory.
"""


@lowers(Window)
@register
class WindowCommand(Command[Window]):
    name = "window"
    summary = (
        "Aggregates over a frame of rows around each row, and functions of neighbours and ranks; rows stay as they are."
    )
    syntax = (
        "window [span=DUR,...] [rows=N,...] [before=X] [after=X] [closed={both,left,right,none}] [ties={all,row}] [min=1] "
        "[current=t] [time=F] [order=F] AGG [where E] [as A], ... [by F, ...]"
    )
    grammar = "aggs [by_names]"
    options = FRAME_OPTIONS
    tier = 2
    details = DETAILS
    examples = (
        Example(
            title="a mean of the last minute, by symbol",
            given={
                "t": "_time:date sym:string price:long\n2026-11-01T10:00:00Z a 10\n2026-11-01T10:00:30Z a 20\n"
                "2026-11-01T10:00:40Z b 7\n2026-11-01T10:01:10Z a 40"
            },
            query="table t | window span=60s avg(price) as ma by sym",
            expect="_time:date sym:string price:long ma:double\n2026-11-01T10:00:00Z a 10 10.0\n2026-11-01T10:00:30Z a 20 15.0\n"
            "2026-11-01T10:00:40Z b 7 7.0\n2026-11-01T10:01:10Z a 40 30.0",
        ),
        Example(
            title="a running total, and the value before",
            given={"t": "k:string n:long\na 1\nb 5\na 2\na 4"},
            query="table t | window sum(n) as total, lag(n) as before by k",
            expect="k:string n:long total:long before:long\na 1 1 null\nb 5 5 null\na 2 3 1\na 4 7 2",
        ),
        Example(
            title="two lengths at once",
            given={"t": "n:long\n1\n2\n3"},
            query="table t | window rows=2,3 sum(n) as s",
            expect="n:long s_2:long s_3:long\n1 1 1\n2 3 3\n3 5 6",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        return window_node(args, source, Frames(args))

    def lower(self, node: Window) -> list[Any]:
        return lowered(node)
