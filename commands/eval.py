"""`eval F = E, ...`: compute fields, left to right."""

from __future__ import annotations

from ..planner.plan import Assignment, Project
from .base import Args, Command, Example, Node, register


@register
class Eval(Command[Project]):
    name = "eval"
    summary = "Compute fields, left to right; later ones see earlier ones."
    syntax = "eval F = E, ..."
    grammar = "assigns"
    options = None
    details = """
    Assignments are made from left to right, and later ones see earlier ones. A field that exists is overwritten
    where it stands, a new one goes to the end. `a = b = E` sets both. Rows keep their order and number.

    Types are known before a row is read: an unknown field is null with warning W301 (E301 under `strict`), an
    unknown function E305, a constant that can never work E307. At run time bad input gives null and is counted by
    reason: text that is no number, overflow, division by zero. A branch of `if` or `case` that is not taken counts
    nothing.

    A stage of `eval` has no options: `key=value` is an assignment.
    """
    examples = (
        Example(
            title="a rate from two counts; a later expression uses an earlier one",
            given={"t": "errors:long hits:long\n1 4\n0 5"},
            query="table t | eval rate = errors / hits, bad = rate > 0.1",
            expect="errors:long hits:long rate:double bad:bool\n1 4 0.25 true\n0 5 0.0 false",
        ),
        Example(
            title="an existing field is overwritten in place",
            given={"t": "bytes:string ip:string\n12 a\nx b"},
            query="table t | eval bytes = long(bytes)",
            expect="bytes:long ip:string\n12 a\nnull b",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        schema, assigns = source.schema, []
        for a in args.many("assigns"):
            bound = args.expr(a.expr, schema)
            names = tuple(args.binder.field_name(t) for t in a.targets)
            for name in reversed(names):
                schema = schema.put(name, bound.type)
            assigns.append(Assignment(names, bound))
        return Project(**args.common, inputs=(source,), assigns=tuple(assigns))
