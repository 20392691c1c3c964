"""What other languages write where ours has another word: the spelling that a syntax error names."""

from __future__ import annotations

import re

from .records import dataclass
from .text import Span


@dataclass(frozen=True, slots=True)
class Ours:
    """What to say of a foreign spelling. `span` is within the stage's positional part."""

    span: Span
    message: str
    suggestions: tuple[str, ...] = ()
    hint: str = ""


_SIGNS: tuple[tuple[str, str], ...] = (
    (r"&&?", "and"),
    (r"===", "=="),
    (r"!==|<>", "!="),
    (r"=~|~=|~~?", "match(x, 're')"),
    (r"!~", "not match(x, 're')"),
    (r"!in~?(?![\w.@])", "not x in (...)"),
    (r"!(?:has|contains)(?:_cs)?(?![\w.@])", "not contains(x, text)"),
    (r"!(?:startswith|hasprefix)(?:_cs)?(?![\w.@])", "not startswith(x, text)"),
    (r"!(?:endswith|hassuffix)(?:_cs)?(?![\w.@])", "not endswith(x, text)"),
    (r"!(?!=)", "not"),
    (r"%", "mod(a, b)"),
    (r":=", "="),
    (r"::", "long(x), double(x), string(x), date(x)"),
    (r"\?\?", "nvl(a, b)"),
    (r"\?", "if(condition, a, b)"),
    (r"\*\*|\^", "pow(a, b)"),
    (r"\+=|-=|\*=|/=", "x = x + ..."),
    (r";", "|"),
    (r"(?<=[\s)\"'])\.(?=[\s(\"'])", "concat(a, b)"),
)
_WORDS: tuple[tuple[str, str], ...] = (
    (r"is\s+not\s+null", "isnotnull(x)"),
    (r"is\s+null", "isnull(x)"),
    (r"is\s+not", "not same(a, b)"),
    (r"is", "same(a, b)"),
    (r"not\s+in", "not x in (...)"),
    (r"not\s+i?like", 'not x == "a*"'),
    (r"not\s+between", "not between(x, lo, hi)"),
    (r"i?like", 'x == "a*", like(x, pattern)'),
    (r"rlike|regexp?|matches|regexp_like", "match(x, 're')"),
    (r"between", "between(x, lo, hi)"),
    (r"contains(?:_cs)?|has(?:_cs)?", "contains(x, text)"),
    (r"startswith(?:_cs)?|hasprefix(?:_cs)?", "startswith(x, text)"),
    (r"endswith(?:_cs)?|hassuffix(?:_cs)?", "endswith(x, text)"),
    (r"case\s+when|when|then|else", "case(condition, value, ..., other)"),
    (r"group\s+by|partition\s+by|over", "by"),
    (r"mod", "mod(a, b)"),
    (r"div", "div(a, b)"),
    (r"eq", "=="),
    (r"ne", "!="),
    (r"lt", "<"),
    (r"gt", ">"),
    (r"le", "<="),
    (r"ge", ">="),
)
_UPPER = re.compile(r"(?:AND|OR|NOT|IN|BY|AS|WHERE)(?![\w.@])")
_NOT_THEN = re.compile(r"NOT\s+(?:IN|I?LIKE|BETWEEN)(?![\w.@])", re.I)
_TABLE = tuple((re.compile(p), ours) for p, ours in _SIGNS) + tuple(
    (re.compile(rf"(?:{p})(?![\w.@(])", re.I), ours) for p, ours in _WORDS
)
_SIGN_CHARACTERS = frozenset("&=!<>~%:?*^+-/.;")
_NAME_BEFORE = re.compile(r"(`(?:``|[^`])*`|[\w.@]+)\s*\Z")
_COUNT_STAR = re.compile(r"\bcount\s*\(\s*\Z")
_COUNT_DISTINCT = re.compile(r"\bcount\s*\(\s*(distinct)\s+\Z", re.I)
_CAST = re.compile(r"\b(?:try_|safe_)?cast\s*\([^()]*\Z", re.I)
_INTERVAL = re.compile(r"\binterval\s+\Z", re.I)
_ONE_ITEM = re.compile(r"(?:\A|,)\s*[\w.@]+\s*\Z")
_AFTER_CALL = re.compile(r"\)\s*\Z")
_BARE_SOURCE = re.compile(r"\(?\s*table\s+([\w.@]+)")
_VALUE = re.compile(r"\s*([\w.@]+(?:\([^()]*\))?)")
_AGGREGATING = frozenset({"stats", "timechart", "eventstats", "streamstats", "window", "pivot", "rollup", "cube"})


_JOIN_TYPES = {
    "left": "left", "leftouter": "left", "outer": "full", "full": "full", "fullouter": "full", "right": "right",
    "rightouter": "right", "inner": "inner", "cross": "cross", "anti": "leftonly", "leftanti": "leftonly",
    "rightanti": "rightonly", "semi": "inner",
}  # fmt: skip


