# mypy: disable-error-code="no-untyped-call, no-any-return, unused-ignore"
"""Random pipelines with the SQL that says the same beside each stage, for DuckDB to judge.

Each stage is a SELECT over the one before; `rn` is the row number that stands for the order of the rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

LONG, DOUBLE, TEXT, BOOL, DATE = "long", "double", "string", "bool", "date"
Pair = tuple[str, str]  # of the query, of SQL
HOLE = re.compile(r"\{(\w+)\}")

MACROS = """
create macro within64(v) as case when v between -9223372036854775808 and 9223372036854775807 then v::bigint end;
create macro short64(v) as case when v >= -9223372036854775808.0 and v < 9223372036854775808.0 then v::bigint end;
create macro yes(p) as coalesce(p, false);
create macro from_start(s, n) as case when n > length(s) then null else left(s, n) end;
"""

NUMBERS: list[tuple[str, str, str]] = [  # type, query, SQL; L a long, X a double, S a text, C a condition, D a date
    (LONG, "({L1} + {L2})", "within64({L1}::hugeint + {L2}::hugeint)"),
    (LONG, "({L1} - {L2})", "within64({L1}::hugeint - {L2}::hugeint)"),
    (LONG, "({L1} * {L2})", "within64({L1}::hugeint * {L2}::hugeint)"),
    (LONG, "-({L1})", "within64(-({L1}::hugeint))"),
    (LONG, "abs({L1})", "within64(abs({L1}::hugeint))"),
    (LONG, "sign({L1})", "sign({L1})::bigint"),
    (LONG, "mod({L1}, {K})", "(case when {K} = 0 then null else {L1}::hugeint % {K} end)::bigint"),
    (LONG, "div({L1}, {K})", "(case when {K} = 0 then null else within64({L1}::hugeint // {K}) end)"),
    (LONG, "if({C1}, {L1}, {L2})", "(case when yes({C1}) then {L1} else {L2} end)"),
    (LONG, "case({C1}, {L1}, {C2}, {L2})", "(case when yes({C1}) then {L1} when yes({C2}) then {L2} end)"),
    (LONG, "nvl({L1}, {L2})", "coalesce({L1}, {L2})"),
    (LONG, "nullif({L1}, {K})", "nullif({L1}, {K})"),
    (LONG, "min({L1}, {L2})", "least({L1}, {L2})"),
    (LONG, "max({L1}, {L2})", "greatest({L1}, {L2})"),
    (LONG, "clip({L1}, -1, 7)", "(case when {L1} is null then null else least(greatest({L1}, -1), 7) end)"),
    (LONG, "len({S1})", "coalesce(length({S1}), 0)"),
    (LONG, 'indexof({S1}, "a")', "(instr({S1}, 'a') - 1)"),
    (LONG, "long(round({X1}))", "short64(case when isfinite({X1}) then round({X1}) end)"),
    (LONG, "floor({X1})", "short64(case when isfinite({X1}) then floor({X1}) end)"),
    (LONG, "ceil({X1})", "short64(case when isfinite({X1}) then ceil({X1}) end)"),
    (LONG, 'datepart({D1}, "hour")', "date_part('hour', {D1})"),
    (LONG, 'datepart({D1}, "doy")', "date_part('doy', {D1})"),
    (LONG, 'datepart({D1}, "week")', "date_part('week', {D1})"),
    (LONG, 'datepart({D1}, "isoyear")', "date_part('isoyear', {D1})"),
    (LONG, 'datepart({D1}, "dow")', "date_part('dow', {D1})"),
    (DOUBLE, "({X1} + {X2})", "({X1} + {X2})"),
    (DOUBLE, "({X1} - {L1})", "({X1} - ({L1})::double)"),
    (DOUBLE, "({X1} * {X2})", "({X1} * {X2})"),
    (DOUBLE, "({X1} / {X2})", "(case when {X2} = 0 then null else {X1} / {X2} end)"),
    (DOUBLE, "({L1} / {L2})", "(case when {L2} = 0 then null else ({L1})::double / ({L2})::double end)"),
    (DOUBLE, "double({L1})", "({L1})::double"),
    (DOUBLE, "nvl({X1}, 2.5)", "coalesce({X1}, 2.5)"),
    (DOUBLE, "if({C1}, {X1}, {X2})", "(case when yes({C1}) then {X1} else {X2} end)"),
    (DOUBLE, "abs({X1})", "abs({X1})"),
    (LONG, "bitand({L1}, {L2})", "({L1} & {L2})"),
    (LONG, "bitor({L1}, {L2})", "({L1} | {L2})"),
    (LONG, "bitxor({L1}, {L2})", "xor({L1}, {L2})"),
    (LONG, "shr({L1}, 3)", "({L1} >> 3)"),
    (LONG, "valueof(array({L1}, {L2}), -1)", "[{L1}, {L2}][-1]"),
    (LONG, "valueof(foreach(_1 + {L2}, array({L1})), 0)", "within64({L1}::hugeint + {L2}::hugeint)"),
    (LONG, "valueof(sortarray(array({L1}, {L2}, null)), 2)", "list_sort([{L1}, {L2}, null], 'asc', 'nulls first')[3]"),
    (LONG, "len(unique(array({L1}, {L2}, {L1})))", "(case when {L1} is not distinct from {L2} then 1 else 2 end)"),
    (LONG, 'long(jsonpath(tojson(dict("k", array({L1}))), "$.k[0]"))', "{L1}"),
    (LONG, 'datediff({D1}, {D2}, "min")', "((epoch_us({D2}) - epoch_us({D1})) // 60000000)"),
    (LONG, 'long(string({L1}))', "{L1}"),
    (LONG, "long(decimal({L1}, 3))", "{L1}"),
    (LONG, "long({C1})", "({C1})::bigint"),
    (DOUBLE, "double(decimal({L1}, 2) * 3)", "(({L1})::hugeint * 3)::double"),
    (DOUBLE, "double(decimal({L1}, 1) - decimal({L2}, 4))", "(({L1})::hugeint - ({L2})::hugeint)::double"),
    (DOUBLE, "seconds({D2} - {D1})", "((epoch_us({D2}) - epoch_us({D1})) / 1000000)"),
    (DOUBLE, "seconds(({D2} - {D1}) * 3)", "(((epoch_us({D2}) - epoch_us({D1})) * 3) / 1000000)"),
    (DOUBLE, "sqrt(abs({X1}))", "sqrt(abs({X1}))"),
    (DOUBLE, "zscore({X1}, 1, 2)", "(({X1} - 1) / 2)"),
]  # fmt: skip
TEXTS: list[Pair] = [
    ("concat({S1}, {S2})", "(coalesce({S1}, '') || coalesce({S2}, ''))"),
    ('concat({S1}, "-", {L1})', "(coalesce({S1}, '') || '-' || coalesce(({L1})::varchar, ''))"),
    ("upper({S1})", "upper({S1})"),
    ("lower({S1})", "lower({S1})"),
    ("string({L1})", "({L1})::varchar"),
    ('replace({S1}, "a", "zz")', "replace({S1}, 'a', 'zz')"),
    ('nvl({S1}, "none")', "coalesce({S1}, 'none')"),
    ("nullif({S1}, {S2})", "nullif({S1}, {S2})"),
    ("if({C1}, {S1}, null)", "(case when yes({C1}) then {S1} end)"),
    ('case({C1}, {S1}, "other")', "(case when yes({C1}) then {S1} else 'other' end)"),
    ("lpad({S1}, 4, \"*\")", "lpad({S1}, 4, '*')"),
    ("rpad({S1}, 3, \"-\")", "rpad({S1}, 3, '-')"),
    ("string({D1}, \"yyyy-MM-dd HH:mm\")", "strftime({D1}, '%Y-%m-%d %H:%M')"),
    ("extract({S1}, '[a-z]([a-z])')", "(case when regexp_matches({S1}, '[a-z]([a-z])') then regexp_extract({S1}, '[a-z]([a-z])', 1) end)"),
    ("md5({S1})", "md5({S1})"),
    ("sha1({S1})", "sha1({S1})"),
    ("sha256({S1})", "sha256({S1})"),
    ("tohex(binary({S1}))", "lower(hex({S1}))"),
    ("tobase64({S1})", "base64(encode({S1}))"),
    ("decode(frombase64(tobase64({S1})))", "{S1}"),
    ('strjoin("-", array({S1}, null, {S2}))', "concat_ws('-', {S1}, {S2})"),
    ('valueof(split({S1}, "a"), 0)', "(case when {S1} <> '' then string_split({S1}, 'a')[1] end)"),
    ('jsonpath(tojson(dict("k", {S1}, "j", 1)), "$.k")', "{S1}"),
    ('valueof(parsejson(tojson(dict("k", {S1}))), "k")', "{S1}"),
    ("valueof(dict(\"a\", {S1}, \"b\", {S2}), \"b\")", "{S2}"),
    ("string(decimal({L1}, 2))", "({L1})::decimal(38, 2)::varchar"),
    ("nullif({S1}, \"a\")", "nullif({S1}, 'a')"),
    ("replace({S1}, '[a-c]+', \"<>\", \"re\")", "regexp_replace({S1}, '[a-c]+', '<>', 'g')"),
]  # fmt: skip
CONDITIONS: list[Pair] = [
    ("({C1} and {C2})", "(yes({C1}) and yes({C2}))"),
    ("({C1} or {C2})", "(yes({C1}) or yes({C2}))"),
    ("not ({C1})", "(not ({C1}))"),
    ("{L1} {O} {L2}", "({L1} {O} {L2})"),
    ("{L1} {E} {L2}", "yes({L1} {E} {L2})"),
    ("{X1} {O} {X2}", "({X1} {O} {X2})"),
    ("{X1} {E} {X2}", "yes({X1} {E} {X2})"),
    ("{I} {O} {X1}", "({I} {O} {X1})"),
    ("{S1} {O} {S2}", "({S1} {O} {S2})"),
    ("{S1} == upper({S2})", "yes({S1} = upper({S2}))"),
    ('{S1} == "a*"', "yes({S1} like 'a%')"),
    ('{S1} != "*b"', "yes({S1} not like '%b')"),
    ('{S1} == "*한*"', "yes({S1} like '%한%')"),
    ('{S1} in ("12", "r*", "")', "yes({S1} in ('12', '') or {S1} like 'r%')"),
    ("{L1} in (1, 2, 100)", "yes({L1} in (1, 2, 100))"),
    ("{D1} {O} {D2}", "({D1} {O} {D2})"),
    ('{D1} < "1970-01-20"', "({D1} < timestamp '1970-01-20')"),
    ("isnull({L1})", "({L1} is null)"),
    ("isnotnull({S1})", "({S1} is not null)"),
    ("isnull({C1})", "(({C1}) is null)"),
    ("isnan({X1})", "yes(isnan({X1}))"),
    ('isempty({S1})', "yes({S1} is null or {S1} = '')"),
    ('contains({S1}, "a")', "yes(contains({S1}, 'a'))"),
    ("startswith({S1}, {S2})", "yes(starts_with({S1}, {S2}))"),
    ("match({S1}, '^[a-z]+$')", "yes(regexp_matches({S1}, '^[a-z]+$'))"),
    ("between({L1}, -1, {L2})", "({L1} between -1 and {L2})"),
    ("endswith({S1}, {S2})", "yes(ends_with({S1}, {S2}))"),
    ("contains(array({L1}, 2), {L2})", "yes(list_contains([{L1}, 2], {L2}))"),
    ("array(nvl({L1}, 0), {K}) {O} array(nvl({L2}, 0), 1)", "[coalesce({L1}, 0), {K}] {O} [coalesce({L2}, 0), 1]"),
    ("array({L1}, {L2}) {E} array({L2}, {L1})", "(struct_pack(a := {L1}, b := {L2}) is not distinct from struct_pack(a := {L2}, b := {L1})) {E} true"),
    ("({D1} - {D2}) {O} 90m", "((epoch_us({D1}) - epoch_us({D2})) {O} 5400000000)"),
    ("decimal({L1}, 1) {O} {L2}", "({L1} {O} {L2})"),
    ("decimal({L1}, 2) {E} decimal({L2}, 0)", "yes({L1} {E} {L2})"),
    ("same({L1}, {L2})", "({L1} is not distinct from {L2})"),
]  # fmt: skip
DATES: list[Pair] = [
    ("{D1} + 90m", "({D1} + interval 90 minute)"),
    ('dateadd({D1}, "mon", {K})', "({D1} + to_months({K}))"),
    ('datetrunc({D1}, "1d")', "date_trunc('day', {D1})"),
    ('datetrunc({D1}, "1w")', "date_trunc('week', {D1})"),
    ('datetrunc({D1}, "1mon")', "date_trunc('month', {D1})"),
    ('datetrunc({D1}, "15m")', "time_bucket(interval 15 minute, {D1}, timestamp '1970-01-01')"),
    ("nvl({D1}, {D2})", "coalesce({D1}, {D2})"),
    ("{D1} - 1mon", "({D1} - interval 1 month)"),
    ("min({D1}, {D2})", "least({D1}, {D2})"),
    ("max({D1}, {D2})", "greatest({D1}, {D2})"),
    ("{D1} + ({D2} - {D1})", "(case when {D1} is not null then {D2} end)"),
    ("date(string({D1}))", "{D1}"),
]  # fmt: skip


@dataclass
class Both:
    """Draws pairs of texts over `fields`."""

    draw: Callable[[st.SearchStrategy[Any]], Any]
    fields: dict[str, str]

    def pick(self, choices: Any) -> Any:
        return self.draw(st.sampled_from(list(choices)))

    def leaf(self, kind: str) -> Pair:
        found = [n for n, k in self.fields.items() if k == kind]
        if found:
            name = self.pick(found)
            return name, name
        return {LONG: ("2", "2"), DOUBLE: ("1.5", "1.5::double"), TEXT: ('"t"', "'t'"), BOOL: ("true", "true"),
                DATE: ('date("2026-02-28")', "timestamp '2026-02-28'")}[kind]  # fmt: skip

    def of(self, kind: str, depth: int) -> Pair:
        if (depth == 0 and kind != BOOL) or self.draw(st.integers(0, 3)) == 0:
            return self.leaf(kind)
        choices: list[Pair] = {
            LONG: [(q, s) for k, q, s in NUMBERS if k == LONG], DOUBLE: [(q, s) for k, q, s in NUMBERS if k == DOUBLE],
            TEXT: TEXTS, BOOL: CONDITIONS if depth > 0 else CONDITIONS[3:], DATE: DATES,
        }[kind]  # fmt: skip
        query, sql = self.pick(choices)
        return self.fill(query, sql, max(0, depth - 1))

    def fill(self, query: str, sql: str, depth: int) -> Pair:
        """A hole stands for the same thing in both texts."""
        kinds = {"L": LONG, "X": DOUBLE, "S": TEXT, "C": BOOL, "D": DATE}
        made: dict[str, Pair] = {}
        for hole in sorted(set(HOLE.findall(query))):
            match hole[0]:
                case "O":
                    made[hole] = (word := self.pick(("<", "<=", ">", ">=")), word)
                case "E":
                    made[hole] = self.pick((("==", "="), ("!=", "!=")))
                case "K":
                    made[hole] = (word := str(self.draw(st.integers(-2, 4))), word)
                case "I":
                    made[hole] = (word := "id" if self.fields.get("id") == LONG else "2", word)
                case _:
                    made[hole] = self.of(kinds[hole[0]], depth)
        return HOLE.sub(lambda m: made[m[1]][0], query), HOLE.sub(lambda m: made[m[1]][1], sql)


AGGREGATES: list[tuple[str, str, str]] = [
    (LONG, "count", "count(*)"),
    (LONG, "count({L1})", "count({L1})"),
    (LONG, "count where {C1}", "count(*) filter (where yes({C1}))"),
    (LONG, "sum({L1})", "within64(sum({L1}))"),
    (LONG, "sum({L1}) where {C1}", "within64(sum({L1}) filter (where yes({C1})))"),
    (DOUBLE, "sum({X1})", "sum({X1})"),
    (DOUBLE, "avg({I})", "avg({I})"),
    (DOUBLE, "avg({X1})", "avg({X1})"),
    (LONG, "min({L1})", "min({L1})"),
    (LONG, "max({L1})", "max({L1})"),
    (LONG, "range({I})", "within64(max({I})::hugeint - min({I}))"),
    (DOUBLE, "min({X1})", "coalesce(min({X1}) filter (where not isnan({X1})), min({X1}))"),
    (DOUBLE, "max({X1})", "coalesce(max({X1}) filter (where not isnan({X1})), max({X1}))"),
    (TEXT, "min({S1})", "min({S1})"),
    (TEXT, "max({S1})", "max({S1})"),
    (LONG, "dc({S1})", "count(distinct {S1})"),
    (LONG, "dc({L1})", "count(distinct {L1})"),
    (LONG, "dc({X1})", "count(distinct {X1})"),
    (TEXT, "first({S1})", "first({S1} order by rn) filter (where {S1} is not null)"),
    (LONG, "last({L1})", "last({L1} order by rn) filter (where {L1} is not null)"),
    (TEXT, "argmax({S1}, {L1})", "first({S1} order by {L1} desc, rn) filter (where {L1} is not null)"),
    (TEXT, "argmin({S1}, {L1})", "first({S1} order by {L1}, rn) filter (where {L1} is not null)"),
    (DOUBLE, "median({I})", "median({I})::double"),
    (DOUBLE, "percentile({I}, 25)", "quantile_cont({I}, 0.25)::double"),
    (DOUBLE, "stddev({I})", "stddev_pop({I})"),
    (DOUBLE, "var_samp({I})", "var_samp({I})"),
    (LONG, "mode({L1})", "(case when count(*) > 0 then (select m from (select unnest(list({L1})) as m) where m is not null group by m order by count(*) desc, m limit 1) end)"),
    (BOOL, "anytrue({C1})", "bool_or({C1})"),
    (BOOL, "alltrue({C1})", "bool_and({C1})"),
]  # fmt: skip


@dataclass
class Pipeline(Both):
    """Both texts while they grow."""

    query: str = "table t"
    sql: str = "select * from t"
    made: int = 0

    def fresh(self) -> str:
        self.made += 1
        return f"n{self.made}"

    def grow(self) -> None:
        kind = self.pick(("search", "eval", "search", "eval", "sort", "limit", "fields_", "rename", "tail", "stats"))
        getattr(self, kind)()

    def add(self, stage: str, sql: str) -> None:
        """`sql` speaks of the table `p`, the stage before."""
        self.query += f" | {stage}"
        self.sql = f"with p as ({self.sql}) {sql}"

    def search(self) -> None:
        query, sql = self.of(BOOL, 2)
        self.add(f"search {query}", f"select * from p where yes({sql})")

    def eval(self) -> None:
        kind = self.pick((LONG, DOUBLE, TEXT, BOOL, DATE))
        query, sql = self.of(kind, 2)
        over = [n for n, k in self.fields.items() if k == kind and n != "id"]
        if over and self.draw(st.booleans()):
            name = self.pick(over)
            self.add(f"eval {name} = {query}", f"select * replace ({sql} as {name}) from p")
            return
        name = self.fresh()
        self.fields[name] = kind
        self.add(f"eval {name} = {query}", f"select *, {sql} as {name} from p")

    def some_of(self, most: int) -> list[str]:
        return list(self.draw(st.lists(st.sampled_from(list(self.fields)), min_size=1, max_size=most, unique=True)))

    def sort(self) -> None:
        keys = [(n, self.draw(st.booleans())) for n in self.some_of(3)]
        nulls = self.pick((None, None, "first", "last"))
        order = ", ".join(f"{n} {'desc' if d else 'asc'} nulls {nulls or ('last' if d else 'first')}" for n, d in keys)
        limit = self.draw(st.one_of(st.none(), st.none(), st.integers(0, 9)))
        words = ["sort", f"limit={limit}" if limit is not None else "", f"nulls={nulls}" if nulls else ""]
        words.append(", ".join(("-" if d else "") + n for n, d in keys))
        cut = f" qualify rn <= {limit}" if limit is not None else ""
        self.add(" ".join(w for w in words if w), f"select * replace (row_number() over (order by {order}, rn) as rn) from p{cut.replace('rn', f'row_number() over (order by {order}, rn)')}")  # fmt: skip

    def limit(self) -> None:
        offset, count = self.draw(st.integers(0, 3)), self.draw(st.integers(0, 12))
        self.add(f"limit {offset} {count}", f"select * from p order by rn limit {count} offset {offset}")

    def tail(self) -> None:
        count = self.draw(st.integers(0, 12))
        self.add(f"tail {count}", f"select * from p order by rn desc limit {count}")

    def fields_(self) -> None:
        names = self.some_of(6)
        if self.draw(st.booleans()) and len(names) < len(self.fields):
            self.fields = {n: k for n, k in self.fields.items() if n not in names}
            self.add("fields - " + ", ".join(names), f"select * exclude ({', '.join(names)}) from p")
            return
        self.fields = {n: self.fields[n] for n in names}
        self.add("fields " + ", ".join(names), f"select {', '.join(names)}, rn from p")

    def rename(self) -> None:
        if len(self.fields) > 1 and self.draw(st.booleans()):
            a, b = list(self.draw(st.permutations(list(self.fields))))[:2]
            swap = {a: b, b: a}
            self.add(f"rename {a} as {b}, {b} as {a}", f"select * rename ({a} as {b}, {b} as {a}) from p")
        else:
            a = self.pick(self.fields)
            swap = {a: self.fresh()}
            self.add(f"rename {a} as {swap[a]}", f"select * rename ({a} as {swap[a]}) from p")
        self.fields = {swap.get(n, n): k for n, k in self.fields.items()}

    def stats(self) -> None:
        by = self.some_of(2) if self.draw(st.booleans()) else []
        queries, sqls, out = [], [], {n: self.fields[n] for n in by}
        for kind, query, sql in self.draw(st.lists(st.sampled_from(AGGREGATES), min_size=1, max_size=3)):
            name = self.fresh()
            q, s = self.fill(query, sql, 1)
            queries.append(f"{q} as {name}")
            sqls.append(f"{s} as {name}")
            out[name] = kind
        keys = ", ".join(by)
        order = ", ".join(f"{n} nulls first" for n in by) if by else "1"
        group = f" group by {keys}" if by else ""
        self.fields = out
        self.add(
            f"stats {', '.join(queries)}" + (f" by {keys}" if by else ""),
            f"select *, row_number() over (order by {order}) as rn from (select {', '.join([*by, *sqls])} from p{group})",
        )


@st.composite
def pipelines(draw: Any, columns: dict[str, str], most: int = 4) -> tuple[str, str, list[str]]:
    """A query over the table `t`, its SQL, and the columns that come out."""
    pipe = Pipeline(draw, dict(columns))
    for _ in range(draw(st.integers(1, most))):
        pipe.grow()
    names = list(pipe.fields)
    return pipe.query, f"with p as ({pipe.sql}) select {', '.join(names)} from p order by rn", names
