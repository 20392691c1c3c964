"""Patterns at random through every machine say what RE2 says, over near misses (more: tests/scripts/regex_oracle.py)."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import cortado
from cortado.engine.regexprogram import LITERAL, SPANS
from cortado.engine.regextiers import RE2

from .rawscan import scan_wrong
from .regexjudge import wrong
from .regexscan import scanned_wrong
from .rounds import draws, rounds


def test_every_machine_says_what_re2_says() -> None:
    draw, counted = draws("regex"), Counter[str]()
    for _ in rounds(400):
        problem = wrong(draw, 40, counted)
        assert not problem
    assert min(counted[SPANS], counted[LITERAL], counted[RE2], counted["matched"]) > 1000, counted


def test_the_scan_says_what_the_general_path_says(tmp_path: Path) -> None:
    draw, compared = draws("regex at the scan"), 0
    with (
        cortado.connect(threads=1, timezone="UTC", kernels="never") as general,
        cortado.connect(threads=1, timezone="UTC", kernels="always") as fast,
    ):
        for _ in rounds(60):
            problem = scanned_wrong(draw, 60, tmp_path, general, fast)
            assert not problem
            compared += problem is not None
    assert compared > 20


def test_groups_and_searches_at_the_scan_are_those_of_the_general_path(tmp_path: Path) -> None:
    """More: tests/scripts/scan_oracle.py."""
    draw = draws("groups at the scan")
    with (
        cortado.connect(threads=1, timezone="UTC", kernels="never") as general,
        cortado.connect(threads=2, timezone="UTC", kernels="always", morsel_bytes=4096) as small,
        cortado.connect(threads=2, timezone="UTC", kernels="always", memory="300KB") as poor,
    ):
        for _ in rounds(40):
            problem = scan_wrong(draw, 400, tmp_path, general, (small, poor))
            assert not problem
