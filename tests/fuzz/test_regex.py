"""Patterns at random through every machine say what RE2 says, over near misses (more: tests/scripts/regex_oracle.py)."""

from __future__ import annotations

from collections import Counter

from cortado.engine.regexprogram import LITERAL, SPANS
from cortado.engine.regextiers import RE2

from .regexjudge import wrong
from .rounds import draws, rounds


def test_every_machine_says_what_re2_says() -> None:
    draw, counted = draws("regex"), Counter[str]()
    for _ in rounds(400):
        problem = wrong(draw, 40, counted)
        assert not problem
    assert min(counted[SPANS], counted[LITERAL], counted[RE2], counted["matched"]) > 1000, counted
