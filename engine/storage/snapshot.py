"""One version of a table as readers see it: files in stored order, splits, and which of them a filter needs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, cast

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from ...planner import types as plan
from ...planner.records import dataclass
from ...planner.text import QueryError, fault
from . import parquet, types
from .pagechunk import Chunks
from .pagereader import joined, read_columns
from .parquet import Footer
from .paths import Gate
from .tally import Tally

Op = Literal["<", "<=", "==", ">=", ">"]
BATCH_ROWS = 65_536
FOOTERS_KEPT = 64
_DAY_US = 86_400_000_000
_EXACT_DOUBLE = 1 << 53
_FOREIGN_TIME_SLACK_US = 999  # other writers cut the bounds of times to milliseconds


@dataclass(frozen=True, slots=True)
class Bound:
    """One conjunct that a scan may prune by; rows for which it does not hold may still come.

    `value` is in the engine's terms: dates are microseconds since 1970, durations microseconds.
    """

    field: str
    op: Op
    value: Any

    def may_hold(self, low: Any, high: Any) -> bool:
        """Whether some value from `low` to `high` can satisfy it."""
        if isinstance(self.value, float):  # the engine compares doubles then, and rounding keeps the order
            low, high = float(low), float(high)
        match self.op:
            case "<":
                return bool(low < self.value)
            case "<=":
                return bool(low <= self.value)
            case ">":
                return bool(high > self.value)
            case ">=":
                return bool(high >= self.value)
        return bool(low <= self.value <= high)

    def prunes(self, t: Any) -> bool:
        """Whether statistics of type `t` can be compared with the value as the engine would."""
        value = self.value
        if isinstance(value, str):
            return bool(pa.types.is_string(t))
        if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
            return False
        if pa.types.is_floating(t):
            return isinstance(value, float) or abs(value) <= _EXACT_DOUBLE
        return bool(pa.types.is_integer(t) or pa.types.is_timestamp(t) or pa.types.is_date32(t))


@dataclass(frozen=True, slots=True)
class DataFile:
    number: int  # its place in the stored order of this snapshot
    path: str
    size: int
    order: int
    n_rows: int | None


@dataclass(slots=True)
class ScanCounts:
    """What pruning did; for `explain`."""

    files: int = 0
    files_opened: int = 0
    row_groups: int = 0
    row_groups_kept: int = 0


@dataclass(frozen=True, slots=True)
class Split:
    """One row group. `place` (file number, row group) orders splits and does not depend on pruning."""

    place: tuple[int, int]
    file: DataFile
    n_rows: int
    snapshot: Snapshot = field(repr=False)
    footer: Footer = field(repr=False)

    def bounds(self, name: str) -> tuple[Any, Any] | None:
        """Least and greatest value, in the terms of `Bound`; None where unknown or not to be trusted."""
        return self.snapshot.group_bounds(self.file, self.footer, self.place[1], name)

    def read(
        self,
        fields: Sequence[str] | None = None,
        *,
        batch_rows: int = BATCH_ROWS,
        check: Callable[[], None] = lambda: None,
        compiled: bool = False,
        tally: Tally | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """Batches of exactly the wanted fields in the engine's types; text may come as dictionary(int32).

        `compiled`: whether compiled kernels may be used. `tally` is told what was read.

        Fields that the file lacks are nulls. `check` is called before each batch and may raise. A damaged file is E605,
        perhaps only after some batches.
        """
        snap = self.snapshot
        wanted = [snap.schema.field(n) for n in (snap.schema.names if fields is None else fields)]
        present = [f.name for f in wanted if f.name in self.footer.schema.names]
        if not present:
            yield from self._without_data(wanted, batch_rows, check)
            return
        found: dict[str, Any] = {}
        if compiled:
            with self.opened() as source:
                found = read_columns(Chunks(source, self.footer.leaves, self.place[1], present, tally), check)
        elif tally is not None:
            tally.kept("columns", 0, len(present))
        rest = [n for n in present if n not in found]
        batches = joined(found, self.rest(rest, batch_rows, tally) if rest else None, present, self.n_rows, batch_rows)
        while True:
            check()
            batch = next(batches, None)
            if batch is None:
                return
            columns = {n: self.engine_form(n, batch.column(n)) for n in present}
            yield _batch(batch.num_rows, wanted, columns)

    def opened(self) -> pa.NativeFile:
        return parquet.open_data(self.snapshot.gate, self.snapshot.folder, self.file.path)

    def engine_form(self, name: str, column: pa.Array[Any]) -> Any:
        """A column of the file as `read` gives it."""
        if column.type == self.snapshot.physical.field(name).type:
            return column
        try:
            return types.from_stored(column, self.snapshot.schema.field(name))
        except pa.ArrowException as why:
            raise parquet.damaged(self.file.path, why) from why

    def rest(self, names: list[str], batch_rows: int, tally: Tally | None = None) -> Iterator[pa.RecordBatch]:
        """Columns as Arrow reads them."""
        snap, group = self.snapshot, self.place[1]
        if tally is not None:
            tally.read_whole(len(names), self.footer.leaves.nbytes(group, names))
        file = parquet.open_file(
            snap.gate,
            snap.folder,
            self.file.path,
            self.file.size,
            metadata=self.footer.metadata,
            dictionaries=self.footer.dictionaries(group, names),
        )
        return parquet.read_group(file, self.file.path, group, self.n_rows, names, batch_rows)

    def _without_data(
        self, wanted: Sequence[pa.Field[Any]], batch_rows: int, check: Callable[[], None]
    ) -> Iterator[pa.RecordBatch]:
        for begin in range(0, self.n_rows, batch_rows):
            check()
            yield _batch(min(batch_rows, self.n_rows - begin), wanted, {})


def _batch(n_rows: int, wanted: Sequence[pa.Field[Any]], columns: dict[str, Any]) -> pa.RecordBatch:
    if not wanted:  # a batch of no columns still has its rows
        bare = pa.StructArray.from_buffers(pa.struct([]), n_rows, [None])
        return pa.RecordBatch.from_struct_array(cast(Any, bare))
    arrays = [columns[f.name] if f.name in columns else pa.nulls(n_rows, types.physical_field(f).type) for f in wanted]
    return pa.RecordBatch.from_arrays(arrays, names=[f.name for f in wanted])


@dataclass(frozen=True)
class Snapshot:
    """One version of a table: its schema and its files in stored order. Readers list no folder. Safe between threads.

    `schema` is the stored one; `declared` and `physical` say what was given, and what splits deliver.
    """

    gate: Gate = field(repr=False)
    folder: Path
    version: int
    schema: pa.Schema
    files: tuple[DataFile, ...] = field(repr=False)
    _actions: pa.Table = field(repr=False)
    _bounds: dict[str, tuple[list[Any], list[Any]]] = field(
        default_factory=dict, repr=False
    )  # by field, when asked for
    _footers: dict[int, Footer] = field(default_factory=dict, repr=False, compare=False)

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def declared(self) -> plan.Schema:
        """Names and types for the binder, widths and addresses restored."""
        return plan.Schema(tuple((f.name, types.plan_type(f)) for f in self.schema))

    @cached_property
    def physical(self) -> pa.Schema:
        return pa.schema([types.physical_field(f) for f in self.schema])

    @property
    def n_rows(self) -> int | None:
        """From the log; None if another writer left it out."""
        counts = [f.n_rows for f in self.files]
        return None if None in counts else sum(cast("list[int]", counts))

    @property
    def nbytes(self) -> int:
        """On the disk."""
        return sum(f.size for f in self.files)

    @property
    def last_order(self) -> int:
        return self.files[-1].order if self.files else 0

    def splits(
        self,
        bounds: Sequence[Bound] = (),
        *,
        from_us: int | None = None,
        to_us: int | None = None,
        time_field: str = "_time",
        counts: ScanCounts | None = None,
    ) -> Iterator[Split]:
        """Row groups that may hold matching rows, in stored order. Opens only files that the log keeps, one by one."""
        counts = counts if counts is not None else ScanCounts()
        wanted = list(bounds)
        if from_us is not None:
            wanted.append(Bound(time_field, ">=", from_us))
        if to_us is not None:
            wanted.append(Bound(time_field, "<", to_us))
        usable = [b for b in wanted if b.field in self.schema.names and b.prunes(self.schema.field(b.field).type)]
        kept = self.files_for(usable)
        counts.files += len(self.files)
        for file in kept:
            counts.files_opened += 1
            footer = self.footer(file)
            counts.row_groups += footer.metadata.num_row_groups
            for number in range(footer.metadata.num_row_groups):
                if self._group_may_hold(file, footer, number, usable):
                    counts.row_groups_kept += 1
                    n_rows = footer.metadata.row_group(number).num_rows
                    yield Split((file.number, number), file, n_rows, self, footer)

    def footer(self, file: DataFile) -> Footer:
        """Opens a file and checks it against the log; those of a few files are kept."""
        if file.number not in self._footers:
            found = self._checked(file)
            if len(self._footers) >= FOOTERS_KEPT:
                return found
            self._footers[file.number] = found
        return self._footers[file.number]

    def _checked(self, file: DataFile) -> Footer:
        found = Footer.of(parquet.open_file(self.gate, self.folder, file.path, file.size))
        if file.n_rows is not None and found.metadata.num_rows != file.n_rows:
            raise parquet.damaged(file.path, f"{found.metadata.num_rows} of {file.n_rows} rows")
        return found

    def files_for(self, bounds: Sequence[Bound]) -> list[DataFile]:
        """Files that may hold matching rows, by the log alone."""
        usable = [b for b in bounds if b.field in self.schema.names and b.prunes(self.schema.field(b.field).type)]
        keep = [True] * len(self.files)
        for bound in usable:
            lows, highs = self._log_bounds(bound.field)
            for i, file in enumerate(self.files):
                low, high = lows[i], highs[i]
                if low is None or high is None or (bound.op in (">", ">=") and self.hides_nan(file, bound.field)):
                    continue
                keep[i] = keep[i] and bound.may_hold(low, high)
        return [f for f, k in zip(self.files, keep, strict=True) if k]

    def _log_bounds(self, name: str) -> tuple[list[Any], list[Any]]:
        """Of each file; None where there are none."""
        if name not in self._bounds:
            self._bounds[name] = self._read_log_bounds(name)
        return self._bounds[name]

    def _read_log_bounds(self, name: str) -> tuple[list[Any], list[Any]]:
        unknown: list[Any] = [None] * len(self.files)
        if f"min.{name}" not in self._actions.column_names or "." in name:  # with a dot: perhaps a member of a struct
            return unknown, unknown
        lows, highs = _integers(self._actions[f"min.{name}"]), _integers(self._actions[f"max.{name}"])
        if pa.types.is_timestamp(self.schema.field(name).type):
            ours = [parquet.order_of(f.path) is not None for f in self.files]
            highs = [h if h is None or o else h + _FOREIGN_TIME_SLACK_US for h, o in zip(highs, ours, strict=True)]
        return lows, highs

    def hides_nan(self, file: DataFile, name: str) -> bool:
        """A float column may hold a NaN above its upper bound, unless we wrote that bound into the log."""
        if not pa.types.is_floating(self.schema.field(name).type):
            return False
        return parquet.order_of(file.path) is None or self._log_bounds(name)[0][file.number] is None

    def _group_may_hold(self, file: DataFile, footer: Footer, group: int, bounds: Sequence[Bound]) -> bool:
        for bound in bounds:
            if bound.op in (">", ">=") and self.hides_nan(file, bound.field):
                continue
            found = self._group_stats(footer, group, bound.field)
            if found is not None and not bound.may_hold(*found):
                return False
        return True

    def group_bounds(self, file: DataFile, footer: Footer, group: int, name: str) -> tuple[Any, Any] | None:
        return None if self.hides_nan(file, name) else self._group_stats(footer, group, name)

    def _group_stats(self, footer: Footer, group: int, name: str) -> tuple[Any, Any] | None:
        chunk = footer.leaves.column(group, name)
        stats = None if chunk is None else chunk.statistics
        if stats is None or not stats.has_min_max:
            return None
        t: Any = footer.schema.field(name).type
        if pa.types.is_string(t):
            return stats.min, stats.max
        low, high = stats.min_raw, stats.max_raw
        if not isinstance(low, int | float) or isinstance(low, bool):
            return None
        if pa.types.is_date32(t):
            return low * _DAY_US, high * _DAY_US
        if pa.types.is_timestamp(t) and t.unit != "us":
            return None
        plain = pa.types.is_signed_integer(t) or pa.types.is_floating(t) or pa.types.is_timestamp(t)
        return (low, high) if plain else None


def _integers(column: Any) -> list[Any]:
    """Times and dates as microseconds."""
    if pa.types.is_timestamp(column.type):
        return cast("list[Any]", column.cast(pa.int64()).to_pylist())
    if pa.types.is_date32(column.type):
        days = column.cast(pa.int32()).to_pylist()
        return [None if d is None else d * _DAY_US for d in days]
    return cast("list[Any]", column.to_pylist())


def take_snapshot(gate: Gate, folder: Path, table: DeltaTable) -> Snapshot:
    """Of an opened log. A table that we would read wrongly is E605."""
    schema = pa.schema(cast(Any, table.schema().to_arrow()))
    refuse_what_we_cannot_read(folder.name, table, schema)
    actions = pa.table(table.get_add_actions(flatten=True))
    times = cast("list[int]", actions["modification_time"].cast(pa.int64()).to_pylist())
    paths = cast("list[str]", actions["path"].to_pylist())
    orders = [parquet.order_of(p) or m * 1000 for p, m in zip(paths, times, strict=True)]
    actions = actions.append_column("order", pa.array(orders, pa.int64()))
    actions = actions.take(pc.sort_indices(actions, [("order", "ascending"), ("path", "ascending")]))
    rows = zip(*(actions[c].to_pylist() for c in ("path", "size_bytes", "order", "num_records")), strict=True)
    files = tuple(DataFile(i, *row) for i, row in enumerate(rows))
    return Snapshot(gate, folder, int(table.version()), schema, files, actions)


def refuse_what_we_cannot_read(name: str, table: DeltaTable, schema: pa.Schema) -> None:
    def no(what: str) -> QueryError:
        return fault("E605", f"table `{name}` {what}, which is not supported", hint="rewrite it with its own engine")

    features = set(table.protocol().reader_features or []) - {"timestampNtz"}
    if features:
        raise no(f"uses {', '.join(sorted(features))}")
    metadata = table.metadata()
    if metadata.partition_columns:
        raise no(f"is partitioned by {', '.join(metadata.partition_columns)}")
    if metadata.configuration.get("delta.columnMapping.mode", "none") != "none":
        raise no("maps column names")
    for item in schema:
        t: Any = item.type
        if pa.types.is_timestamp(t) and t.tz is None:
            raise no(f"has a timestamp without a zone, `{item.name}`")
