"""`levenshtein`, `similarity`: how near two texts are."""

from __future__ import annotations

from ...engine import edits
from ...engine.arrow import array_from, is_valid
from ...engine.exprs import Eval, Value
from ..base import DOUBLE, LONG, TEXT, function

GROUP = "text"


@function(
    "levenshtein", args=(TEXT, TEXT), returns=LONG, group=GROUP, tier=2,
    syntax="levenshtein(A, B)",
    summary="The fewest letters put in, taken out or replaced that make B of A.",
    examples=[('levenshtein("kitten", "sitting")', "3"), ('levenshtein("한국", "한글")', "1"), ('levenshtein("a", null)', "null")],
)  # fmt: skip
def levenshtein(ev: Eval, a: Value, b: Value) -> Value:
    x, y = ev.array(a), ev.array(b)
    return array_from(edits.levenshtein(x, y, ev.ctx.check, ev.compiled), ~(is_valid(x) & is_valid(y)))


@function(
    "similarity", args=(TEXT, TEXT), returns=DOUBLE, group=GROUP, tier=2,
    syntax="similarity(A, B)",
    summary="Jaro-Winkler: 1 for equal texts, 0 where they share no letter; up to 4 equal first letters count more where the rest is alike (above 0.7).",
    examples=[('round(similarity("MARTHA", "MARHTA"), 4)', "0.9611"), ('similarity("abc", "xyz")', "0.0"), ('similarity("a", null)', "null")],
)  # fmt: skip
def similarity(ev: Eval, a: Value, b: Value) -> Value:
    x, y = ev.array(a), ev.array(b)
    return array_from(edits.jaro_winkler(x, y, ev.ctx.check, ev.compiled), ~(is_valid(x) & is_valid(y)))
