"""Expressions that `benchmarks.functions` compares: ours, DuckDB's and Polars's nearest (none where there is none)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True, slots=True)
class Case:
    names: tuple[str, ...]  # the functions that it stands for
    ours: str
    duck: str = ""
    polars: Callable[[], pl.Expr] | None = None


def c(name: str) -> pl.Expr:
    return pl.col(name)


def case(names: str, ours: str, duck: str = "", polars: Callable[[], pl.Expr] | None = None) -> Case:
    return Case(tuple(names.split()), ours, duck, polars)


CONSTANT = ("now", "pi", "ago")  # worked out once a query

OPERATORS = [
    case("+ -", "n + small - x", "n + small - x", lambda: c("n") + c("small") - c("x")),
    case("*", "n * small", "n * small", lambda: c("n") * c("small")),
    case("/", "x / y", "x / y", lambda: c("x") / c("y")),
    case("neg", "-n", "-n", lambda: -c("n")),
    case("== !=", "n == small", "n = small", lambda: c("n") == c("small")),
    case("==", 'line == "*item/99*"', "line like '%item/99%'", lambda: c("line").str.contains("item/99", literal=True)),
    case("< <= > >=", "x < y", "x < y", lambda: c("x") < c("y")),
    case("and or not", "not (x < y) and n > 0 or flag", "not (x < y) and n > 0 or flag", lambda: ~(c("x") < c("y")) & (c("n") > 0) | c("flag")),
    case("in", "small in (1, 5, 7, 100)", "small in (1, 5, 7, 100)", lambda: c("small").is_in([1, 5, 7, 100])),
]  # fmt: skip

CONDITIONS = [
    case("if", "if(x > 0, n, small)", "if(x > 0, n, small)", lambda: pl.when(c("x") > 0).then(c("n")).otherwise(c("small"))),
    case("case", 'case(x > 500, "high", x > 0, "some", "low")', "case when x > 500 then 'high' when x > 0 then 'some' else 'low' end",
         lambda: pl.when(c("x") > 500).then(pl.lit("high")).when(c("x") > 0).then(pl.lit("some")).otherwise(pl.lit("low"))),
    case("nvl coalesce", "nvl(maybe, 0.0)", "coalesce(maybe, 0.0)", lambda: c("maybe").fill_null(0.0)),
    case("nullif", "nullif(small, 3)", "nullif(small, 3)", lambda: pl.when(c("small") != 3).then(c("small"))),
    case("isnull isnotnull isempty", "isnull(maybe)", "maybe is null", lambda: c("maybe").is_null()),
    case("isnum isstr typeof", "typeof(line)", "typeof(line)"),
    case("isnan", "isnan(x)", "isnan(x)", lambda: c("x").is_nan()),
    case("between", "between(x, -100, 100)", "x between -100 and 100", lambda: c("x").is_between(-100, 100)),
    case("same", "same(maybe, y)", "maybe is not distinct from y", lambda: c("maybe").eq_missing(c("y"))),
    case("like", 'like(line, concat("*", "item/99", "*"))', "line like '%item/99%'", lambda: c("line").str.contains("item/99", literal=True)),
    case("field", 'field("n")', "n", lambda: c("n")),
]  # fmt: skip

CASTS = [
    case("long int", "long(number)", "cast(number as bigint)", lambda: c("number").cast(pl.Int64)),
    case("double", "double(real)", "cast(real as double)", lambda: c("real").cast(pl.Float64)),
    case("bool", "bool(kind)", "cast(kind as boolean)"),
    case("decimal", "decimal(real, 2)", "cast(real as decimal(38, 2))", lambda: c("real").cast(pl.Decimal(38, 2))),
    case("string str", "string(n)", "cast(n as varchar)", lambda: c("n").cast(pl.String)),
    case("string", "string(x)", "cast(x as varchar)", lambda: c("x").cast(pl.String)),
    case("string strftime", 'string(t, "yyyy-MM-dd HH:mm:ss")', "strftime(t, '%Y-%m-%d %H:%M:%S')", lambda: c("t").dt.strftime("%Y-%m-%d %H:%M:%S")),
    case("date strptime", 'date(day, "yyyy-MM-dd HH:mm:ss")', "strptime(day, '%Y-%m-%d %H:%M:%S')", lambda: c("day").str.strptime(pl.Datetime("us"), "%Y-%m-%d %H:%M:%S")),
    case("date", "date(day)", "cast(day as timestamp)", lambda: c("day").str.to_datetime("%Y-%m-%d %H:%M:%S")),
    case("strptime", 'strptime(day, "%Y-%m-%d %H:%M:%S")', "strptime(day, '%Y-%m-%d %H:%M:%S')", lambda: c("day").str.strptime(pl.Datetime("us"), "%Y-%m-%d %H:%M:%S")),
    case("strftime", 'strftime(t, "%Y-%m-%d")', "strftime(t, '%Y-%m-%d')", lambda: c("t").dt.strftime("%Y-%m-%d")),
    case("ip", "ip(address)"),
    case("binary encode", "binary(line)", "encode(line)", lambda: c("line").cast(pl.Binary)),
    case("decode", "decode(binary(line))", "decode(encode(line))", lambda: c("line").cast(pl.Binary).cast(pl.String)),
    case("tohex", "tohex(raw)", "hex(raw)", lambda: c("raw").bin.encode("hex")),
    case("fromhex", "fromhex(hexes)", "unhex(hexes)", lambda: c("hexes").str.decode("hex")),
    case("tobase64", "tobase64(raw)", "base64(raw)", lambda: c("raw").bin.encode("base64")),
    case("frombase64", "frombase64(base)", "from_base64(base)", lambda: c("base").str.decode("base64")),
]  # fmt: skip

TEXTS = [
    case("concat", 'concat(line, "-", word)', "concat(line, '-', word)", lambda: pl.concat_str(c("line"), pl.lit("-"), c("word"))),
    case("len", "len(line)", "length(line)", lambda: c("line").str.len_chars()),
    case("len", "len(korean)", "length(korean)", lambda: c("korean").str.len_chars()),
    case("lower", "lower(line)", "lower(line)", lambda: c("line").str.to_lowercase()),
    case("upper", "upper(korean)", "upper(korean)", lambda: c("korean").str.to_uppercase()),
    case("trim ltrim rtrim", "trim(line)", "trim(line)", lambda: c("line").str.strip_chars()),
    case("reverse", "reverse(line)", "reverse(line)", lambda: c("line").str.reverse()),
    case("normalize", "normalize(korean)", "nfc_normalize(korean)", lambda: c("korean").str.normalize("NFC")),
    case("left", "left(line, 8)", "left(line, 8)", lambda: c("line").str.head(8)),
    case("left", "left(korean, 8)", "left(korean, 8)", lambda: c("korean").str.head(8)),
    case("left", "left(line, small)", "left(line, small)", lambda: c("line").str.head(c("small"))),
    case("right", "right(korean, 8)", "right(korean, 8)", lambda: c("korean").str.tail(8)),
    case("substr", "substr(line, 3, 20)", "substring(line, 4, 17)", lambda: c("line").str.slice(3, 17)),
    case("lpad rpad", 'lpad(word, 12, "0")', "lpad(word, 12, '0')", lambda: c("word").str.pad_start(12, "0")),
    case("contains", 'contains(line, "item/99")', "contains(line, 'item/99')", lambda: c("line").str.contains("item/99", literal=True)),
    case("contains", "contains(line, word)", "contains(line, word)", lambda: c("line").str.contains(c("word"), literal=True)),
    case("startswith", 'startswith(line, "10.0.7.")', "starts_with(line, '10.0.7.')", lambda: c("line").str.starts_with("10.0.7.")),
    case("endswith", 'endswith(line, "00")', "ends_with(line, '00')", lambda: c("line").str.ends_with("00")),
    case("indexof", 'indexof(line, "GET")', "instr(line, 'GET')", lambda: c("line").str.find("GET", literal=True)),
    case("lastindexof", 'lastindexof(line, "/")', "length(line) - instr(reverse(line), '/')"),
    case("replace", 'replace(line, "GET", "got")', "replace(line, 'GET', 'got')", lambda: c("line").str.replace_all("GET", "got", literal=True)),
    case("replace", "replace(line, '(\\d+)$', '<$1>', \"re\")", "regexp_replace(line, '(\\d+)$', '<\\1>')", lambda: c("line").str.replace_all(r"(\d+)$", "<$1>")),
    case("split", 'split(line, " ")', "string_split(line, ' ')", lambda: c("line").str.split(" ")),
    case("strjoin", 'strjoin(",", texts)', "array_to_string(texts, ',')", lambda: c("texts").list.join(",")),
    case("match", "match(line, ' 20[12] \\d+$')", "regexp_matches(line, ' 20[12] \\d+$')", lambda: c("line").str.contains(r" 20[12] \d+$")),
    case("extract groups", "extract(line, 'item/(\\d+)')", "regexp_extract(line, 'item/(\\d+)', 1)", lambda: c("line").str.extract(r"item/(\d+)", 1)),
    case("groups", "groups(line, '(\\S+) (\\S+)')", "regexp_extract(line, '(\\S+) (\\S+)', ['a', 'b'])", lambda: c("line").str.extract_groups(r"(\S+) (\S+)")),
    case("extractall", "extractall(line, '\\d+')", "regexp_extract_all(line, '\\d+')", lambda: c("line").str.extract_all(r"\d+")),
    case("format", 'format("%s: %05d", word, n)', "printf('%s: %05d', word, n)"),
    case("format", 'format("%,.2f", x)', "format('{:t,.2f}', x)"),
    case("urlencode", "urlencode(line)", "url_encode(line)"),
    case("urldecode", "urldecode(coded)", "url_decode(coded)"),
    case("urlpart", 'urlpart(url, "host")', "regexp_extract(url, '//(?:[^@/]*@)?([^:/]+)', 1)", lambda: c("url").str.extract("//(?:[^@/]*@)?([^:/]+)", 1)),
    case("kvjoin", 'kvjoin("=", "&", "^(n|word|small)$")', "concat('word=', word, '&small=', small, '&n=', n)", lambda: pl.format("word={}&small={}&n={}", c("word"), c("small"), c("n"))),
    case("signature", "signature(line)", "regexp_replace(line, '[A-Za-z0-9]+', '', 'g')", lambda: c("line").str.replace_all("[A-Za-z0-9]+", "")),
    case("xpath", 'xpath(xml, "/o/i/@id")'),
    case("levenshtein", "levenshtein(hexes, number)", "levenshtein(hexes, number)"),
    case("similarity", "similarity(hexes, number)", "jaro_winkler_similarity(hexes, number)"),
]  # fmt: skip

NUMBERS = [
    case("abs", "abs(n)", "abs(n)", lambda: c("n").abs()),
    case("sign", "sign(x)", "sign(x)", lambda: c("x").sign()),
    case("round", "round(x, 2)", "round(x, 2)", lambda: c("x").round(2)),
    case("round", "round(n, -2)", "round(n, -2)"),
    case("ceil floor trunc", "floor(x)", "floor(x)", lambda: c("x").floor()),
    case("max min", "max(x, y)", "greatest(x, y)", lambda: pl.max_horizontal("x", "y")),
    case("mod", "mod(n, 7)", "n % 7", lambda: c("n") % 7),
    case("div", "div(n, 7)", "n // 7", lambda: c("n") // 7),
    case("pow", "pow(x, 2)", "pow(x, 2)", lambda: c("x") ** 2.0),
    case("exp", "exp(y)", "exp(y)", lambda: c("y").exp()),
    case("log log10 log2", "log(y)", "ln(y)", lambda: c("y").log()),
    case("sqrt", "sqrt(y)", "sqrt(y)", lambda: c("y").sqrt()),
    case("cbrt", "cbrt(x)", "cbrt(x)", lambda: c("x").cbrt()),
    case("sin cos tan", "sin(x)", "sin(x)", lambda: c("x").sin()),
    case("asin acos atan", "asin(y)", "asin(y)", lambda: c("y").arcsin()),
    case("atan2", "atan2(x, y)", "atan2(x, y)", lambda: pl.arctan2("x", "y")),
    case("radians degrees", "radians(x)", "radians(x)", lambda: c("x").radians()),
    case("bucket", "bucket(n, 1000)", "(n // 1000) * 1000", lambda: (c("n") // 1000) * 1000),
    case("clip", "clip(x, -100, 100)", "least(greatest(x, -100), 100)", lambda: c("x").clip(-100, 100)),
    case("bitand bitor bitxor", "bitand(n, 255)", "n & 255", lambda: c("n") & 255),
    case("shl shr", "shr(n, 3)", "n >> 3"),
    case("rand random", "random()", "random()"),
    case("randn", "randn()"),
    case("randbytes", "randbytes(16)"),
    case("guid", "guid()", "uuid()"),
    case("seq", "seq()", "row_number() over ()", lambda: pl.int_range(1, pl.len() + 1)),
    case("norminv servicez", "norminv(y)"),
    case("normcdf", "normcdf(x)"),
    case("tinv", "tinv(y, 10)"),
    case("zscore", "zscore(x, 1, 2)", "(x - 1) / 2", lambda: (c("x") - 1) / 2),
    case("safetystock reorderpoint", "safetystock(0.95, y, 7)", "1.6448536269514722 * sqrt(7 * y * y)", lambda: (c("y") * c("y") * 7).sqrt() * 1.6448536269514722),
    case("haversine", "haversine(y, x / 100, y, y)",
         "2 * 6371008.8 * asin(sqrt(pow(sin(radians(y - y) / 2), 2) + cos(radians(y)) * cos(radians(y)) * pow(sin(radians(y - x / 100) / 2), 2)))"),
]  # fmt: skip

DATES = [
    case("dateadd", 'dateadd(t, "mon", 1)', "t + interval 1 month", lambda: c("t").dt.offset_by("1mo")),
    case("datediff", 'datediff(t, u, "hour")', "date_sub('hour', t, u)", lambda: (c("u") - c("t")).dt.total_hours()),
    case("datetrunc", 'datetrunc(t, "1h")', "date_trunc('hour', t)", lambda: c("t").dt.truncate("1h")),
    case("datepart", 'datepart(t, "month")', "month(t)", lambda: c("t").dt.month()),
    case("daterange", "daterange(t, t + 3d)", "generate_series(t, t + interval 3 days, interval 1 day)", lambda: pl.datetime_ranges(c("t"), c("t") + pl.duration(days=3), "1d")),
    case("epoch", "epoch(small)", "to_timestamp(small)", lambda: pl.from_epoch(c("small"))),
    case("unixtime", "unixtime(t)", "epoch(t)", lambda: c("t").dt.epoch("s")),
    case("seconds", "seconds(span)", "", lambda: c("span").dt.total_seconds(fractional=True)),
]  # fmt: skip

ADDRESSES = [
    case("ip2long ip2int", "ip2long(address)"),
    case("long2ip", "long2ip(small)", "concat_ws('.', small >> 24, small >> 16 & 255, small >> 8 & 255, small & 255)"),
    case("network", "network(address, 24)"),
    case("cidrmatch", 'cidrmatch("10.0.0.0/12", address)'),
    case("reverseip", "reverseip(address)"),
    case("md5", "md5(line)", "md5(line)"),
    case("md5", "md5(word)", "md5(word)"),
    case("sha1", "sha1(line)", "sha1(line)"),
    case("sha256 hash", "sha256(line)", "sha256(line)"),
    case("hash64", "hash64(line)", "hash(line)", lambda: c("line").hash()),
]  # fmt: skip

NESTED = [
    case("array", "array(n, small)", "[n, small]", lambda: pl.concat_list("n", "small")),
    case("dict", 'dict("a", n, "b", word)', "{'a': n, 'b': word}", lambda: pl.struct(c("n").alias("a"), c("word").alias("b"))),
    case("valueof", "valueof(list, 1)", "list[2]", lambda: c("list").list.get(1)),
    case("subarray", "subarray(list, 1, 3)", "list[2:3]", lambda: c("list").list.slice(1, 2)),
    case("sumarray", "sumarray(list)", "list_sum(list)", lambda: c("list").list.sum()),
    case("unique", "unique(list)", "list_distinct(list)", lambda: c("list").list.unique(maintain_order=True)),
    case("sortarray", "sortarray(list)", "list_sort(list)", lambda: c("list").list.sort()),
    case("flatten", "flatten(array(list, list))", "flatten([list, list])"),
    case("zip", "zip(list, list)", "list_zip(list, list)"),
    case("foreach", "foreach(_1 * 2, list)", "list_transform(list, lambda e: e * 2)", lambda: c("list").list.eval(pl.element() * 2)),
    case("numrange", "numrange(0, small)", "range(0, small)", lambda: pl.int_ranges(0, c("small"))),
    case("keys", "keys(map)"),
    case("vals", "vals(map)", "[cast(map.k as varchar), map.v]"),
    case("jsonpath", 'jsonpath(doc, "$.a.b[0]")', "json_extract_string(doc, '$.a.b[0]')", lambda: c("doc").str.json_path_match("$.a.b[0]")),
    case("parsejson", "parsejson(doc)", "from_json(doc, '{\"a\":\"json\",\"c\":\"varchar\",\"d\":\"varchar\"}')"),
    case("tojson", "tojson(map)", "to_json(map)", lambda: c("map").struct.json_encode()),
]  # fmt: skip

CASES = [*OPERATORS, *CONDITIONS, *CASTS, *TEXTS, *NUMBERS, *DATES, *ADDRESSES, *NESTED]
