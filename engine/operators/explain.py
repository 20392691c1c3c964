"""A plan as rows: what `explain` gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from ...planner import explain as plan_text
from ...planner.plan import EXPLAIN, Here, Node, Pending, Procedure
from ...planner.types import Schema


def plan_rows(plan: Node, figures: Mapping[int, Any], later: Sequence[Node] = ()) -> Any:
    """A source with a row an operator, in the order of the query; `figures`: metrics by `id(node)`.

    `later`: nodes that were bound while the query ran.
    """
    from .rows import Rows

    nodes = _in_order(plan)
    at = next((i for i, n in enumerate(nodes) if isinstance(n, Pending)), None)
    if at is not None and later:  # it has run, so what stood behind it is known
        known = {id(n) for n in nodes}
        nodes[at : at + 1] = [n for n in later if id(n) not in known and not isinstance(n, Pending | Here)]
    rows = [_row(n, figures.get(id(n))) for n in nodes if not isinstance(n, Procedure)]
    columns = [_column(name, type_.arrow, [r.get(name) for r in rows]) for name, type_ in EXPLAIN]
    return Rows(columns, Schema(EXPLAIN), "explain")


def _in_order(plan: Node) -> list[Node]:
    """Each node behind its inputs, these as they are written."""
    todo, out = [plan], []
    while todo:
        node = todo.pop()
        out.append(node)
        todo.extend(node.inputs)
    out.reverse()
    return out


def _column(name: str, kind: pa.DataType, values: list[Any]) -> pa.Array[Any]:
    return pa.array(values, kind)


def _row(node: Node, figures: Any) -> dict[str, Any]:
    out: dict[str, Any] = {
        "stage": node.stage,
        "operator": type(node).__name__,
        "detail": node.detail(),
        "mode": plan_text.mode(node),
        "order": plan_text.order(node),
    }
    if figures is not None:
        said = figures.said
        out |= {
            "rows_in": figures.rows_in, "rows_out": figures.rows_out, "bytes": figures.nbytes,
            "ms": round(figures.wall_ns / 1e6, 3), "memory": figures.peak_memory, "spilled": figures.spilled_bytes,
        }  # fmt: skip
        if said:
            out["detail"] = f"{out['detail']} ({said})"
    return out
