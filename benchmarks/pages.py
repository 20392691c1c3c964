"""Columns of the web log's Parquet file, read by our page kernels and by Arrow's reader: one thread each, in turn.

    python -m benchmarks.pages --lines 5000000 --rounds 5

Both give the same arrays (texts as dictionaries), which is checked; ratios are Arrow's CPU time over ours.
"""

from __future__ import annotations

import argparse
import time

import pyarrow as pa
import pyarrow.parquet as pq

from cortado.engine.storage.pagechunk import Chunks, Leaves
from cortado.engine.storage.pagereader import read_columns

from .weblog import make


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=5_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    path = str(make(args.lines)[1])
    metadata, schema = pq.ParquetFile(path).metadata, pq.ParquetFile(path).schema_arrow
    groups, leaves = range(metadata.num_row_groups), Leaves(metadata, schema)
    print(f"{args.lines:,} rows in {len(groups)} row groups, best of {args.rounds} rounds, CPU seconds")
    with pa.OSFile(path) as source:
        for name in schema.names:
            texts = [name] if pa.types.is_string(schema.field(name).type) else None
            arrow = pq.ParquetFile(path, metadata=metadata, read_dictionary=texts)
            ours, theirs = [], []
            for _ in range(args.rounds):
                begun = time.process_time()
                mine = [read_columns(Chunks(source, leaves, g, [name]))[name] for g in groups]
                ours.append(time.process_time() - begun)
                begun = time.process_time()
                other = [arrow.read_row_group(g, columns=[name], use_threads=False)[name] for g in groups]
                theirs.append(time.process_time() - begun)
            assert all(pa.chunked_array([a]).equals(b) for a, b in zip(mine, other, strict=True)), name
            print(f"{name:12} {min(ours):.4f}  Arrow {min(theirs):.4f} ({min(theirs) / min(ours):.2f}x)", flush=True)


if __name__ == "__main__":
    main()
