"""`set NAME = E`: a parameter, or with `option.` a setting of the engine; known before the first stage runs."""

from __future__ import annotations

from ..planner.plan import Here, Node
from ..planner.types import Schema
from .base import Args, Command, register


@register
class Set(Command[Node]):
    name = "set"
    summary = "Set a parameter that $() reads, or with option.NAME a setting, before the query runs."
    syntax = "set NAME = E"
    grammar = 'target "=" expr'
    options = None
    control = True

    def bind(self, args: Args, source: Node | None) -> Node:
        target = args.one("target")
        args.binder.set_param(target.name, args.one("expr"), target.span)
        return Here(columns=Schema())
