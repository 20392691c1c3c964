"""`set NAME = E`: a parameter, or with `option.` a setting of the engine; known before the first stage runs."""

from __future__ import annotations

from ..planner.plan import Here, Node
from ..planner.types import Schema
from .base import Args, Command, Example, register


@register
class Set(Command[Node]):
    name = "set"
    summary = "Set a parameter that $() reads, or with option.NAME a setting, before the query runs."
    syntax = "set NAME = E"
    grammar = 'target "=" expr'
    options = None
    control = True
    details = """
    All `set` stages run before the first stage reads a row, in text order, wherever they stand; later ones see
    earlier ones, and the last value of a name holds everywhere. The value is a constant expression: it has
    functions and parameters, but no fields. `$name`, `$("name")` or `$("name", DEFAULT)` reads it, anywhere where a
    value may stand, also in options. It is a value, never pasted text. A parameter that the caller gave is
    overwritten.

    `set option.NAME = VALUE` sets one of the [settings](../settings.md) for this query. In safe mode settings stay
    as they are (E705).
    """
    examples = (
        Example(
            title="a value that several stages use",
            given={"t": "a:long\n1\n2\n3"},
            query="set least = 2 | table t | search a >= $least | eval b = a - $least",
            expect="a:long b:long\n2 0\n3 1",
        ),
        Example(
            title="a setting of the engine, for this query",
            query='set option.timezone = "Asia/Seoul" | json "{}" | eval day = string(date("2026-11-01T20:00Z"), "yyyy-MM-dd")',
            expect="day:string\n2026-11-02",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        target = args.one("target")
        args.binder.set_param(target.name, args.one("expr"), target.span)
        return Here(columns=Schema())
