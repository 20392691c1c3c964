"""Queries that were read are kept, so that nothing in one may ever change."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from cortado.commands.language import language
from cortado.planner.parse import LONGEST_KEPT, parse
from cortado.planner.text import ParseError, QueryError

from ..specfile import read_specs

SPECS = Path(__file__).parents[1] / "specs"


def changeable(thing: Any) -> list[type]:
    """Types within that are not frozen."""
    if dataclasses.is_dataclass(thing):
        settings: Any = vars(type(thing))["__dataclass_params__"]
        within = [t for f in dataclasses.fields(thing) for t in changeable(getattr(thing, f.name))]
        return within if settings.frozen else [type(thing), *within]
    if isinstance(thing, tuple | frozenset):
        return [t for one in thing for t in changeable(one)]
    return [] if isinstance(thing, str | bytes | int | float | None) else [type(thing)]


@pytest.mark.parametrize("area", sorted(p.name for p in SPECS.iterdir() if p.is_dir()))
def test_queries_are_frozen_all_through(area: str) -> None:
    found: set[type] = set()
    for path in sorted((SPECS / area).iterdir()):
        for case in read_specs(path):
            try:
                found.update(changeable(parse(case.query, language())))
            except QueryError:  # not to be read, or with a header, which another reader takes
                continue
    assert not found


def test_short_texts_are_read_once() -> None:
    text = "json '{}' | eval a = 1"
    assert parse(text, language()) is parse(text, language())
    long = text + " " * LONGEST_KEPT
    assert parse(long, language()) is not parse(long, language())
    assert parse(long, language()) == parse(long, language())


def test_faults_are_told_each_time() -> None:
    for _ in range(2):
        with pytest.raises(ParseError, match="E2"):
            parse("json '{}' | eval a = (", language())
