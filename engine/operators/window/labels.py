"""`patterns mode=label`: the template of each row, and what stands in its places."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....planner.records import dataclass
from ...analytics.drain import Miner, unified
from ...analytics.masking import MASK, VARIABLE, evened
from ...arrow import array_from, call, concat, is_valid, lists_from
from ...arrow import nulls as null_array
from ..patterns import masked_codes, mined
from ..states.distinct import flat
from .evaluation import Evaluation, Made
from .whole import WholeFunction

BLOCK = 1 << 16
I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Labels(WholeFunction):
    """Columns: id, pattern, args."""

    depth: int = 4
    similarity: float = 0.5

    def columns(self, ev: Evaluation) -> Mapping[str, Made]:
        miner = Miner(self.depth, self.similarity)
        template = np.full(ev.n, -1, np.int64)
        for begin in range(0, ev.n, BLOCK):
            ev.ctx.check()
            end = min(begin + BLOCK, ev.n)
            masks = masked_codes(self._lines(ev, np.arange(begin, end)), ev.ctx)
            live = np.flatnonzero(is_valid(masks.indices))
            if len(live):
                template[begin + live] = mined(miner, masks, ev.segment.group[begin:end], live, ev.ctx)
        ev.ctx.check()
        texts = miner.texts()
        of, firsts = unified(miner.groups, texts)
        of = np.append(of, -1)[template]
        groups = np.array([miner.groups[t] for t in firsts], np.int64)
        before = np.argsort(np.argsort(groups, kind="stable"), kind="stable") - np.searchsorted(np.sort(groups), groups)
        number = np.append(before + 1, 0)[of]
        patterns = [texts[t] for t in firsts]
        return {
            "id": Made(array_from(number, of < 0)),
            "pattern": Made(values=pa.array(patterns, pa.string()), picked=of.astype(np.int32)),
            "args": self._args(ev, of, patterns),
        }

    def _lines(self, ev: Evaluation, places: I64) -> pa.Array[Any]:
        lines = ev.argument().take(array_from(ev.segment.perm[places]))
        return lines if pa.types.is_string(lines.type) else null_array(len(lines), pa.string())

    def _args(self, ev: Evaluation, of: I64, patterns: list[str]) -> Made:
        order = np.argsort(of, kind="stable")
        bounds = np.searchsorted(of[order], np.arange(len(patterns) + 1)).tolist()
        parts: list[pa.Array[Any]] = [null_array(0, pa.list_(pa.string()))]
        at = np.full(ev.n, -1, np.int32)
        n = 0
        for pattern, low, high in zip(patterns, bounds[:-1], bounds[1:], strict=True):
            for begin in range(low, high, BLOCK):
                ev.ctx.check()
                places = order[begin : min(begin + BLOCK, high)]
                parts.append(arguments(evened(self._lines(ev, places)), pattern))
                at[places] = np.arange(n, n + len(places))
                n += len(places)
        return Made(values=concat(parts), picked=at)


def arguments(lines: pa.Array[Any], pattern: str) -> pa.Array[Any]:
    """What stands in the masked places of lines of one template, in order: a list each."""
    tokens = pattern.split(" ")
    n = len(lines)
    words, _ = flat(call("split_pattern", lines, pattern=" "))
    found: list[pa.Array[Any]] = []
    for i, token in enumerate(tokens):
        if MASK in token:
            column = words.take(array_from(np.arange(n) * len(tokens) + i))
            found += [column] if token == MASK else _cut(column, token)
    k = len(found)
    if not k:
        return lists_from(np.zeros(n, np.int64), null_array(0, pa.string()))
    values = concat(found).take(array_from(np.arange(n * k).reshape(k, n).T.reshape(-1)))
    return lists_from(np.full(n, k), values)


def _cut(words: pa.Array[Any], token: str) -> list[pa.Array[Any]]:
    """The masked pieces of words that look like the token."""
    literals = [re.escape(part) for part in token.split(MASK)]
    n = len(literals) - 1
    groups = [f"(?P<g{i}>{VARIABLE}|{re.escape(MASK)})" for i in range(n)]
    made: Any = call(
        "extract_regex", words, pattern=f"^{''.join(a + b for a, b in zip(literals, [*groups, ''], strict=True))}$"
    )
    return list(made.flatten())
