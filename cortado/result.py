"""`Result`: the rows of a query that ran once, with its notes and figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa

from .planner.records import dataclass

if TYPE_CHECKING:
    import pandas
    import polars


@dataclass(frozen=True, slots=True)
class NoteEntry:
    """One entry of the ledger: what happened to `count` rows at a stage, with up to three samples."""

    stage: str
    command: str
    kind: str  # reject, drop, truncate, overwrite, mixed, warn, info
    reason: str
    count: int
    samples: tuple[str, ...] = ()
    hint: str = ""
    code: str = ""  # of a warning: W301, ...

    def __str__(self) -> str:
        head = f"{self.kind} at stage {self.stage}, {self.command}: " if self.stage else f"{self.kind}: "
        count = "" if self.kind in ("warn", "info") and self.count == 1 else f" ({self.count:,})"
        shown = "".join(f"\n    {s}" for s in self.samples)
        return f"{head}{self.code + ' ' if self.code else ''}{self.reason}{count}{shown}" + (
            f"\n    hint: {self.hint}" if self.hint else ""
        )


@dataclass(frozen=True, slots=True)
class OperatorStats:
    """What one operator did. Times are its own, without those of the operators behind it."""

    stage: str
    operator: str
    rows_in: int
    rows_out: int
    batches: int
    nbytes: int
    wall_s: float
    cpu_s: float
    peak_memory: int
    spilled_bytes: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Stats:
    """Figures of a whole query."""

    wall_s: float
    rows_read: int
    bytes_read: int
    peak_memory: int
    spilled_bytes: int
    operators: tuple[OperatorStats, ...] = ()


class Result:
    """Holds rows and never runs again. Iterating gives record batches."""

    def __init__(self, table: pa.Table, notes: Sequence[NoteEntry], stats: Stats) -> None:
        self._table, self.notes, self.stats = table, list(notes), stats

    @property
    def schema(self) -> pa.Schema:
        return self._table.schema

    def __len__(self) -> int:
        return self._table.num_rows

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return iter(self._table.to_batches())

    def to_arrow(self) -> pa.Table:
        return self._table

    def to_reader(self) -> pa.RecordBatchReader:
        return self._table.to_reader()

    def to_pandas(self) -> pandas.DataFrame:
        return self._table.to_pandas()

    def to_polars(self) -> polars.DataFrame:
        try:
            import polars
        except ImportError as why:
            raise ImportError("to_polars needs Polars: pip install 'cortado[polars]'") from why

        from .edge import without_intervals

        return polars.from_arrow(without_intervals(self._table))  # type: ignore[return-value]

    def to_pylist(self) -> list[dict[str, Any]]:
        return self._table.to_pylist()

    def to_numpy(self) -> Mapping[str, Any]:
        """Columns by name as NumPy arrays."""
        return {n: self._table.column(n).to_numpy() for n in self._table.column_names}

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return cast(Any, self._table).__arrow_c_stream__(requested_schema)

    def __arrow_c_schema__(self) -> object:
        return self._table.schema.__arrow_c_schema__()

    def __repr__(self) -> str:
        noted = f", {_counted(len(self.notes), 'note')}" if self.notes else ""
        return f"<cortado.Result: {_counted(len(self), 'row')}, {_counted(len(self.schema), 'column')}{noted}>"

    def _repr_html_(self) -> str:
        from .html import result_html

        return result_html(self._table, self.notes)


def _counted(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"