_OPTIONS = {("join", "kind"): "type", ("join", "how"): "type", ("streamjoin", "how"): "type"}


def option(command: str, name: str) -> tuple[str, ...]:
    """What an option of other languages is called here."""
    ours = _OPTIONS.get((command, name))
    return (ours,) if ours else ()


def foreign(command: str, body: str, at: int, word: str) -> Ours | None:
    """The foreign spelling at (or just before) offset `at` of `body`, where the grammar stumbled over `word`."""
    if found := _of_command(command, body, at, word) or _of_expression(body, at, word):
        return found
    for start in _starts(body, at):
        if (upper := _UPPER.match(body, start)) and not _NOT_THEN.match(body, start):
            return _operator(body, upper, upper[0].lower())
        for pattern, ours in _TABLE:
            if (found_here := pattern.match(body, start)) and found_here.end() > at - (start < at):
                return _operator(body, found_here, ours)
    return _of_aggregates(body, at, word) if command in _AGGREGATING else None


def _starts(body: str, at: int) -> list[int]:
    """Where the spelling may begin: before, if the grammar read its first signs as ours; here; the word before."""
    signs = at
    while at - signs < 2 and signs > 0 and body[signs - 1] in _SIGN_CHARACTERS:
        signs -= 1
    out = list(range(signs, at + 1))
    before = _NAME_BEFORE.search(body, 0, at)
    if before and (_UPPER.fullmatch(before[1]) or before[1].lower() in ("is", "case")):
        out.append(before.start(1))
    return out


def _operator(body: str, found: re.Match[str], ours: str) -> Ours:
    return Ours(Span(*found.span()), f"'{found[0]}' is not an operator here", (ours,))


def _of_command(command: str, body: str, at: int, word: str) -> Ours | None:
    span = Span(at, at + len(word))
    before = _NAME_BEFORE.search(body, 0, at)
    name = before[1] if before else ""
    match command, word.lower():
        case "sort", "desc" | "descending" if name:
            return Ours(
                span, f"'{word}' is not expected here", (f"-{name}",), "a minus before a field sorts it downwards"
            )
        case "sort", "asc" | "ascending" if name:
            return Ours(span, f"'{word}' is not expected here", (name,), "fields are sorted upwards")
        case "sort", _ if before and name.lower() in ("desc", "asc") and word:
            sign = "-" if name.lower() == "desc" else ""
            return Ours(Span(*before.span(1)), f"'{name}' is not expected here", (f"{sign}{word}",))
        case "sort" | "order", "by" if not body[:at].strip():
            return Ours(span, "'by' is not expected here", (), f"the fields follow '{command}' directly: sort -a, b")
        case "limit", "offset" | "," if name:
            return Ours(span, f"'{word}' is not expected here", (), "the offset stands first: limit OFFSET N")
        case "rename", "to" | "=" | "into" if name:
            return Ours(span, f"'{word}' is not expected here", ("as",), "rename OLD as NEW")
        case "eval" | "set", "=" if body[at - 1 : at] == "=":
            return Ours(Span(at - 1, at + 1), "'==' compares, and nothing is compared here", ("=",))
        case "lookup", "output" | "outputnew":
            return Ours(
                span, f"'{word}' is not expected here", ("output",), "lookup TABLE KEY [as FIELD] output F, ..."
            )
        case "rename", _ if name and word.isidentifier() and word != "AS":
            return Ours(span, f"'{word}' is not expected here", ("as",), "rename OLD as NEW")
        case "drop", _ if word.isidentifier():
            return Ours(span, f"'{word}' is not expected here", (f"fields - {word}",), "drop discards all rows")
        case _, ";" if not body[at + 1 :].strip():
            return Ours(span, "';' is not expected here", (), "a query ends where its text ends")
        case "join" | "union" | "streamjoin", "(" | "table" if bare := _BARE_SOURCE.match(body, at):
            return Ours(
                span, f"'{word}' is not expected here", (f"[ table {bare[1]} ]",), "a subquery stands in brackets"
            )
        case "join" | "union" | "streamjoin", _ if name == "table" and word:
            return Ours(
                span, f"'{word}' is not expected here", (f"[ table {word} ]",), "a subquery stands in square brackets"
            )
        case "join", _ if before and word and name.lower() in ("on", "using", "by"):
            return Ours(Span(*before.span(1)), f"'{name}' is no key here", (), "the key stands first: join KEY [ SUB ]")
        case "join", _ if name.lower() in _JOIN_TYPES and before:
            ours = _JOIN_TYPES[name.lower()]
            return Ours(
                Span(*before.span(1)), f"'{name}' is no key here", (f"type={ours}",), "join type=left KEY [ SUB ]"
            )
        case "join", "on" | "with" | "using" if name:
            return Ours(span, f"'{word}' is not expected here", (), f"the key stands first: join KEY [ table {name} ]")
        case "join" | "union", _ if word and (name == "" or command == "union"):
            return Ours(span, f"'{word}' is not expected here", (f"[ table {word} ]",), "a subquery stands in brackets")
        case "top" | "rare" | "dedup" | "sample", _ if word.isdigit() and not body[:at].strip():
            ours = "count" if command == "sample" else "limit"
            return Ours(span, f"'{word}' is not expected here", (f"{ours}={word}",), "options are written NAME=VALUE")
        case "repeat", _ if word.isdigit():
            return Ours(span, f"'{word}' is not expected here", (f"count={word}",))
    return None


