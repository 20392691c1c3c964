"""Candidates of completion, and which of them fit what is written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Candidate:
    """`text` replaces the last `replaces` characters before the cursor; `kind` is shown beside it."""

    text: str
    replaces: int
    kind: str
    about: str = ""


def ranked(word: str, groups: Sequence[tuple[str, list[Candidate]]], replaces: int | None = None) -> list[Candidate]:
    """Those that fit the word: exact beginnings, then beginnings in another case, then of a part (`ip` of `client_ip`).

    Without a word three things stand before the options, so that both are seen.
    """
    size = len(word) if replaces is None else replaces
    if not word:
        flat = [[c for c in group] for _, group in groups]
        if len(groups) > 1 and groups[1][0] == "option":
            flat[0:1] = [flat[0][:3], flat[1], flat[0][3:]]
        return [replace(c, replaces=size) for group in flat for c in group]
    scored = []
    for g, (_, group) in enumerate(groups):
        for i, c in enumerate(group):
            fit = _fit(c.text.strip("`.").lstrip("("), word)
            if fit is not None:
                scored.append((fit, g, i, c))
    return [replace(c, replaces=size) for *_, c in sorted(scored, key=lambda s: s[:3])]


def _fit(text: str, word: str) -> int | None:
    if text.startswith(word):
        return 0
    if text.lower().startswith(word.lower()):
        return 1
    if len(word) > 1 and re.search(r"(?:_|\.|\b)" + re.escape(word), text, re.I):
        return 2
    return None
