"""What the result's notes say of the series."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ....planner.types import Schema
from ...context import Context
from ...forecast.steps import NONE
from ...notes import At
from ...values import row_text
from ..window.whole import Told

if TYPE_CHECKING:
    from .chunk import Chunk, Fields

FEW = 8  # series of which each is told by name


class Telling:
    """Models, periods and steps; with few series of each, with many by kinds."""

    def __init__(self, fields: Fields, schema: Schema) -> None:
        self._fields, self._types = fields, [schema.fields[i][1] for i in fields.keys]
        self._told = Told()
        self._single: list[str] = []
        self._families: dict[str, int] = {}
        self.n_series = 0

    def keys(self, chunk: Chunk, group: int, zone: str) -> str:
        columns = [chunk.columns[i] for i in self._fields.keys]
        return row_text(columns, self._types, int(chunk.offsets[group]), zone) if columns else ""

    def short(self, period: int, n: int) -> None:
        self._told.count(f"the period of {period} is not there twice: it is left out", n)

    def add(self, chunk: Chunk) -> None:
        zone = chunk.zone
        for measure, (series, answer) in enumerate(zip(chunk.series, chunk.answers, strict=True)):
            for what, n in series.counts.items():
                self._told.count(what, n)
            for group, why in sorted(series.why.items()):
                rows = int(chunk.offsets[group + 1] - chunk.offsets[group])
                self._told.drop(why, rows, self.keys(chunk, group, zone))
            for group in np.flatnonzero(np.diff(answer.ahead) > 0).tolist():
                self._tell(chunk, measure, group, zone)

    def _tell(self, chunk: Chunk, measure: int, group: int, zone: str) -> None:
        self.n_series += 1
        answer, periods = chunk.answers[measure], chunk.periods[measure][group]
        step = chunk.steps.step_text(group) if chunk.steps.unit[group] != NONE else ""
        season = f"period {', '.join(map(str, periods))}" if periods else "no season"
        self._told.choose(", ".join(filter(None, (season, f"step {step}" if step else ""))))
        kind = family(answer.model[group])
        self._families[kind] = self._families.get(kind, 0) + 1
        if answer.note[group]:
            self._told.choose(answer.note[group])
        if len(self._single) <= FEW:
            named = " of ".join(filter(None, (chunk.fields.names[measure], self.keys(chunk, group, zone))))
            self._single.append(f"{named}: {answer.model[group]}")

    def tell(self, at: At, ctx: Context) -> None:
        if self.n_series <= FEW:
            for line in self._single:
                ctx.notes.count(at, "info", line, 1)
        else:
            for kind, n in sorted(self._families.items(), key=lambda item: (-item[1], item[0])):
                ctx.notes.count(at, "info", f"model: {kind}", n)
        self._told.tell(at, ctx)


def family(model: str) -> str:
    """The kind of a model, for counting."""
    before, mark, _ = model.partition("ETS(")
    return f"{before}a blend of ETS models" if mark and "%" in model else model