def _of_expression(body: str, at: int, word: str) -> Ours | None:
    """What SQL writes within expressions and calls."""
    span, said = Span(at, at + len(word)), f"'{word}' is not expected here"
    before = _NAME_BEFORE.search(body, 0, at)
    if word == "*" and _COUNT_STAR.search(body, 0, at):
        return Ours(span, said, ("count",), "count alone counts rows")
    if distinct := _COUNT_DISTINCT.search(body, 0, at):
        return Ours(Span(*distinct.span(1)), f"'{distinct[1]}' is not expected here", (f"dc({word})",))
    if word.lower() == "as" and _CAST.search(body, 0, at):
        return Ours(span, said, ("long(x), double(x), string(x), date(x)",))
    if _INTERVAL.search(body, 0, at):
        return Ours(span, said, (), "a duration is a bare value: _time + 1d, _time - 90m")
    if word == "(" and before and before[1].lower() in ("true", "false", "null"):
        return Ours(span, said, (before[1].lower(),), "constants are no functions")
    return None


def _of_aggregates(body: str, at: int, word: str) -> Ours | None:
    """What others write in lists of aggregates."""
    span, said = Span(at, at + len(word)), f"'{word}' is not expected here"
    before = _NAME_BEFORE.search(body, 0, at)
    item = _ONE_ITEM.search(body, 0, at)
    if word == "=" and item and before:
        value = _VALUE.match(body, at + 1)
        return Ours(span, said, (f"{value[1] if value else '...'} as {before[1]}",), "names stand behind 'as'")
    if word.lower() == "filter":
        return Ours(span, said, ("where",), "count where status >= 400 as errors")
    if not word.isidentifier() or word.lower() in ("as", "by", "where"):
        return None
    if _AFTER_CALL.search(body, 0, at):
        if body[at + len(word) :].lstrip()[:1] == "(":
            return Ours(span, said, (f", {word}",), "aggregates are separated by commas")
        return Ours(span, said, (f"as {word}",), "a column's name stands behind 'as'; columns are separated by commas")
    if item and before and before[1] != "count":
        return Ours(span, said, (f"{before[1]}({word})",), "an aggregate's argument stands in parentheses")
    return None


