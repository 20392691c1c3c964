"""`tail [N=10]`: the last rows, in input order."""

from __future__ import annotations

from ..planner.plan import Tail
from .base import Args, Command, Example, Node, register


@register
class TailCommand(Command[Tail]):
    name = "tail"
    summary = "Keep the last rows, 10 unless said, in input order."
    syntax = "tail [N=10]"
    grammar = "[count]"
    details = """
    It has to see all rows, and keeps only the last. They come out in the order in which they came in. No note is
    made of the rows before them: the text asked for that.
    """
    examples = (
        Example(title="the last row", given={"t": "n:long\n1\n2"}, query="table t | tail 1", expect="n:long\n2"),
        Example(title="ten at most", given={"t": "n:long\n1\n2"}, query="table t | tail", expect="n:long\n1\n2"),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        return Tail(**args.common, inputs=(source,), count=args.whole(args.one("count"), default=10))
