"""An as-of join as operators: what takes the right, and what the left goes through when the right is there."""

from __future__ import annotations

from typing import Any

from ....planner.combine import Asof
from ...notes import At
from .build import BuildSink
from .held import Held
from .probe import ProbeTransform
from .spill import AsofGrace


class AsofRun:
    def __init__(self, node: Asof, at: At) -> None:
        self._node, self._at = node, at
        self._build = BuildSink(node, at)
        self.right: list[Any] = [self._build]

    def left(self, held: Held, ordered: bool) -> list[Any]:
        """`ordered`: whether what follows needs the rows in order."""
        if held.is_spilled:
            return [AsofGrace(self._node, self._at, self._build, held, ordered=ordered)]
        return [ProbeTransform(self._node, self._at, held)]