FUNCTIONS: dict[str, tuple[str, ...]] = {
    theirs: tuple(ours.split("/"))
    for ours, names in {
        "nvl": "ifnull zeroifnull fillnull null2zero",
        "if": "iff iif",
        "case": "switch validate",
        "long/double": "tonumber to_number tolong toint to_int todouble toreal tofloat tointeger parse_long parse_double cast try_cast convert safe_cast",
        "string": "tostring to_string to_char varchar text",
        "bool": "tobool to_bool toboolean",
        "date": "todate to_date todatetime to_timestamp timestamp parse_date parse_timestamp str_to_date make_datetime",
        "strptime": "to_time parse_datetime",
        "strftime/string": "format_datetime date_format formatdatetime format_date",
        "datetrunc": "date_trunc trunc_date startofday startofhour startofmonth startofweek startofyear time_bucket",
        "dateadd": "date_add datetime_add adddate timestampadd relative_time",
        "datediff": "date_diff datetime_diff timestampdiff age",
        "datepart": "date_part datetime_part year month day hour minute second dayofweek dayofmonth dayofyear weekofyear hourofday getmonth getyear monthofyear",
        "epoch": "from_unixtime fromunixtime unixtime_seconds_todatetime to_timestamp_s make_timestamp",
        "unixtime": "unix_timestamp to_unixtime epoch_ms epoch_s",
        "now": "current_timestamp getdate sysdate current_date utcnow today getutcdate localtimestamp",
        "substr": "substring mid strsub",
        "len": "length strlen char_length string_size character_length array_length cardinality array_size mvcount bag_size",
        "upper": "toupper ucase to_upper",
        "lower": "tolower lcase to_lower",
        "trim": "strip btrim",
        "indexof": "instr strpos position locate charindex index_of",
        "concat": "strcat concat_ws mvjoin",
        "strjoin": "array_join array_to_string string_agg join listagg array_strcat str_join",
        "split": "string_split str_split mvsplit split_part regexp_split regexp_split_to_array",
        "replace": "regexp_replace replace_regex replace_string translate gsub sub",
        "extract": "regexp_extract regexp_substr regex_extract rex",
        "extractall": "extract_all regexp_extract_all findall regexp_matches",
        "match": "regexp_like regexp_match regex_match matches rlike regexp_full_match regex",
        "contains": "has strcontains array_contains list_contains mvfind has_any includes",
        "startswith": "starts_with hasprefix prefix",
        "endswith": "ends_with hassuffix suffix",
        "valueof": "mvindex array_get element_at list_extract array_extract map_extract getfield struct_extract json_extract_path",
        "subarray": "array_slice list_slice",
        "unique": "array_distinct list_distinct mvdedup array_uniq",
        "sortarray": "array_sort list_sort mvsort array_sort_asc",
        "coalesce": "firstnonnull",
        "div": "intdiv idiv floordiv",
        "mod": "modulo fmod rem",
        "pow": "power exponent",
        "log": "ln loge",
        "sqrt": "square_root",
        "abs": "absolute",
        "ceil": "ceiling",
        "trunc": "truncate fix int_part",
        "sign": "signum",
        "random": "rand_uniform uniform",
        "rand": "randint random_int",
        "max": "greatest max_of maxof",
        "min": "least min_of minof",
        "datetrunc/bucket": "bin bin_at",
        "bucket": "floorto width_bucket",
        "count where ...": "eval",
        "guid": "uuid new_guid newid gen_random_uuid newguid",
        "isnotnull": "notnull exists is_not_null isnonnull",
        "isnull": "is_null missing",
        "isempty": "is_empty isblank",
        "isnum": "isnumeric is_numeric isint is_number isnumber",
        "typeof": "type gettype type_of",
        "like": "ilike wildcard glob searchmatch",
        "between": "in_range",
        "not": "isfalse",
        "seq": "row_number rownum rowid",
        "urldecode": "url_decode",
        "urlencode": "url_encode",
        "tobase64": "base64_encode to_base64 base64_encode_tostring",
        "frombase64": "base64_decode from_base64 base64_decode_tostring",
        "tohex": "hex to_hex",
        "fromhex": "unhex from_hex",
        "parsejson": "parse_json todynamic json_parse spath",
        "jsonpath": "json_extract json_value get_json_object extract_json",
        "cidrmatch": "ipv4_is_in_range ipv4_is_match",
        "hash": "md5sum",
        "array": "list list_value make_array pack_array mvappend",
        "dict": "map struct struct_pack pack bag_pack object_construct json_object",
        "format": "printf sprintf",
        "levenshtein": "edit_distance",
    }.items()
    for theirs in names.split()
}
"""Functions of Splunk, Kusto, DuckDB and SQL that have another name here."""

AGGREGATES: dict[str, tuple[str, ...]] = {
    theirs: tuple(ours.split("/"))
    for ours, names in {
        "dc": "count_distinct distinct_count dcount uniq uniqexact distinct nunique approx_count_distinct",
        "countif": "count_if sumif",
        "avg": "average avgif",
        "sum": "total sumsq",
        "stddev": "stdev stdevp std stddevpop stdevif",
        "stddev_samp": "stdev_samp",
        "var": "variance varp",
        "percentile": "perc exactperc quantile percentile_cont percentile_disc percentiles quantile_cont approx_percentile upperperc",
        "median": "med",
        "values": "list_distinct make_set collect_set array_agg_distinct groupuniqarray",
        "array": "list array_agg make_list collect_list grouparray",
        "first": "first_value",
        "last": "last_value",
        "any": "any_value take_any anyvalue",
        "argmax": "max_by",
        "argmin": "min_by",
        "mode": "most_common",
        "anytrue": "bool_or logical_or",
        "alltrue": "bool_and logical_and every",
        "corr": "correlation pearson",
        "cov": "covar_pop covariance",
        "slope": "regr_slope",
        "intercept": "regr_intercept",
        "r2": "regr_r2",
        "per_second": "rate",
    }.items()
    for theirs in names.split()
}
"""Aggregates of the same that have another name here."""

OPTION_VALUES: dict[tuple[str, str, str], tuple[str, ...]] = {
    (command, "type", theirs): ours
    for command in ("join", "streamjoin")
    for theirs, ours in {
        "outer": ("left", "full"), "leftouter": ("left",), "left_outer": ("left",), "rightouter": ("right",),
        "right_outer": ("right",), "fullouter": ("full",), "full_outer": ("full",), "anti": ("leftonly",),
        "leftanti": ("leftonly",), "left_anti": ("leftonly",), "rightanti": ("rightonly",), "innerunique": ("inner",),
    }.items()
}  # fmt: skip
