"""One row that becomes very many: made as they are read, stopped when nobody wants more."""

from __future__ import annotations

import time

import pyarrow as pa
import pytest

import cortado

MANY = 200_000_000
QUERIES = [
    f'json "{{}}" | eval a = 1 | repeat count={MANY}',
    f'json "{{}}" | repeat count={MANY} | eval n = seq()',  # a stage behind the order gate
    f'json "{{}}" | limit 1 | repeat count={MANY} | eval a = 1',  # itself behind it
    f"table t | repeat count={MANY}",  # several partitions, each with too many
]
T = pa.table({"a": range(300_000)})


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("query", QUERIES)
def test_rows_are_made_as_they_are_read(query: str, threads: int) -> None:
    with cortado.connect(threads=threads, memory="256MB", batch_rows=10_000) as session:
        before = pa.total_allocated_bytes()
        reader = session.query(query, sources={"t": T}).stream()
        first = [reader.read_next_batch() for _ in range(8)]
        time.sleep(0.3)
        assert pa.total_allocated_bytes() - before < 300 << 20  # not the gigabytes that all rows are
        more = reader.read_next_batch()  # it goes on where it waited
        assert more.num_rows
        assert first
        begin = time.monotonic()
        reader.close()
        assert time.monotonic() - begin < 5


def test_all_of_them_come_in_order() -> None:
    with cortado.connect(threads=3, memory="64MB", batch_rows=1000) as session:
        last = 0
        for batch in session.query("table t | repeat count=20 | eval n = seq()", sources={"t": T}).stream():
            numbers = batch.column("n").to_numpy()
            assert numbers[0] == last + 1
            assert len(numbers) == numbers[-1] - last
            last = int(numbers[-1])
        assert last == 20 * T.num_rows


@pytest.mark.parametrize("count", [5, 100_000])
def test_a_long_array_is_no_single_batch(count: int) -> None:
    table = pa.table({"a": pa.array([list(range(count)), None, []], pa.list_(pa.int64())), "s": ["x", "y", "z"]})
    with cortado.connect(batch_rows=65_536) as session:
        batches = list(session.query("table t | explode a", sources={"t": table}).stream())
        assert sum(b.num_rows for b in batches) == count + 2
        assert max(b.num_rows for b in batches) <= 65_536
        found = pa.Table.from_batches(batches)["a"].to_pylist()
        assert found == [*range(count), None, None]
        assert len(batches) < 20
