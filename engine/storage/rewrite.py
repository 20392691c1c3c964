"""Files made from other files of a table, row group by row group: compaction, deletion. Rows are never reordered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute

from . import parquet, types
from .parquet import FILE_ROWS, FilesWriter, FileWriter, WrittenFile
from .snapshot import BATCH_ROWS, DataFile, Snapshot

pc: Any = pyarrow.compute  # its stubs lack much

COMPACT_BELOW_BYTES = 32 << 20
COMPACT_MAX_ROWS = 4 * FILE_ROWS
COMPACT_MIN_FILES = 8
Doomed = Callable[[pa.Table], Any]  # rows in stored types -> booleans, null counts as false
Check = Callable[[], None]  # called now and then; it raises where the work is to stop


def never() -> None:
    """Nothing stops the work."""


def rows_of(snap: Snapshot, file: DataFile) -> Iterator[pa.Table]:
    """One file's rows in the snapshot's stored types, missing fields as nulls, a batch at a time."""
    opened = parquet.open_file(snap.gate, snap.folder, file.path, file.size)
    footer = parquet.Footer.of(opened)
    present = [n for n in snap.schema.names if n in footer.schema.names]
    n_seen = 0
    for group in range(footer.metadata.num_row_groups):
        n_rows = footer.metadata.row_group(group).num_rows
        for batch in parquet.read_group(opened, file.path, group, n_rows, present, BATCH_ROWS):
            n_seen += batch.num_rows
            yield stored_rows(batch, snap.schema)
    if file.n_rows is not None and n_seen != file.n_rows:
        raise parquet.damaged(file.path, f"{n_seen} of {file.n_rows} rows")


def stored_rows(rows: pa.RecordBatch, schema: pa.Schema) -> pa.Table:
    """Rows in the types of `schema`, which fields they lack as nulls."""
    columns: list[Any] = []
    for item in schema:
        at = rows.schema.get_field_index(item.name)
        if at < 0 or pa.types.is_null(rows.schema.field(at).type):
            columns.append(pa.chunked_array([pa.nulls(rows.num_rows, item.type)]))
        else:
            columns.append(types.to_stored(pa.chunked_array([rows.column(at)]), item))
    return pa.Table.from_arrays(columns, schema=schema)


def merge(snap: Snapshot, run: Sequence[DataFile], *, durable: bool) -> list[WrittenFile]:
    """Neighbouring files as one (more, where it grows too large), at the place of the first."""
    orders = iter([f.order for f in run])
    writer = FilesWriter(
        snap.gate, snap.folder, snap.schema, lambda: next(orders), durable=durable, file_rows=COMPACT_MAX_ROWS
    )
    try:
        for file in run:
            for rows in rows_of(snap, file):
                writer.write(rows)
        return writer.close()
    except BaseException:
        writer.abort()
        raise


def without(
    snap: Snapshot, file: DataFile, doomed: Doomed, *, durable: bool, check: Check = never
) -> tuple[WrittenFile | None, int]:
    """The file less the doomed rows (None if nothing is left or nothing was doomed), and how many those are."""
    n_gone = 0
    writer: FileWriter | None = None
    try:
        if not any(_mask(doomed, rows)[1] for rows in checked(rows_of(snap, file), check)):
            return None, 0
        for rows in checked(rows_of(snap, file), check):
            keep, n_doomed = _mask(doomed, rows)
            n_gone += n_doomed
            left = rows.filter(keep)
            if left.num_rows:
                writer = writer or FileWriter(snap.gate, snap.folder, snap.schema, durable=durable)
                writer.write(left)
        return (writer.close(file.order) if writer is not None else None), n_gone
    except BaseException:
        if writer is not None:
            writer.abort()
        raise


def reshaped(
    snap: Snapshot,
    file: DataFile,
    sources: Sequence[str | None],
    schema: pa.Schema,
    *,
    durable: bool,
    check: Check = never,
) -> WrittenFile:
    """The file's rows with the fields of `schema`: each from the old one named in `sources`, None: all null."""
    writer = FileWriter(snap.gate, snap.folder, schema, durable=durable)
    try:
        for rows in checked(rows_of(snap, file), check):
            columns = [
                pa.chunked_array([pa.nulls(rows.num_rows, item.type)]) if name is None else rows[name]
                for name, item in zip(sources, schema, strict=True)
            ]
            writer.write(pa.Table.from_arrays(cast(Any, columns), schema=schema))
        return writer.close(file.order)
    except BaseException:
        writer.abort()
        raise


def checked(tables: Iterator[pa.Table], check: Check) -> Iterator[pa.Table]:
    for rows in tables:
        check()
        yield rows


def _mask(doomed: Doomed, rows: pa.Table) -> tuple[Any, int]:
    gone = pc.fill_null(doomed(rows), False)
    return pc.invert(gone), int(pc.sum(gone).as_py() or 0)


def run_to_merge(files: Sequence[DataFile]) -> list[DataFile]:
    """The longest run of neighbouring small files, less leading ones far larger than all that follows them: so the
    work of repeated compaction grows with the logarithm of the table, not with the table.
    """
    best: list[DataFile] = []
    run: list[DataFile] = []
    n_rows = 0
    for file in [*files, None]:
        small = file is not None and is_small(file)
        if file is not None and small and n_rows + (file.n_rows or 0) <= COMPACT_MAX_ROWS:
            run.append(file)
            n_rows += file.n_rows or 0
            continue
        best = max(best, _without_large_head(run), key=len)
        run, n_rows = ([file], file.n_rows or 0) if file is not None and small else ([], 0)
    return best if len(best) >= COMPACT_MIN_FILES else []


def is_small(file: DataFile) -> bool:
    return file.size < COMPACT_BELOW_BYTES


def _without_large_head(run: list[DataFile]) -> list[DataFile]:
    total = sum(f.size for f in run)
    for i, file in enumerate(run):
        total -= file.size
        if file.size <= 4 * total:
            return run[i:]
    return []
