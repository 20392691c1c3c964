"""`rename A as B, ...`: all at once, so swaps work."""

from __future__ import annotations

from ..planner.plan import Rename
from .base import Args, Command, Example, Node, register


@register
class RenameCommand(Command[Rename]):
    name = "rename"
    summary = "Rename fields, all at once; an existing target is overwritten."
    syntax = "rename A as B, ..."
    grammar = "renames"
    details = """
    All pairs are renamed at once, so that two fields can be swapped. The renamed field keeps its place. A target
    that exists and is not renamed itself is overwritten, which is noted. An unknown field is passed over with
    warning W301 (E301 under `strict`). Renaming one field twice, or two to one name, is E350.
    """
    examples = (
        Example(
            title="a swap",
            given={"t": "a:long b:long\n1 2"},
            query="table t | rename a as b, b as a",
            expect="b:long a:long\n1 2",
        ),
        Example(
            title="a name with blanks goes in back quotes",
            given={"t": "ip:string\nx"},
            query="table t | rename ip as `client ip`",
            expect="`client ip`:string\nx",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        pairs: dict[str, str] = {}
        for pair in args.many("renames"):
            old, _ = args.field(pair.left)
            new = args.binder.field_name(pair.right)
            if old in pairs:
                args.fail("E350", f"'{old}' is renamed twice", pair.left.span)
            if new in pairs.values():
                args.fail(
                    "E350", f"two fields would be named '{new}'", pair.right.span, hint="rename only one of them to it"
                )
            pairs[old] = new
        known = set(source.schema.names())
        for old, new in pairs.items():
            if old in known and new in known and new not in pairs:
                args.note("overwrite", f"field '{new}' was overwritten by a rename")
        return Rename(**args.common, inputs=(source,), pairs=tuple(pairs.items()))
