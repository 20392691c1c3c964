"""`limit [OFFSET] N`: so many rows in input order, then the source is stopped."""

from __future__ import annotations

from ..planner.plan import Limit
from .base import Args, Command, Example, Node, register


@register
class LimitCommand(Command[Limit]):
    name = "limit"
    summary = "Keep so many rows, after an offset; reaching it stops the source."
    syntax = "limit [OFFSET] N"
    grammar = "count [count]"
    details = """
    With two numbers the first is how many rows are skipped: `limit 20 10` gives rows 21 to 30. The rows are the
    first in input order, whatever the number of threads. When it has them it stops the stages before it, so that
    files are not read further; writers before it still write all rows. A note says that rows were cut, and "at
    least" how many where the input was not read to its end.

    Right behind `sort` only the rows that are wanted are kept in memory.
    """
    examples = (
        Example(
            title="the first two", given={"t": "n:long\n1\n2\n3"}, query="table t | limit 2", expect="n:long\n1\n2"
        ),
        Example(
            title="skip one, keep one", given={"t": "n:long\n1\n2\n3"}, query="table t | limit 1 1", expect="n:long\n2"
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        counts = [args.whole(c) for c in args.parsed.all("count")]
        offset, count = (counts[0], counts[1]) if len(counts) == 2 else (0, counts[0])
        return Limit(**args.common, inputs=(source,), offset=offset, count=count)
