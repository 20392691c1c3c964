"""Scalar functions on a million rows, against DuckDB's and Polars's nearest, one thread each.

    PYTHONPATH=. python benchmarks/functions.py [name ...]

Prints milliseconds (`general`: without compiled kernels), and how many times the quicker peer's time ours is. Batches of 65,536 rows, as a query has them.
All give the whole result as Arrow (Polars: its own) arrays; ours is the bound call with its coercions.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa

from cortado.engine.exprs import Eval, evaluate, plain
from cortado.planner.types import Schema
from tests.unit.functions.harness import AT, Bench

N, ROWS = 1_000_000, 65_536
Case = tuple[str, tuple[Any, ...], str, Callable[[], pl.Expr] | None]


def columns() -> dict[str, pa.Array[Any]]:
    rng = np.random.default_rng(1)
    ids = np.arange(N)
    lines = [
        f"10.0.{i % 256}.{i % 100} GET /shop/item/{i} HTTP/1.1 {200 + i % 3} {i * 37 % 100_000}" for i in ids.tolist()
    ]
    korean = [f"주문 {i % 1000}번 배송 완료 {i}" for i in ids.tolist()]
    return {
        "line": pa.array(lines), "korean": pa.array(korean), "word": pa.array([f"item/{i % 7}" for i in ids.tolist()]),
        "coded": pa.array([f"a+b%26c{i}%ED%95%9C" for i in ids.tolist()]), "small": pa.array((ids % 12).astype(np.int64)),
        "n": pa.array(rng.integers(-(10**9), 10**9, N)), "x": pa.array(rng.normal(0, 1000, N)), "y": pa.array(rng.random(N)),
    }  # fmt: skip


def c(name: str) -> pl.Expr:
    return pl.col(name)


def cases() -> list[Case]:
    return [
        ("concat", ("line", "'-", "word"), "concat(line, '-', word)", lambda: pl.concat_str(c("line"), pl.lit("-"), c("word"))),
        ("len", ("line",), "length(line)", lambda: c("line").str.len_chars()),
        ("len", ("korean",), "length(korean)", lambda: c("korean").str.len_chars()),
        ("lower", ("line",), "lower(line)", lambda: c("line").str.to_lowercase()),
        ("upper", ("korean",), "upper(korean)", lambda: c("korean").str.to_uppercase()),
        ("trim", ("line",), "trim(line)", lambda: c("line").str.strip_chars()),
        ("reverse", ("line",), "reverse(line)", lambda: c("line").str.reverse()),
        ("left", ("line", 8), "left(line, 8)", lambda: c("line").str.head(8)),
        ("left", ("korean", 8), "left(korean, 8)", lambda: c("korean").str.head(8)),
        ("left", ("line", "small"), "left(line, small)", lambda: c("line").str.head(c("small"))),
        ("right", ("korean", 8), "right(korean, 8)", lambda: c("korean").str.tail(8)),
        ("substr", ("line", 3, 20), "substring(line, 4, 17)", lambda: c("line").str.slice(3, 17)),
        ("lpad", ("word", 12, "'0"), "lpad(word, 12, '0')", lambda: c("word").str.pad_start(12, "0")),
        ("contains", ("line", "'item/99"), "contains(line, 'item/99')", lambda: c("line").str.contains("item/99", literal=True)),
        ("contains", ("line", "word"), "contains(line, word)", lambda: c("line").str.contains(c("word"), literal=True)),
        ("startswith", ("line", "'10.0.7."), "starts_with(line, '10.0.7.')", lambda: c("line").str.starts_with("10.0.7.")),
        ("endswith", ("line", "'00"), "ends_with(line, '00')", lambda: c("line").str.ends_with("00")),
        ("indexof", ("line", "'GET"), "instr(line, 'GET')", lambda: c("line").str.find("GET", literal=True)),
        ("lastindexof", ("line", "'/"), "length(line) - instr(reverse(line), '/')", None),
        ("replace", ("line", "'GET", "'got"), "replace(line, 'GET', 'got')", lambda: c("line").str.replace_all("GET", "got", literal=True)),
        ("replace", ("line", "'(\\d+)$", "'<$1>", "'re"), "regexp_replace(line, '(\\d+)$', '<\\1>')", lambda: c("line").str.replace_all(r"(\d+)$", "<$1>")),
        ("split", ("line", "' "), "len(string_split(line, ' '))", lambda: c("line").str.split(" ").list.len()),
        ("match", ("line", "' 20[12] \\d+$"), "regexp_matches(line, ' 20[12] \\d+$')", lambda: c("line").str.contains(r" 20[12] \d+$")),
        ("extract", ("line", "'item/(\\d+)"), "regexp_extract(line, 'item/(\\d+)', 1)", lambda: c("line").str.extract(r"item/(\d+)", 1)),
        ("extractall", ("line", "'\\d+"), "len(regexp_extract_all(line, '\\d+'))", lambda: c("line").str.extract_all(r"\d+").list.len()),
        ("format", ("'%s: %05d", "word", "n"), "printf('%s: %05d', word, n)", None),
        ("format", ("'%,.2f", "x"), "format('{:t,.2f}', x)", None),
        ("urlencode", ("line",), "url_encode(line)", None),
        ("urldecode", ("coded",), "url_decode(coded)", None),
        ("round", ("x", 2), "round(x, 2)", lambda: c("x").round(2)),
        ("round", ("n", -2), "round(n, -2)", None),
        ("floor", ("x",), "floor(x)", lambda: c("x").floor()),
        ("mod", ("n", 7), "n % 7", None),
        ("max", ("x", "y"), "greatest(x, y)", lambda: pl.max_horizontal("x", "y")),
        ("pow", ("x", 2), "pow(x, 2)", lambda: c("x") ** 2.0),
        ("sqrt", ("y",), "sqrt(y)", lambda: c("y").sqrt()),
        ("log", ("y",), "ln(y)", lambda: c("y").log()),
        ("sin", ("x",), "sin(x)", lambda: c("x").sin()),
        ("cbrt", ("x",), "cbrt(x)", lambda: c("x").cbrt()),
        ("bucket", ("n", 1000), "(n // 1000) * 1000", lambda: (c("n") // 1000) * 1000),
        ("random", (), "random()", None),
        ("guid", (), "uuid()", None),
    ]  # fmt: skip


def best(run: Callable[[], Any], times: int = 3) -> float:
    out = []
    for _ in range(times):
        begin = time.perf_counter()
        run()
        out.append(time.perf_counter() - begin)
    return min(out) * 1000


def ours(name: str, arguments: tuple[Any, ...], table: dict[str, pa.Array[Any]], compiled: bool) -> None:
    for begin in range(0, N, ROWS):
        bench = Bench(n=min(ROWS, N - begin), compiled=compiled)
        values = [table[a].slice(begin, ROWS) if isinstance(a, str) and a[0] != "'" else a for a in arguments]
        args = [bench.expr(v[1:] if isinstance(v, str) else v) for v in values]
        expr = bench.bind(name, args)
        ev = evaluation(bench)
        plain(evaluate(expr, ev), ev.n)


def evaluation(bench: Bench) -> Eval:
    def column(i: int) -> Any:
        return bench.columns[i]

    return Eval(bench.n or 0, bench.ctx, AT, Schema(tuple(bench.fields)), column, lambda *_: None)


def main(wanted: list[str]) -> None:
    table = columns()
    arrow = pa.table(table)
    duck = duckdb.connect()
    duck.execute("set threads = 1")
    duck.register("arrow", arrow)
    duck.execute("create table t as from arrow")
    frame = pl.from_arrow(arrow)
    assert isinstance(frame, pl.DataFrame)
    print(f"{'function':<34}{'general':>8}{'ours':>8}{'duckdb':>9}{'polars':>9}{'ratio':>8}")
    for name, arguments, sql, expr in cases():
        if wanted and name not in wanted:
            continue
        slow = best(lambda n=name, a=arguments: ours(n, a, table, False))  # type: ignore[misc]
        mine = best(lambda n=name, a=arguments: ours(n, a, table, True))  # type: ignore[misc]
        peer = best(lambda s=sql: duck.sql(f"select {s} v from t").to_arrow_table())  # type: ignore[misc]
        other = best(lambda e=expr: frame.select(e())) if expr else float("nan")  # type: ignore[misc]
        ratio = mine / min(t for t in (peer, other) if t == t)
        shown = f"{name}({', '.join(map(str, arguments))})"
        print(f"{shown:<34.33}{slow:>8.1f}{mine:>8.1f}{peer:>9.1f}{other:>9.1f}{ratio:>8.2f}")


if __name__ == "__main__":
    main(sys.argv[1:])
