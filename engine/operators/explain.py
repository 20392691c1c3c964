"""A plan as rows: what `explain` gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from ...planner import explain as plan_text
from ...planner.plan import EXPLAIN, Node, Procedure
from ...planner.types import Schema


def plan_rows(nodes: Sequence[Node], figures: Mapping[int, Any]) -> Any:
    """A source with a row an operator, in the order of the query; `figures`: metrics by `id(node)`."""
    from .rows import Rows

    rows = [_row(n, figures.get(id(n))) for n in nodes if not isinstance(n, Procedure)]
    columns = [_column(name, type_.arrow, [r.get(name) for r in rows]) for name, type_ in EXPLAIN]
    return Rows(columns, Schema(EXPLAIN), "explain")


def _column(name: str, kind: pa.DataType, values: list[Any]) -> pa.Array[Any]:
    return pa.array(values, kind)


def _row(node: Node, figures: Any) -> dict[str, Any]:
    out: dict[str, Any] = {
        "stage": node.stage,
        "operator": type(node).__name__,
        "detail": node.detail() if figures is not None else plan_text.detail_of(node),
        "mode": plan_text.mode(node),
        "order": plan_text.order(node),
    }
    if figures is not None:
        said = figures.said
        out |= {
            "rows_in": figures.rows_in, "rows_out": figures.rows_out, "bytes": figures.nbytes,
            "ms": round(figures.wall_ns / 1e6, 3), "memory": figures.peak_memory, "spilled": figures.spilled_bytes,
            "cpu_ms": round(figures.cpu_ns / 1e6, 3),
        }  # fmt: skip
        if said:
            out["detail"] = f"{out['detail']} ({said})"
    return out
