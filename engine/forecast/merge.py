"""Outcomes of some series each, put together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields

import numpy as np

from .batch import Batch, Outcome, empty
from .origins import Part, rows_of

BY_STEP = ("trend", "fitted")


def merged(batch: Batch, n_levels: int, made: Iterable[tuple[Part, Outcome]]) -> Outcome:
    """Of whole series of `batch`."""
    out = empty(batch, n_levels)
    for part, outcome in made:
        rows = rows_of(batch.offsets, part)
        for field in fields(Outcome):
            mine, theirs = getattr(outcome, field.name), getattr(out, field.name)
            if isinstance(theirs, list):
                for i, text in zip(part.series.tolist(), mine, strict=True):
                    theirs[i] = text
            else:
                theirs[rows if field.name in BY_STEP else part.series] = mine
    return out


def part_of(batch: Batch, chosen: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Part:
    """Whole series."""
    at = np.flatnonzero(chosen)
    return Part(at, np.diff(batch.offsets)[at])
