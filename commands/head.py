"""`head [N=10]`: the first rows."""

from __future__ import annotations

from ..planner.plan import Limit
from .base import Args, Command, Example, Node, register


@register
class Head(Command[Limit]):
    name = "head"
    summary = "Keep the first rows, 10 unless said; reaching it stops the source."
    syntax = "head [N=10]"
    grammar = "[count]"
    details = """
    The same as `limit N`: the first rows in input order, whatever the number of threads. When it has them it stops
    the stages before it, so that a file is not read further. A note says that rows were cut, "at least" how many
    where the input was not read to its end. `head 0` gives no rows.
    """
    examples = (
        Example(title="the first row", given={"t": "n:long\n1\n2"}, query="table t | head 1", expect="n:long\n1"),
        Example(title="ten at most", given={"t": "n:long\n1\n2"}, query="table t | head", expect="n:long\n1\n2"),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        return Limit(**args.common, inputs=(source,), count=args.whole(args.one("count"), default=10))
