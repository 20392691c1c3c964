"""`cube [label=V] AGG ... by F, ...`: groups by every combination of the fields."""

from __future__ import annotations

from .base import Example, register
from .rollup import RollupCommand


@register
class CubeCommand(RollupCommand):
    name = "cube"
    summary = "Aggregate by every combination of fields, from all of them to none."
    syntax = "cube [label=V] [nulls={keep,drop}] AGG [where E] [as A], ... by F, ..."
    cube = True
    details = """
As `rollup`, by all combinations of the fields instead of their prefixes: `cube ... by a, b` gives the groups by `a, b`, by
`a`, by `b`, and one row for all rows. Of n fields these are 2^n groupings; 16 fields at most (E701).

`_level` is the number of keys that are rolled up. Rows are sorted by their keys in turn, nulls first, a rolled-up key behind
all its values. Labels, empty input, exactness and memory are those of `rollup`.
"""
    examples = (
        Example(
            title="by store and item, by store, by item, and altogether",
            given={"t": "store:string item:string amount:long\ns x 1\ns y 2\nt x 4"},
            query="table t | cube sum(amount) as amount by store, item",
            expect="store:string item:string amount:long _level:long\ns x 1 0\ns y 2 0\ns null 3 1\nt x 4 0\nt null 4 1\nnull x 5 1\nnull y 2 1\nnull null 7 2",
        ),
        Example(
            title="a label for what is rolled up",
            given={"t": "store:string amount:long\ns 1\nt 4"},
            query='table t | cube label="*" count by store',
            expect="store:string count:long _level:long\ns 1 0\nt 1 0\n* 2 1",
        ),
    )
