"""Runs the rules to a fixed point. After each the plan's columns must be what they were."""

from __future__ import annotations

from dataclasses import replace

from .plan import Node, Project, line_of, rebuilt
from .rules import Helpers, Rule
from .rules.count_of_scan import count_of_scan
from .rules.fold_constants import fold_constants
from .rules.inline_procedures import inline_procedures
from .rules.join_order import join_order
from .rules.late_fields import late_fields
from .rules.prune_fields import prune_fields
from .rules.push_filter import push_filter
from .rules.push_filter_combine import push_filter_combine
from .rules.push_into_scan import push_into_scan
from .rules.small_left import small_left
from .rules.sort_limit_to_topk import sort_limit_to_topk

RULES: tuple[Rule, ...] = (
    fold_constants,
    push_filter,
    push_filter_combine,
    push_into_scan,
    count_of_scan,
    sort_limit_to_topk,
    join_order,
    small_left,
)
MAX_ROUNDS = 1000  # far more than any plan needs; a rule that undoes another is a fault of ours


def optimise(plan: Node, helpers: Helpers, rules: tuple[Rule, ...] = RULES) -> Node:
    """An equal plan that does less."""
    before = plan.schema
    plan = inline_procedures(plan)
    for _ in range(MAX_ROUNDS):
        changed = _round(plan, helpers, rules)
        if changed is None:
            break
        plan = changed
    plan = late_fields(_without_empty(prune_fields(plan)))
    if not before.open and plan.schema.names() != before.names():
        raise AssertionError(f"a rule changed the columns: {before.names()} to {plan.schema.names()}")
    return plan


def _round(plan: Node, helpers: Helpers, rules: tuple[Rule, ...]) -> Node | None:
    """The plan after the first rule that applies anywhere, nearest to the source first; None if none does."""
    chain = line_of(plan)
    for at in range(len(chain) - 1, -1, -1):
        node = chain[at]
        for i, below in enumerate(node.inputs[1:], 1):
            made = _round(below, helpers, rules)
            if made is not None:
                return rebuilt(chain[:at], replace(node, inputs=(*node.inputs[:i], made, *node.inputs[i + 1 :])))
        for rule in rules:
            made = rule(node, helpers)
            if made is not None:
                return rebuilt(chain[:at], made)
    return None


def _without_empty(plan: Node) -> Node:
    """`eval` whose assignments all went is nothing."""
    chain = line_of(plan)
    out = chain[-1]
    for node in reversed(chain[:-1]):
        if not (isinstance(node, Project) and not node.assigns):
            out = replace(node, inputs=(out, *map(_without_empty, node.inputs[1:])))
    return out
