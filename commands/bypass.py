"""`bypass`: pass all rows."""

from __future__ import annotations

from ..engine.operators.project import PassTransform
from ..planner.plan import Names
from ..planner.records import dataclass
from .base import Args, Command, Example, Node, lowers, register


@dataclass(frozen=True, slots=True, kw_only=True)
class Bypass(Node):
    command = "bypass"

    def needs(self, wanted: Names) -> Names:
        return wanted

    def lets_filter_through(self, fields: Names) -> bool:
        return True

    def lets_limit_through(self) -> bool:
        return True


@lowers(Bypass)
@register
class BypassCommand(Command[Bypass]):
    name = "bypass"
    summary = "Pass all rows as they are."
    syntax = "bypass"
    details = """
    Useful where a stage is wanted and nothing is to happen, for instance in a procedure whose body a caller
    switches off. Filters and limits behind it reach the source as if it were not there.
    """
    examples = (
        Example(title="nothing changes", given={"t": "n:long\n1"}, query="table t | bypass", expect="n:long\n1"),
        Example(
            title="also between other stages",
            given={"t": "n:long\n1\n2"},
            query="table t | bypass | limit 1",
            expect="n:long\n1",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        return Bypass(**args.common, inputs=(source,))

    def lower(self, node: Bypass) -> PassTransform:
        return PassTransform()
