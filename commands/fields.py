"""`fields [-] F, ...`: keep fields in this order, or drop them."""

from __future__ import annotations

from ..planner.plan import Keep
from .base import Args, Command, Example, Node, register


@register
class Fields(Command[Keep]):
    name = "fields"
    summary = "Keep fields in this order, or drop them."
    syntax = "fields [-] F, ..."
    grammar = "[MINUS] names"
    details = """
    The fields come out in the order in which they are listed; with `-` the others stay in theirs. A pattern with
    `*` stands for the fields that fit it, in column order; one that fits none is warning W301. An unknown field
    becomes a column of nulls, with W301; dropping an unknown field does nothing but warn. Under `strict` both are
    E301.

    Sources read no field that `fields` leaves out and no other stage needs.
    """
    examples = (
        Example(
            title="two fields, in this order",
            given={"t": "a:long b:long c:long\n1 2 3"},
            query="table t | fields c, a",
            expect="c:long a:long\n3 1",
        ),
        Example(
            title="all but those that a pattern matches",
            given={"t": "id:long t_ms:long u_ms:long\n1 2 3"},
            query="table t | fields - *_ms",
            expect="id:long\n1",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        names, drop = tuple(args.fields(args.many("names"))), args.has("MINUS")
        if not names and not drop and not source.schema.open:  # a pattern that fits no field keeps none
            names, drop = source.schema.names(), True
        return Keep(**args.common, inputs=(source,), names=names, drop=drop)
