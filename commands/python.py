"""`python NAME`: an object of the Python session."""

from __future__ import annotations

from ..engine.notes import At
from ..planner.plan import Scan
from ..planner.text import nearest
from ..planner.unparse import stage_text
from .base import Args, Command, Example, Node, register


@register
class PythonCommand(Command[Scan]):
    name = "python"
    summary = "Read a registered object: a pandas or Polars frame, an Arrow table or stream."
    syntax = "python NAME"
    grammar = "table"
    source = True
    details = """
    Finds what `session.register(name, object)` or `query(..., name=object)` gave: pandas and Polars frames, Arrow
    tables and readers, DuckDB relations, and whatever else exports Arrow's stream interface. `table NAME` finds
    them too; `python` reads nothing else, so that a stored table of the same name does not come in between.

    Columns are read in place where their types allow it. The index of a pandas frame is a column where it has a
    name. Decimals are read as doubles, other odd types pass through; both are noted. A stream that can be read once
    is E604 the second time.
    """
    examples = (
        Example(
            title="a registered table",
            given={"t": "a:long\n1\n2"},
            query="python t | stats sum(a) as a",
            expect="a:long\n3",
        ),
        Example(
            title="`table` finds it too",
            given={"t": "a:long\n1\n2"},
            query="table t | search a == 2",
            expect="a:long\n2",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        from ..engine.sources.memory import note_object, relation_of

        name = args.table_name()
        thing = args.services.lookup(name)
        if thing is None:
            known = (*args.services.given, *args.services.objects)
            args.abort("E304", f"no object named '{name}'", args.place("table"), suggestions=nearest(name, known, 1),
                       hint="register it: session.register(name, frame)")  # fmt: skip
        at = At(args.stage, self.name, args.span)
        relation = relation_of(thing, name, zone=args.zone, at=at, spent=args.services.spent)
        note_object(args, relation)
        return Scan(**args.common, relation=relation, key=stage_text(args.parsed))
