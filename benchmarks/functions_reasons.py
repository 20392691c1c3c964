"""Why a function may take more than twice the better peer's time, by function (or sign)."""

from __future__ import annotations

CHECKED = "64-bit overflow is looked for in each row and counted; the peers wrap, or stop the query"
ONE_PASS = "a few passes of NumPy over memory where the peer has one fused loop; some nanoseconds a row"
NULLS = (
    "null has an answer of its own here, so values and which rows have one are computed apart; 1 to 8 ns a row in all"
)
NAN = "NaN has a place in the order: one more pass over a column (two comparisons for columns, one beside a constant); 3 to 5 ns a row"
CODE_POINTS = "positions are code points of text that a query mostly has as spans; cutting plain columns copies them"
BYTES = "some passes of NumPy over the bytes of all rows, where the peer has one loop over each value"
RE2 = "the same machine (RE2) as DuckDB's; Polars has another"
HASHLIB = "OpenSSL takes one value a call: each distinct value is hashed once, which pays for columns with repeats"
JSON = (
    "each text is checked whole, so that rows that are no JSON are counted, and then walked again; 0.3 us a text of 31 bytes. "
    "DuckDB's parser reads whole vectors of bytes at a time"
)
LISTS = (
    "elements are one column with a row number each, so that any expression and type goes; the peer knows plain numbers"
)
LETTERS = (
    "text to exact decimals of up to 38 digits by a dozen passes of Arrow over its letters (0.5 us a row, most of it two regular "
    "expressions and the parts); doubles go by products and take a fifth of that. Polars reads 128-bit numbers in one loop"
)

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
        "halves and digits are exact (what a product loses is computed beside it: some thirty passes, 19 ns a row, as DuckDB "
        "takes); Polars rounds the product of the double",
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
    "epoch": "looked at for units other than seconds and for years beyond 9999, which are counted: four passes, 6 ns a row",
    **dict.fromkeys(("md5", "sha1", "sha256", "hash"), HASHLIB),
    "hash64": "XXH64 as published, so that other systems can compute it; the peers' hashes change with their versions",
    **dict.fromkeys(("valueof", "subarray", "sumarray", "unique", "foreach", "numrange", "zip", "flatten"), LISTS),
    **dict.fromkeys(("jsonpath", "parsejson"), JSON),
    "tojson": "text is joined member by member, escapes looked for in each",
}
