"""`drop`: discard all rows, deliberately."""

from __future__ import annotations

from ..engine.operators.project import DropTransform
from ..planner.plan import Names
from ..planner.records import dataclass
from .base import Args, Command, Example, Node, lowers, register


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop(Node):
    command = "drop"

    def needs(self, wanted: Names) -> Names:
        return wanted


@lowers(Drop)
@register
class DropCommand(Command[Drop]):
    name = "drop"
    summary = "Discard all rows; the stages before it still run whole."
    syntax = "drop"
    details = """
    For queries that are run for what they write: `... | import create=t weblog | drop`. The rows are left out
    deliberately, so no note says so. The stages before it read and write everything; nothing is cut short. The
    fields stay, so that a stage behind it binds.
    """
    examples = (
        Example(title="no row is left", given={"t": "n:long\n1"}, query="table t | drop", expect="n:long"),
        Example(
            title="an empty aggregate",
            given={"t": "n:long\n1"},
            query="table t | drop | stats count",
            expect="count:long\n0",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        return Drop(**args.common, inputs=(source,))

    def lower(self, node: Drop) -> DropTransform:
        return DropTransform()
