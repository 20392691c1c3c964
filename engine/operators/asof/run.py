"""An as-of join as operators: what takes the right, and what the left goes through when the right is there."""

from __future__ import annotations

from typing import Any

from ....planner.combine import Asof
from ...notes import At
from ...operator import SideRun
from .build import BuildSink
from .held import Held
from .probe import ProbeTransform
from .spill import AsofGrace


class AsofRun(SideRun):
    def __init__(self, node: Asof, at: At) -> None:
        self._node, self._at = node, at
        self._build = BuildSink(node, at)
        self.right = (self._build,)

    def left(self, taken: Held, ordered: bool) -> list[Any]:
        if taken.is_spilled:
            return [AsofGrace(self._node, self._at, self._build, taken, ordered=ordered)]
        return [ProbeTransform(self._node, self._at, taken)]
