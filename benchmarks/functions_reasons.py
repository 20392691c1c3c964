"""Why a function may take more than twice the better peer's time, by function (or sign)."""

from __future__ import annotations

CHECKED = "64-bit overflow is looked for in each row and counted; the peers wrap, or stop the query"
ONE_PASS = "a few passes of NumPy over memory where the peer has one fused loop; some nanoseconds a row"
NULLS = "null has an answer of its own here, so values and which rows have one are computed apart"
NAN = "NaN has a place in the order, so both sides are searched for it first"
CODE_POINTS = "positions are code points of text that a query mostly has as spans; cutting plain columns copies them"
BYTES = "some passes of NumPy over the bytes of all rows, where the peer has one loop over each value"
RE2 = "the same machine (RE2) as DuckDB's; Polars has another"
HASHLIB = "OpenSSL takes one value a call: each distinct value is hashed once, which pays for columns with repeats"
JSON = "the peers' parsers read whole vectors of bytes at a time; ours also says which rows are no JSON, in input order"
LISTS = (
    "elements are one column with a row number each, so that any expression and type goes; the peer knows plain numbers"
)
LETTERS = "exact decimals of up to 38 digits by text; the peers go by way of 64 or 128-bit arithmetic"

REASONS: dict[str, str] = {
    **dict.fromkeys(
        ("+", "*", "/", "-", "div", "bucket", "sign", "bitand", "shr", "zscore", "sqrt", "sin", "asin", "atan2"),
        ONE_PASS,
    ),
    "neg": CHECKED,
    "abs": CHECKED,
    **dict.fromkeys(("<", "between", "max", "clip", "isnan"), NAN),
    **dict.fromkeys(("and", "in", "if", "case", "nvl", "nullif", "isnull", "same"), NULLS),
    "like": "the pattern is computed: each distinct one is read and searched for",
    "==": "with a literal it is a pattern, and null is false",
    **dict.fromkeys(
        ("round", "floor", "pow", "radians"),
        "halves and digits are exact, the domain is looked at; Polars rounds the double, and squares for pow(x, 2)",
    ),
    "field": "bound to the field itself: nothing is computed",
    "decimal": LETTERS,
    "string": "doubles are written as Python writes them; Polars has its own form",
    **dict.fromkeys(
        ("date", "strptime"),
        "the calendar is checked row by row, dst and faults are counted; one format only takes Polars's quick way",
    ),
    **dict.fromkeys(("binary", "decode"), "the bytes are copied with their offsets; Polars hands on a view"),
    **dict.fromkeys(("tohex", "tobase64", "frombase64", "urlencode", "urldecode", "randbytes"), BYTES),
    **dict.fromkeys(("len", "left", "right", "substr", "lpad", "indexof", "contains", "trim"), CODE_POINTS),
    **dict.fromkeys(("extractall", "urlpart", "signature", "extract", "groups", "match"), RE2),
    "kvjoin": "which fields a row has decides where separators stand; the peers join three known ones",
    "guid": "16 bytes of the system's random source a row, or a counter's where option.seed is set",
    "safetystock": "the quantile of the level is checked against 0..1 and the spreads against 0; the peers have the bare formula",
    "dateadd": "months go by the wall clock of the session's zone",
    "datetrunc": "buckets go by the wall clock of the session's zone",
    "epoch": "seconds, milliseconds, us and ns are told apart by size, row by row, and counted",
    **dict.fromkeys(("md5", "sha1", "sha256", "hash"), HASHLIB),
    "hash64": "XXH64 as published, so that other systems can compute it; the peers' hashes change with their versions",
    **dict.fromkeys(("valueof", "subarray", "sumarray", "unique", "foreach", "numrange", "zip", "flatten"), LISTS),
    **dict.fromkeys(("jsonpath", "parsejson"), JSON),
    "tojson": "text is joined member by member, escapes looked for in each",
}
