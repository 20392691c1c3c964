"""`eventstats`: totals of a row's group, beside each row."""

from __future__ import annotations

from typing import Any

from ..planner.records import dataclass
from .base import Args, Command, Example, Node, lowers, register
from .windowing import Window, lowered, whole_node


@dataclass(frozen=True, slots=True, kw_only=True)
class EventStats(Window):
    """The frame is the whole group."""

    command = "eventstats"


@lowers(EventStats)
@register
class EventStatsCommand(Command[EventStats]):
    name = "eventstats"
    summary = "Add aggregates of a row's group to every row; rows and their order stay."
    syntax = "eventstats AGG [where E] [as A], ... [by F, ...]"
    grammar = "aggs [by_names]"
    tier = 2
    details = """
The values are those that `stats` gives for the same group, to the bit, put beside each row of it. Rows with a null in `by` are a
group of their own. A column whose name is there already is overwritten in place.

Blocking: all rows are read first. Rows that do not fit in memory spill.
"""
    examples = (
        Example(
            title="each row's share of the whole",
            given={"t": "k:string n:long\na 1\nb 3"},
            query="table t | eventstats sum(n) as all | eval share = n / all",
            expect="k:string n:long all:long share:double\na 1 4 0.25\nb 3 4 0.75",
        ),
        Example(
            title="rows above the mean of their group",
            given={"t": "k:string n:long\na 1\nb 5\na 3"},
            query="table t | eventstats avg(n) as mean by k | search n > mean",
            expect="k:string n:long mean:double\na 3 2.0",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        return whole_node(args, source, EventStats)

    def lower(self, node: EventStats) -> list[Any]:
        return lowered(node)
