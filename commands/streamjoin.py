"""`streamjoin`: join, with the promise that the rows which come in are not written to disk."""

from __future__ import annotations

from .base import Example, register
from .join import DETAILS, OPTIONS, TABLES, Joining


@register
class StreamJoin(Joining):
    name = "streamjoin"
    summary = "As join; what comes in is never written to disk: the subquery must fit into memory."
    syntax = "streamjoin [type={inner,left,leftonly,right,rightonly,full,cross}] [suffix=S] [nulls={never,match}] KEY [as RKEY], ... [ SUB ]"
    grammar = "[pairs] subquery"
    options = OPTIONS
    tier = 2
    may_spill = False
    details = "A subquery that does not fit into memory is E702 here, where `join` spills.\n\n" + DETAILS
    examples = (
        Example(
            title="as join",
            given=TABLES,
            query="table p | streamjoin ip [ table h ]",
            expect="ip:string hits:long name:string\na 1 ann\nb 2 bob\na 4 ann",
        ),
        Example(
            title="every row with every row",
            given={"a": "x:long\n1\n2", "b": "y:string\np\nq"},
            query="table a | streamjoin type=cross [ table b ]",
            expect="x:long y:string\n1 p\n1 q\n2 p\n2 q",
        ),
    )
