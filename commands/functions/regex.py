"""Functions over regular expressions. The expression is a constant, checked when the query is bound."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pyarrow as pa

from ...engine import regex
from ...engine.arrow import array_from
from ...engine.batch import Spans
from ...engine.exprs import Eval, Value
from ...engine.regexevery import all_matches
from ...engine.regextiers import extract as extract_groups
from ...engine.regextiers import find, search
from ...engine.strings import cut
from ...engine.textmatch import match_pattern
from ...planner.types import array_of
from ..base import BOOL, STRING, TEXT, CallBinder, Type, function

GROUP = "regular expressions"


def group_of(call: CallBinder, i: int, pattern: regex.Pattern) -> int:
    """The group that argument `i` names, or the first if there is no such argument; the whole match if there is no group."""
    if i >= len(call.args):
        return min(1, pattern.n_groups)
    which = call.constant(i) if call.args[i].type.kind == "string" else call.whole(i)
    if not isinstance(which, str | int):
        call.fail("E307", f"{call.name} takes a constant group: a number or a name", at=i)
    try:
        return pattern.group(which)
    except KeyError:
        names = [n for n in pattern.names if n]
        has = (
            "no groups"
            if not pattern.n_groups
            else "1 group"
            if pattern.n_groups == 1
            else f"{pattern.n_groups} groups"
        )
        call.fail("E307", f"the pattern has {has}; {which!r} is none of them", at=i, suggestions=names)


def _match_type(call: CallBinder) -> Type:
    pattern = regex.constant_pattern(call, 1)
    call.data = pattern, _pieces(pattern.source)
    call.args = call.args[:1]
    return BOOL


PLAIN = re.compile(r"(\^?)([^\\.^$|?*+()\[\]{}]+)(\$?)")


def _pieces(source: str) -> tuple[str, ...]:
    """An expression that is plain text, perhaps with its ends fixed, as a wildcard pattern: that search is quicker."""
    found = PLAIN.fullmatch(source)
    if found is None:
        return ()
    return (*([] if found[1] else [""]), found[2], *([] if found[3] else [""]))


@function(
    "match", args=(TEXT,), least=2, most=2, returns=_match_type, spans=(0,), group=GROUP,
    syntax="match(E, RE)",
    summary="Whether the expression is found anywhere in the text; false for null.",
    examples=[("match(\"GET /a 404\", ' 4\\d\\d$')", "true"), ('match(null, "a")', "false")],
)  # fmt: skip
def match(ev: Eval, text: Value) -> Value:
    pattern, pieces = ev.data
    if pieces:
        return array_from(match_pattern(ev, text, pieces))
    return array_from(search(text if isinstance(text, Spans) else ev.array(text), pattern, compiled=ev.compiled))


def _extract_type(call: CallBinder) -> Type:
    pattern = regex.constant_pattern(call, 1)
    call.data = pattern, group_of(call, 2, pattern)
    call.args = call.args[:1]
    return STRING


@function(
    "extract", args=(TEXT,), least=2, most=3, returns=_extract_type, spans=(0,), group=GROUP,
    syntax="extract(S, RE[, GROUP])",
    summary="One group of the first match, by number or name: the first if there is any, else the match; null without one.",
    examples=[
        ("extract(\"took 31 ms\", '(\\d+) ms')", '"31"'),
        ("extract(\"k=v\", '(?<key>\\w)=(?<value>\\w)', \"value\")", '"v"'),
        ("extract(\"none\", '\\d+')", "null"),
    ],
)  # fmt: skip
def extract(ev: Eval, text: Value) -> Value:
    pattern, group = ev.data
    source = text if isinstance(text, Spans) else ev.array(text)
    return extract_groups(source, pattern, [group], compiled=ev.compiled)[0]


def _all_type(call: CallBinder) -> Type:
    _extract_type(call)
    return array_of(STRING)


@function(
    "extractall", args=(TEXT,), least=2, most=3, returns=_all_type, group=GROUP,
    syntax="extractall(S, RE[, GROUP])",
    summary="The group of every match, as an array; empty without a match, null for null.",
    examples=[("extractall(\"a1b22\", '\\d+')", 'array("1", "22")'), ("len(extractall(\"x\", '\\d'))", "0")],
)  # fmt: skip
def extractall(ev: Eval, text: Value) -> Value:
    pattern, group = ev.data
    return all_matches(ev.array(text), pattern, group, compiled=ev.compiled)


def _groups_type(call: CallBinder) -> Type:
    call.data = regex.constant_pattern(call, 1)
    call.args = call.args[:1]
    return array_of(STRING)


@function(
    "groups", args=(TEXT,), least=2, most=2, returns=_groups_type, group=GROUP,
    syntax="groups(S, RE)",
    summary="All groups of the first match, as an array; null without a match.",
    examples=[("groups(\"Mar 29\", '(\\w+) (\\d+)')", 'array("Mar", "29")'), ("groups(\"x\", '(\\d)')", "null")],
)  # fmt: skip
def groups(ev: Eval, text: Value) -> Value:
    column: pa.Array[Any] = ev.array(text)
    pattern: regex.Pattern = ev.data
    k = pattern.n_groups
    found = find(column, pattern, range(1, k + 1), compiled=ev.compiled)
    matched = found.matched
    bounds = np.append(0, np.cumsum(np.where(matched, k, 0))).astype(np.int32)
    if k == 0:
        return regex.list_array(bounds, pa.nulls(0, pa.string()), ~matched)
    start, length = (np.stack(side, axis=1)[matched].reshape(-1) for side in zip(*found.spans.values(), strict=True))
    return regex.list_array(bounds, cut(found.data, start, length), ~matched)
