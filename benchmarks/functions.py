"""Every scalar function on a million rows, against DuckDB's and Polars's nearest, one thread each.

    PYTHONPATH=. python benchmarks/functions.py [name ...]        (ROWS=200000 in the environment: fewer rows)

Prints milliseconds of processor time, the best of interleaved rounds, so that a busy machine does not count, and how
many times the quicker peer's time ours is. `SLOW` marks more than twice, unless functions_reasons.py says why.
Ours is the bound expression over batches of 65,536 rows, as a query evaluates it; all give Arrow (Polars: its own) columns.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa

import cortado
from benchmarks.functions_cases import CASES, CONSTANT, Case
from benchmarks.functions_reasons import REASONS
from cortado.commands.base import load
from cortado.engine.context import Context, QueryState, Settings
from cortado.engine.exprs import Eval, evaluate, plain
from cortado.engine.kernels import load as kernels
from cortado.engine.memory import Budget
from cortado.engine.normalise import normalise
from cortado.engine.notes import At, WorkerNotes
from cortado.planner.expr import Expr
from cortado.planner.plan import Project

N = int(os.environ.get("ROWS", "1000000"))
ROUNDS, ROWS = 7, 65_536
TOO_SLOW = 2.0


def columns() -> dict[str, pa.Array[Any]]:
    """One column of each kind; texts differ in every row but for `word`."""
    rng = np.random.default_rng(1)
    ids = np.arange(N)
    each = ids.tolist()
    lines = [f"10.0.{i % 256}.{i % 100} GET /shop/item/{i} HTTP/1.1 {200 + i % 3} {i * 37 % 100_000}" for i in each]
    times = pa.array(1_600_000_000_000_000 + ids * 37_123_457).cast(pa.timestamp("us", "UTC"))
    triples = pa.array(rng.integers(0, 1000, 3 * N))
    starts = pa.array(np.arange(0, 3 * N + 1, 3, dtype=np.int32))
    return {
        "line": pa.array(lines), "korean": pa.array([f"주문 {i % 1000}번 배송 완료 {i}" for i in each]),
        "word": pa.array([f"item/{i % 7}" for i in each]), "coded": pa.array([f"a+b%26c{i}%ED%95%9C" for i in each]),
        "url": pa.array([f"https://u@www{i % 9}.example.com:8443/a/b{i}?q={i}#top" for i in each]),
        "doc": pa.array([f'{{"a":{{"b":[{i},2]}},"c":"x{i}","d":1.5}}' for i in each]),
        "xml": pa.array([f'<o><i id="{i}">tea</i></o>' for i in each]), "address": pa.array([f"10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}" for i in each]),
        "number": pa.array([f"{i * 7919 % 1000003}" for i in each]), "real": pa.array([f"{i / 7:.3f}" for i in each]),
        "day": pa.array([f"2026-{i % 12 + 1:02}-{i % 28 + 1:02} {i % 24:02}:{i % 60:02}:00" for i in each]),
        "kind": pa.array(["true" if i % 3 else "f" for i in each]), "hexes": pa.array([f"{i:08x}" for i in each]), "base": pa.array(["YWJj" + "ZGVm" * (i % 3) for i in each]),
        "small": pa.array(ids % 12), "n": pa.array(rng.integers(-(10**9), 10**9, N)), "x": pa.array(rng.normal(0, 1000, N)), "y": pa.array(rng.random(N)),
        "maybe": pa.array(rng.random(N), mask=rng.random(N) < 0.3), "flag": pa.array(ids % 3 == 0), "t": times, "u": pa.array(times.take(pa.array(rng.permutation(N)))),
        "span": pa.array(ids * 1_000_003).cast(pa.duration("us")), "raw": pa.array([b"\x00\xff" + i.to_bytes(6, "big") for i in each]),
        "list": pa.ListArray.from_arrays(starts, triples), "texts": pa.ListArray.from_arrays(starts, pa.array([f"w{i % 50}" for i in range(3 * N)])),
        "map": pa.StructArray.from_arrays([pa.array(ids), pa.array([f"v{i % 9}" for i in each])], ["k", "v"]),
    }  # fmt: skip


def cpu(run: Callable[[], Any]) -> float:
    begin = time.process_time()
    run()
    return (time.process_time() - begin) * 1000


class Runs:
    """The same table in all three engines."""

    def __init__(self) -> None:
        table = pa.table(columns())
        self._session = cortado.connect(threads=1, timezone="UTC", kernels="always")
        self._session.register("t", table)
        self._schema = self._session.query("table t")._bound.plan.schema
        kinds = zip(table.columns, self._schema.fields, strict=True)
        self._columns = [normalise(c.combine_chunks(), t, "UTC") for c, (_, t) in kinds]
        settings = Settings(threads=1, seed=1)
        state = QueryState(settings, Budget(1 << 32), now_us=1_764_000_000_000_000, compiled=lambda: True)
        self._ctx = Context(state, WorkerNotes())
        self._duck = duckdb.connect()
        self._duck.execute("set threads = 1")
        self._duck.execute("set timezone = 'UTC'")
        self._duck.register("arrow", table)
        self._duck.execute("create table t as from arrow")
        frame = pl.from_arrow(table.drop_columns(["span"]).append_column("span", table["span"]))
        assert isinstance(frame, pl.DataFrame)
        self._frame = frame

    def _bound(self, text: str) -> Expr:
        """The expression as the language binds it."""
        plan = self._session.query(f"table t | eval r = {text}")._bound.plan
        assert isinstance(plan, Project)
        return plan.assigns[0].value.expr

    def _evaluations(self) -> Iterator[Eval]:
        for first in range(0, N, ROWS):
            columns = [c.slice(first, ROWS) for c in self._columns]
            n = len(columns[0])
            yield Eval(
                n, self._ctx, At("2", "eval"), self._schema, columns.__getitem__, lambda *_: None, place=(0, first)
            )

    def of(self, case: Case) -> list[Callable[[], Any] | None]:
        expr = self._bound(case.ours)

        def ours() -> Any:
            return [plain(evaluate(expr, e), e.n) for e in self._evaluations()]

        def duck() -> Any:
            return self._duck.sql(f"select {case.duck} r from t").to_arrow_table()

        def polars() -> Any:
            assert case.polars is not None
            return self._frame.select(case.polars())

        return [ours, duck if case.duck else None, polars if case.polars is not None else None]


def measured(runs: list[Callable[[], Any] | None]) -> list[float]:
    """Best of the rounds, one engine behind the other in each; NaN where there is none."""
    best = [float("inf") if r is not None else float("nan") for r in runs]
    for round_ in range(ROUNDS + 1):
        for i, run in enumerate(runs):
            if run is not None:
                took = cpu(run)
                if round_ or took > 4000:  # the first warms
                    best[i] = min(best[i], took)
        if best[0] > 4000 and round_:
            break
    return best


def main(wanted: list[str]) -> None:
    known = {f for f in load().functions if not f.startswith("@")}
    covered = {n for c in CASES for n in c.names} | set(CONSTANT)
    assert known <= covered, f"no case for {sorted(known - covered)}"
    kernels.ensure(background=False)
    runs = Runs()
    print(f"{'expression':<46}{'ours':>9}{'duckdb':>9}{'polars':>9}{'ratio':>8}")
    slow = 0
    for case in CASES:
        if wanted and not set(wanted) & set(case.names):
            continue
        ours, duck, other = measured(runs.of(case))
        peers = [t for t in (duck, other) if t == t]
        ratio = ours / min(peers) if peers else float("nan")
        excused = next((REASONS[n] for n in case.names if n in REASONS), "")
        mark = "" if not ratio > TOO_SLOW else f"  {excused}" if excused else "  SLOW"
        slow += mark.strip() == "SLOW"
        print(f"{case.ours:<46.45}{ours:>9.1f}{duck:>9.1f}{other:>9.1f}{ratio:>8.2f}{mark}", flush=True)
    print(f"{slow} slower than {TOO_SLOW} times the better peer without a reason")


if __name__ == "__main__":
    main(sys.argv[1:])
