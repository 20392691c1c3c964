"""The queries of the speed benchmark in the words of each engine, and how quick cortado is to be beside it.

`{log}` and the like are files of `queries_data`. Polars' forms are in `queries_polars`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

RX = r"^(\S+).* (\S+)$"
DUCK_LINES = (
    "read_csv('{%s}', columns={{'line': 'VARCHAR'}}, delim='\\x01', quote='', escape='', header=false, "
    "auto_detect=false)"
)
# a repeated group that may have to be given back in part
GENERAL = r"(?:/[\w-]+)+\.(?P<kind>\w+)[? ]"


@dataclass(frozen=True, slots=True)
class Case:
    """`floors`: by engine, or `best` of all, its time over ours that must be reached. `compared`: these columns alone are."""

    name: str
    title: str
    cortado: str
    duckdb: str
    chdb: str = ""
    floors: dict[str, float] = field(default_factory=dict)
    compared: tuple[str, ...] = ()
    ordered: bool = False
    rounds: int | None = None  # fewer for what takes long

    @property
    def forms(self) -> dict[str, str]:
        return {e: t for e in ("cortado", "duckdb", "chdb") if (t := getattr(self, e))}


def _raw(name: str, title: str, log: str, floors: dict[str, float]) -> Case:
    return Case(
        name,
        title,
        f'textfile "{{{log}}}" | rex field=line "^(?<client_ip>\\S+).* (?<bytes>\\S+)$" | eval bytes = long(bytes) '
        "| stats sum(bytes) by client_ip",
        f"select r.ip, sum(try_cast(r.b as bigint)) from (select regexp_extract(line, '{RX}', ['ip', 'b']) r from "
        + DUCK_LINES % log
        + ") group by 1",
        "select g[1], sum(toInt64OrNull(g[2])) from (select extractGroups(line, '^(\\\\S+).* (\\\\S+)$') g from "
        f"file('{{{log}}}', LineAsString)) group by 1",
        floors,
    )


TEXT = _raw("text", "raw log: rex, long, sum by address", "log", {"duckdb": 25, "polars": 25})
LOGS = (
    TEXT,
    Case(
        "text by hand",
        "the same, peers without a regex",
        TEXT.cortado,
        "select split_part(line, ' ', 1) ip, sum(try_cast(split_part(line, ' ', -1) as bigint)) from "
        + DUCK_LINES % "log"
        + " group by 1",
        "select substringIndex(line, ' ', 1) ip, sum(toInt64OrNull(substringIndex(line, ' ', -1))) from "
        "file('{log}', LineAsString) group by 1",
        {"best": 3.5},
    ),
    Case(
        "general regex",
        "raw log: a pattern that only RE2 can do, count by group",
        f"textfile {{log}} | rex field=line '{GENERAL}' | search isnotnull(kind) | stats count by kind",
        "select r.kind, count(*) from (select regexp_extract(line, '"
        + GENERAL.replace("?P<kind>", "")
        + "', ['kind']) r from "
        + DUCK_LINES % "log"
        + ") where r.kind <> '' group by 1",
        "",
        {"duckdb": 0.95, "polars": 0.95},
        rounds=3,
    ),
    Case(
        "search",
        "raw log: lines that hold a literal",
        'textfile {log} | search line == "*Googlebot*" | stats count',
        "select count(*) from " + DUCK_LINES % "log" + " where contains(line, 'Googlebot')",
        "select count() from file('{log}', LineAsString) where position(line, 'Googlebot') > 0",
        {"duckdb": 5, "polars": 3.5, "best": 3.5},
    ),
)  # fmt: skip
TABLES = (
    Case(
        "sum by ip",
        "Parquet: sum by address",
        'parquetfile "{pq}" | stats sum(bytes) by client_ip',
        "select client_ip, sum(bytes) from '{pq}' group by 1",
        "select client_ip, sum(bytes) from file('{pq}') group by 1",
        {"duckdb": 1.0, "polars": 1.5, "best": 1.0},
    ),
    Case(
        "dc(ip)",
        "Parquet: distinct addresses",
        'parquetfile "{pq}" | stats dc(client_ip)',
        "select count(distinct client_ip) from '{pq}'",
        "select uniqExact(client_ip) from file('{pq}')",
        {"duckdb": 1.1, "polars": 1.9, "best": 1.1},
    ),
    Case(
        "timechart",
        "Parquet: timechart of 5 minutes by status",
        'parquetfile time=time "{pq}" | timechart span=5m long=t count by status',
        "select time_bucket(interval 5 minute, time), status, count(*) from '{pq}' group by 1, 2 order by 1, 2",
        "select toDateTime64(toStartOfInterval(time, interval 5 minute), 6) t, status, count() from file('{pq}') group by 1, 2 order by 1, 2",
        {"duckdb": 1.6, "polars": 1.2, "best": 1.2},
    ),
    Case(
        "p95",
        "Parquet: exact 95th percentile by status",
        'parquetfile "{pq}" | stats p95(bytes) by status',
        "select status, quantile_cont(bytes, 0.95) from '{pq}' group by 1 order by 1",
        "select status, quantileExactInclusive(0.95)(bytes) from file('{pq}') group by 1 order by 1",
        {"duckdb": 1.2, "polars": 1.3, "best": 1.0},
    ),
    Case(
        "contains",
        "Parquet: paths that hold a literal",
        'parquetfile "{pq}" | search contains(path, "search") | stats count by status',
        "select status, count(*) from '{pq}' where contains(path, 'search') group by 1 order by 1",
        "select status, count() from file('{pq}') where position(path, 'search') > 0 group by 1 order by 1",
        {"duckdb": 0.85, "polars": 0.7, "best": 0.7},
    ),
    Case(
        "filter",
        "Parquet: two conditions, sums by method",
        'parquetfile "{pq}" | search status == 404 and bytes > 1000000 | stats count, sum(bytes) by method',
        "select method, count(*), sum(bytes) from '{pq}' where status = 404 and bytes > 1000000 group by 1 order by 1",
        "select method, count(), sum(bytes) from file('{pq}') where status = 404 and bytes > 1000000 group by 1 order by 1",
        {"duckdb": 0.7, "polars": 0.65, "best": 0.65},
    ),
    Case(
        "top 10",
        "Parquet: ten largest",
        'parquetfile "{pq}" | fields time, client_ip, path, bytes | sort limit=10 -bytes',
        "select time, client_ip, path, bytes from '{pq}' order by bytes desc limit 10",
        "select time, client_ip, path, bytes from file('{pq}') order by bytes desc limit 10",
        {"duckdb": 0.6, "polars": 0.9, "best": 0.6},
        compared=("bytes",),  # which of equal rows come is for each engine to say
    ),
)
EXACT = {"duckdb": 1 / 1.5, "polars": 1 / 1.5}  # our sums of doubles are exact, the peers' are not
DOUBLES = (
    Case(
        "double: sum by ip",
        "doubles: sum by address",
        'parquetfile "{costs}" | stats sum(cost) by client_ip',
        "select client_ip, sum(cost) from '{costs}' group by 1",
        "select client_ip, sum(cost) from file('{costs}') group by 1",
        EXACT,
    ),
    Case(
        "double: dc",
        "doubles: distinct addresses, sum",
        'parquetfile "{costs}" | stats dc(client_ip), sum(cost)',
        "select count(distinct client_ip), sum(cost) from '{costs}'",
        "select uniqExact(client_ip), sum(cost) from file('{costs}')",
        EXACT,
    ),
    Case(
        "double: timechart",
        "doubles: timechart of 5 minutes by status, sum",
        'parquetfile time=time "{costs}" | timechart span=5m long=t sum(cost) by status',
        "select time_bucket(interval 5 minute, time), status, sum(cost) from '{costs}' group by 1, 2 order by 1, 2",
        "select toDateTime64(toStartOfInterval(time, interval 5 minute), 6) t, status, sum(cost) from file('{costs}') group by 1, 2 order by 1, 2",
        EXACT,
    ),
    Case(
        "double: p95",
        "doubles: 95th percentile and sum by status",
        'parquetfile "{costs}" | stats p95(cost), sum(cost) by status',
        "select status, quantile_cont(cost, 0.95), sum(cost) from '{costs}' group by 1 order by 1",
        "select status, quantileExactInclusive(0.95)(cost), sum(cost) from file('{costs}') group by 1 order by 1",
        EXACT,
    ),
    Case(
        "double: contains",
        "doubles: paths that hold a literal, sum by status",
        'parquetfile "{costs}" | search contains(path, "search") | stats sum(cost) by status',
        "select status, sum(cost) from '{costs}' where contains(path, 'search') group by 1 order by 1",
        "select status, sum(cost) from file('{costs}') where position(path, 'search') > 0 group by 1 order by 1",
        EXACT,
    ),
    Case(
        "double: filter",
        "doubles: two conditions, sum by method",
        'parquetfile "{costs}" | search status == 404 and cost > 20 | stats count, sum(cost) by method',
        "select method, count(*), sum(cost) from '{costs}' where status = 404 and cost > 20 group by 1 order by 1",
        "select method, count(), sum(cost) from file('{costs}') where status = 404 and cost > 20 group by 1 order by 1",
        EXACT,
    ),
    Case(
        "double: top 10",
        "doubles: ten addresses of the largest sums",
        'parquetfile "{costs}" | stats sum(cost) as s by client_ip | sort limit=10 -s',
        "select client_ip, sum(cost) s from '{costs}' group by 1 order by s desc limit 10",
        "select client_ip, sum(cost) s from file('{costs}') group by 1 order by s desc limit 10",
        EXACT,
    ),
)


def _sum(source: str, table: str, other: str) -> tuple[str, str, str]:
    return (
        f'{source} "{table}" | stats sum(bytes) by client_ip',
        f"select client_ip, sum(bytes) from {other} group by 1",
        f"select client_ip, sum(bytes) from file('{table}') group by 1",
    )


def _filter(source: str, table: str, other: str) -> tuple[str, str, str]:
    there = "where status = 404 and bytes > 1000000 group by 1"
    return (
        f'{source} "{table}" | search status == 404 and bytes > 1000000 | stats count, sum(bytes) by method',
        f"select method, count(*), sum(bytes) from {other} {there}",
        f"select method, count(), sum(bytes) from file('{table}') {there}",
    )


_CSV, _JSON = "read_csv('{csv}')", "read_json('{json}', format='newline_delimited')"
FILES = (
    Case("csv: sum", "CSV: sum by address", *_sum("csvfile", "{csv}", _CSV), {"best": 1.0}, rounds=3),
    Case("csv: filter", "CSV: two conditions, sums by method", *_filter("csvfile", "{csv}", _CSV), {"best": 1.0}, rounds=3),
    Case(
        "csv: hours",
        "CSV: hours by status, count",
        'csvfile time=time "{csv}" | timechart span=1h long=t count by status',
        "select time_bucket(interval 1 hour, time), status, count(*) from read_csv('{csv}') group by 1, 2",
        "select toDateTime64(toStartOfInterval(time, interval 1 hour), 6), status, count() from file('{csv}') group by 1, 2",
        {"best": 1.0},
        rounds=3,
    ),
    Case("json: sum", "JSON lines: sum by address", *_sum("jsonfile", "{json}", _JSON), {"best": 1.0}, rounds=3),
    Case("json: filter", "JSON lines: two conditions, sums by method", *_filter("jsonfile", "{json}", _JSON), {"best": 1.0}, rounds=3),
    *(
        Case(f"csv.{p}", f"CSV as .{p}: sum by address", *_sum("csvfile", f"{{csv_{p}}}", f"read_csv('{{csv_{p}}}')"), {"best": 1.0}, rounds=3)
        for p in ("gz", "zst")
    ),
    *(_raw(f"log.{p}", f"raw log as .{p}: rex, long, sum by address", f"log_{p}", {"best": 1.0}) for p in ("gz", "zst")),
)  # fmt: skip
LARGE = (
    Case(
        "join",
        "join with 200 thousand rows by number, sum by region",
        'parquetfile "{events}" | join id [ parquetfile "{dims}" | fields id, region ] | stats sum(bytes) by region',
        "select region, sum(bytes) from '{events}' join '{dims}' using (id) group by 1",
        "select region, sum(bytes) from file('{events}') a join file('{dims}') b on a.id = b.id group by 1",
        {"best": 1.0},
    ),
    Case(
        "join by text",
        "join with 200 thousand rows by text, sum by region",
        'parquetfile "{events}" | join ip [ parquetfile "{dims}" | fields ip, region ] | stats sum(bytes) by region',
        "select region, sum(bytes) from '{events}' join '{dims}' using (ip) group by 1",
        "select region, sum(bytes) from file('{events}') a join file('{dims}') b on a.ip = b.ip group by 1",
        {"best": 1.0},
    ),
    Case(
        "three keys",
        "sum by three keys, 2 million groups",
        'parquetfile "{keys}" | stats sum(bytes) by status, place, day',
        "select status, place, day, sum(bytes) from '{keys}' group by all",
        "select status, place, day, sum(bytes) from file('{keys}') group by 1, 2, 3",
        {"best": 1.0},
        rounds=3,
    ),
    Case(
        "sort",
        "sort of 20 million rows, three columns out",
        'parquetfile "{numbers}" | sort k',
        "select * from '{numbers}' order by k",
        "select * from file('{numbers}') order by k",
        {"best": 1.0},
        ordered=True,
        rounds=3,
    ),
    Case(
        "distinct",
        "distinct rows of address and status",
        'parquetfile "{pq}" | fields client_ip, status | dedup',
        "select distinct client_ip, status from '{pq}'",
        "select distinct client_ip, status from file('{pq}')",
        {"best": 1.0},
    ),
)
CASES = (*LOGS, *TABLES, *FILES, *LARGE, *DOUBLES)
