"""`explain=t`: a row for each series, with its model and what the model found."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from ....planner.types import Schema
from ...arrow import array_from, nan_as_null
from .chunk import Chunk


def explained(chunk: Chunk, after: Schema) -> list[pa.Array[Any]]:
    """Keys, the measure's name where there are several, then the figures."""
    k, names = len(chunk), chunk.fields.names
    group = np.repeat(np.arange(k), len(names))
    measure = np.tile(np.arange(len(names)), k)
    first = array_from(chunk.offsets[:-1][group])
    out = [chunk.columns[i].take(first) for i in chunk.fields.keys]
    if len(names) > 1:
        out.append(pa.array([names[m] for m in measure.tolist()], pa.string()))
    pairs = list(zip(measure.tolist(), group.tolist(), strict=True))
    texts = {
        "_model": [chunk.answers[m].model[g] or None for m, g in pairs],
        "_note": [chunk.series[m].why.get(g) or chunk.answers[m].note[g] or None for m, g in pairs],
    }
    figures = {f"_{name}": [chunk.answers[m].figures[name][g] for m, g in pairs] for name in chunk.answers[0].figures}
    for shown, name in (("_mase", "MASE"), ("_coverage", "coverage")):
        figures[shown] = [_score(chunk, m, g, name) for m, g in pairs]
    counts: dict[str, list[int | None]] = {
        "_period": [chunk.periods[m][g][0] if chunk.periods[m][g] else None for m, g in pairs],
        "_n": [int(np.diff(chunk.series[m].offsets)[g] - chunk.series[m].n_missing[g]) for m, g in pairs],
        "_filled": [int(chunk.series[m].n_filled[g]) for m, g in pairs],
    }
    for name, _ in after.fields[len(out) :]:
        if name in texts:
            out.append(pa.array(texts[name], pa.string()))
        elif name in counts:
            out.append(pa.array(counts[name], pa.int64()))
        else:
            out.append(nan_as_null(np.array(figures[name], np.float64)))
    return out


def _score(chunk: Chunk, measure: int, group: int, name: str) -> float:
    values = chunk.answers[measure].scores.get(name)
    return float("nan") if values is None else float(values[group])
