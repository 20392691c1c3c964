"""The law of every reader, on damaged files: records read = rows out + rows rejected, and all of those are kept."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

import cortado

from .damage import bitten
from .rounds import draws, rounds

CSV = b"n,x,d\n" + b"".join(b"%d,%d.5,2026-11-%02d\n" % (i, i, 1 + i % 28) for i in range(30))
JSON = b"".join(b'{"n": %d, "x": "%d", "d": {"a": %d}}\n' % (i, i, i) for i in range(30))
LOG = b"".join(b"2026-11-%02d line %d\n" % (1 + i % 28, i) for i in range(30))
READERS = {
    "csv": (CSV, 'csvfile schema="n: long, x: double, d: date"'),
    "json": (JSON, 'jsonfile schema="n: long, x: string"'),
    "log": (LOG, 'textfile dp="^\\S+"'),
}


def counted(session: cortado.Session, query: str, kind: str) -> tuple[int, int]:
    """Rows, and how many were told of."""
    result = session.query(query).run()
    return len(result), sum(n.count for n in result.notes if n.kind == kind)


def test_records_read_are_rows_out_and_rows_kept(tmp_path: Path) -> None:
    draw = draws("quarantine")
    with (
        cortado.connect(tmp_path / "a", threads=1, timezone="UTC") as one,
        cortado.connect(
            tmp_path / "b", threads=4, batch_rows=3, morsel_bytes=100, optimiser=False, timezone="UTC"
        ) as many,
    ):
        for i in rounds(60):
            ending = draw.choice(list(READERS))
            raw, reader = READERS[ending]
            path = tmp_path / f"x.{ending}"
            whole = raw
            for _ in range(draw.randint(1, 8)):
                whole = bitten(draw, whole)
            if ending == "csv" and not whole.startswith(b"n,x,d\n"):
                whole = b"n,x,d\n" + whole
            path.write_bytes(whole)
            kept = []
            for session in (one, many):
                try:
                    n_read, n_told = counted(session, f'{reader} quarantine=t{i} "{path}"', "reject")
                except cortado.QueryError as why:
                    assert why.code == "E605", why
                    break
                n_out, n_dropped = counted(session, f'{reader} bad=skip quarantine=s{i} "{path}" | fields - *', "drop")
                assert n_read == n_out + n_dropped, (whole, reader)
                fields = "source, line, offset, column, reason, raw"
                told = session.query(f"table t{i} | fields {fields}").run().to_pylist()
                left_out = session.query(f"table s{i} | fields {fields}").run().to_pylist()
                assert len(told) == n_told and len(left_out) >= n_dropped, (whole, reader)
                for row in (*told, *left_out):
                    assert whole[row["offset"] : row["offset"] + len(row["raw"])] == row["raw"], (whole, row)
                kept.append((told, left_out))
            assert len(kept) < 2 or kept[0] == kept[1], whole


def test_columns_that_the_language_cannot_hold(tmp_path: Path) -> None:
    draw = draws("overflow")
    with cortado.connect(tmp_path / "db", threads=2, batch_rows=7, timezone="UTC") as session:
        for i in rounds(20):
            n = draw.randint(1, 60)
            big = [draw.choice([None, 1, 2**63 - 1, 2**63, 2**64 - 1]) for _ in range(n)]
            nested = [draw.choice([None, [], [1], [2**64 - 1, 3]]) for _ in range(n)]
            times = [draw.choice(["2026-11-01", "never", None]) for _ in range(n)]
            table = pa.table(
                {"u": pa.array(big, pa.uint64()), "l": pa.array(nested, pa.list_(pa.uint64())), "t": times}
            )
            bad = [
                (b is not None and b >= 2**63) or 2**64 - 1 in (v or ()) or t == "never"
                for b, v, t in zip(big, nested, times, strict=True)
            ]
            pq.write_table(table, tmp_path / "x.parquet", row_group_size=draw.choice([1, 13, 1000]))
            out = io.BytesIO()
            with pa.ipc.new_file(out, table.schema) as writer:
                writer.write_table(table, max_chunksize=draw.choice([1, 13, 1000]))
            (tmp_path / "x.arrow").write_bytes(out.getvalue())
            for command in ("parquet", "arrow"):
                query = f'{command}file time=t bad=skip quarantine={command}{i} "{tmp_path}/x.{command}"'
                _, n_dropped = counted(session, f"{query} | stats count by t | stats sum(count) as n", "drop")
                result = session.query(f"{query} | stats count").run().to_pylist()
                assert result == [{"count": n - sum(bad)}] and n_dropped == sum(bad)
                lines = session.query(f"table {command}{i} | fields line").run().to_arrow()["line"].to_pylist()
                assert lines == 2 * [k + 1 for k, b in enumerate(bad) if b]
