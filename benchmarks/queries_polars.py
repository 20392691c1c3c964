"""The queries of the speed benchmark as Polars has them, on its streaming engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .queries_cases import GENERAL, RX

Answer = Callable[[dict[str, str]], Any]


def answers() -> dict[str, Answer]:
    """By the query's name; each takes the paths of its files."""
    import polars as pl

    c = pl.col

    def lines(path: str) -> Any:
        return pl.scan_csv(path, has_header=False, separator="\x01", quote_char=None, new_columns=["line"])

    def done(frame: Any) -> Any:
        return frame.collect(engine="streaming")

    def summed(frame: Any, field: str = "bytes", *by: str) -> Any:
        return done(frame.group_by(*(by or ("client_ip",))).agg(c(field).sum()))

    def raw(name: str) -> Answer:
        pattern = RX.replace(r"(\S+).*", r"(?<ip>\S+).*").replace(r" (\S+)", r" (?<b>\S+)")
        number = c("b").cast(pl.Int64, strict=False)
        return lambda f: done(
            lines(f[name])
            .select(c("line").str.extract_groups(pattern).alias("g"))
            .unnest("g")
            .group_by("ip")
            .agg(number.sum())
        )

    def by_hand(f: dict[str, str]) -> Any:
        words = c("line").str.split(" ")
        return done(
            lines(f["log"])
            .select(
                ip=c("line").str.splitn(" ", 2).struct.field("field_0"),
                b=words.list.last().cast(pl.Int64, strict=False),
            )
            .group_by("ip")
            .agg(c("b").sum())
        )

    def general(f: dict[str, str]) -> Any:
        kind = c("line").str.extract(GENERAL, 1)
        return done(lines(f["log"]).select(kind=kind).drop_nulls().group_by("kind").agg(pl.len()))

    def buckets(frame: Any, span: str, out: Any) -> Any:
        return done(frame.group_by(c("time").dt.truncate(span), "status").agg(out).sort("time", "status"))

    def some(frame: Any) -> Any:
        kept = frame.filter((c("status") == 404) & (c("bytes") > 1_000_000))
        return done(kept.group_by("method").agg(pl.len(), c("bytes").sum()))

    def joined(key: str) -> Answer:
        return lambda f: summed(
            pl.scan_parquet(f["events"]).join(pl.scan_parquet(f["dims"]).select(key, "region"), on=key),
            "bytes",
            "region",
        )

    table, costs, csv = (lambda name: lambda f: pl.scan_parquet(f[name])), pl.scan_parquet, pl.scan_csv
    pq = table("pq")
    holds = c("path").str.contains("search", literal=True)
    return {
        "text": raw("log"),
        "text by hand": by_hand,
        "general regex": general,
        "search": lambda f: done(
            lines(f["log"]).filter(c("line").str.contains("Googlebot", literal=True)).select(pl.len())
        ),
        "sum by ip": lambda f: summed(pq(f)),
        "dc(ip)": lambda f: done(pq(f).select(c("client_ip").n_unique())),
        "timechart": lambda f: buckets(pq(f), "5m", pl.len()),
        "p95": lambda f: done(pq(f).group_by("status").agg(c("bytes").quantile(0.95, "linear"))),
        "contains": lambda f: done(pq(f).filter(holds).group_by("status").agg(pl.len())),
        "filter": lambda f: some(pq(f)),
        "top 10": lambda f: done(pq(f).select("time", "client_ip", "path", "bytes").top_k(10, by="bytes")),
        "double: sum by ip": lambda f: summed(costs(f["costs"]), "cost"),
        "double: dc": lambda f: done(costs(f["costs"]).select(c("client_ip").n_unique(), c("cost").sum())),
        "double: timechart": lambda f: buckets(costs(f["costs"]), "5m", c("cost").sum()),
        "double: p95": lambda f: done(
            costs(f["costs"])
            .group_by("status")
            .agg(c("cost").quantile(0.95, "linear").alias("p"), c("cost").sum())
        ),
        "double: contains": lambda f: summed(costs(f["costs"]).filter(holds), "cost", "status"),
        "double: filter": lambda f: done(
            costs(f["costs"])
            .filter((c("status") == 404) & (c("cost") > 20))
            .group_by("method")
            .agg(pl.len(), c("cost").sum())
        ),
        "double: top 10": lambda f: done(
            costs(f["costs"]).group_by("client_ip").agg(c("cost").sum()).top_k(10, by="cost")
        ),
        "csv: sum": lambda f: summed(csv(f["csv"])),
        "csv: filter": lambda f: some(csv(f["csv"])),
        "csv: hours": lambda f: buckets(csv(f["csv"], try_parse_dates=True), "1h", pl.len()),
        "json: sum": lambda f: summed(pl.scan_ndjson(f["json"])),
        "json: filter": lambda f: some(pl.scan_ndjson(f["json"])),
        "csv.gz": lambda f: summed(csv(f["csv_gz"])),
        "csv.zst": lambda f: summed(csv(f["csv_zst"])),
        "log.gz": raw("log_gz"),
        "log.zst": raw("log_zst"),
        "join": joined("id"),
        "join by text": joined("ip"),
        "three keys": lambda f: summed(pl.scan_parquet(f["keys"]), "bytes", "status", "place", "day"),
        "sort": lambda f: done(pl.scan_parquet(f["numbers"]).sort("k")),
        "distinct": lambda f: done(pq(f).select("client_ip", "status").unique()),
    }  # fmt: skip
