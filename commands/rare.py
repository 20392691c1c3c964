"""`rare [limit=10] F, ... [by G]`: the least frequent values."""

from __future__ import annotations

from .base import Example, register
from .top import TopCommand


@register
class RareCommand(TopCommand):
    name = "rare"
    summary = "The least frequent values of fields, with their counts and shares."
    syntax = "rare [limit=10] [nulls={keep,drop}] F, ... [by G, ...]"
    rare = True
    details = """
As `top`, with the least frequent value first; equally frequent ones are in ascending order, nulls first. Only values that
occur are counted. Columns, shares, nulls, notes and memory are those of `top`.
"""
    examples = (
        Example(
            title="the rarest statuses",
            given={"t": "status:long\n200\n500\n200\n404\n200"},
            query="table t | rare limit=2 status",
            expect="status:long count:long percent:double\n404 1 20.0\n500 1 20.0",
        ),
        Example(
            title="the rarest method of each host",
            given={"t": "host:string method:string\nx GET\nx GET\nx PUT\ny GET"},
            query="table t | rare limit=1 method by host",
            expect="host:string method:string count:long percent:double\nx PUT 1 33.333333333333336\ny GET 1 100.0",
        ),
    )
