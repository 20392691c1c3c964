"""Whether two engines gave the same answer: rows as a set, or in their order; doubles but for what adding up in another order does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

NEAR = 1e-9  # relative


def difference(ours: Any, theirs: Any, compared: Sequence[str] = (), ordered: bool = False) -> str:
    """What is different, if anything is. Names of columns are each engine's own; `compared`: those that both have."""
    mine, yours = table_of(ours), table_of(theirs)
    if compared:
        mine, yours = mine.select(compared), yours.select(compared)
    if mine.shape != yours.shape:
        return f"{yours.shape} rows and columns, not {mine.shape}"
    names = [str(i) for i in range(mine.num_columns)]
    left, right = (pa.table([bare(c) for c in t.columns], names).combine_chunks() for t in (mine, yours))
    if not ordered:
        left, right = sorted_rows(left), sorted_rows(right)
    unlike = [n for n, a, b in zip(mine.column_names, left.columns, right.columns, strict=True) if not same(a, b)]
    return f"other values of {', '.join(unlike)}" if unlike else ""


def table_of(answer: Any) -> pa.Table:
    if isinstance(answer, bytes):
        return pa.ipc.open_stream(answer).read_all()
    return answer if isinstance(answer, pa.Table) else answer.to_arrow()


def bare(column: Any) -> Any:
    """One type for what engines have several for: microseconds, whole numbers, doubles, texts."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return bare(column.cast(kind.value_type))
    if pa.types.is_timestamp(kind):
        return column.cast(pa.timestamp("us")).cast(pa.int64())
    if pa.types.is_floating(kind):
        return column.cast(pa.float64())
    if pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        return column.cast(pa.int64())
    return column.cast(pa.string())


def sorted_rows(table: pa.Table) -> pa.Table:
    """By the columns that are no doubles first, as doubles may differ a little."""
    names = sorted(table.column_names, key=lambda n: pa.types.is_floating(table.schema.field(n).type))
    return table.sort_by([(n, "ascending") for n in names])


def same(a: Any, b: Any) -> bool:
    if not pa.types.is_floating(a.type):
        return bool(a.equals(b))
    return bool(np.allclose(a.to_numpy(), b.to_numpy(), NEAR, 0.0, equal_nan=True))
