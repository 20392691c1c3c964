"""`streamstats`: `window` under Splunk's name and options."""

from __future__ import annotations

from typing import Any

from ..planner.records import dataclass
from .base import Args, Command, Example, Node, Option, kinds, lowers, register
from .frames import Frames
from .windowing import FRAME_OPTIONS, Window, lowered, window_node


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamStats(Window):
    command = "streamstats"


@lowers(StreamStats)
@register
class StreamStatsCommand(Command[StreamStats]):
    name = "streamstats"
    summary = "The same as window, under Splunk's name and with its options."
    syntax = "streamstats [window={N,DUR}] [time_window=DUR] [current=t] [the options of window] AGG [where E] [as A], ... [by F, ...]"
    grammar = "aggs [by_names]"
    options = (
        Option("window", kinds.NUMBER_OR_DURATION, "so many rows, or so long, up to the row; 0: all rows up to it"),
        Option("time_window", kinds.DURATION, "so long up to the row"),
        *FRAME_OPTIONS,
    )
    tier = 2
    details = """
Everything that `window` does, by the same rules; `window=5` is its `rows=5`, `window=60s` and `time_window=60s` are its `span=60s`,
and `window=0` is the frame that it has without any: all rows up to this one. `current=f` leaves the row itself out, so
`current=f window=1 last(x)` is the value of the row before.

Rows are in input order, which here is the order of the source: no `sort` is implied. Blocking, as `window` is.
"""
    examples = (
        Example(
            title="the value before",
            given={"t": "n:long\n1\n5\n2"},
            query="table t | streamstats current=f window=1 last(n) as before",
            expect="n:long before:long\n1 null\n5 1\n2 5",
        ),
        Example(
            title="running count by key",
            given={"t": "k:string\na\nb\na"},
            query="table t | streamstats count as n by k",
            expect="k:string n:long\na 1\nb 1\na 2",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        return window_node(args, source, Frames(args), StreamStats)

    def lower(self, node: StreamStats) -> list[Any]:
        return lowered(node)
