"""`repeat count=N`: each row N times."""

from __future__ import annotations

from ..engine.operators.expand import RepeatTransform
from ..planner.plan import Names
from ..planner.records import dataclass
from .base import Args, Command, Example, Node, Option, kinds, lowers, register


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat(Node):
    count: int
    command = "repeat"

    def text(self) -> str:
        return f"repeat count={self.count}"

    def needs(self, wanted: Names) -> Names:
        return wanted

    def lets_filter_through(self, fields: Names) -> bool:
        return True


@lowers(Repeat)
@register
class RepeatCommand(Command[Repeat]):
    name = "repeat"
    summary = "Give each row N times in a row."
    syntax = "repeat count=N"
    details = """
The copies of a row follow one another, so the order of the input stays. `seq()` and `rand()` in a later `eval` tell the
copies apart: they go by the number of the row. `count=0` gives no rows, `count=1` the rows as they are.

Streaming: rows are made as they are asked for, so a `limit` behind a large count ends it at once.
"""
    options = (Option("count", kinds.INT, "how often each row comes out", least=0),)
    examples = (
        Example(
            title="each row twice",
            given={"t": "a:long b:string\n1 x\n2 y"},
            query="table t | repeat count=2",
            expect="a:long b:string\n1 x\n1 x\n2 y\n2 y",
        ),
        Example(
            title="rows out of nothing, numbered",
            query='json "{}" | repeat count=3 | eval n = seq()',
            expect="n:long\n1\n2\n3",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        count = args.option("count")
        if count is None:
            args.abort("E310", "repeat needs count=", hint="repeat count=10")
        return Repeat(**args.common, inputs=(source,), count=count)

    def lower(self, node: Repeat) -> RepeatTransform:
        return RepeatTransform(node.count)
