"""A join as operators: what takes the right, and what the left goes through when the right is there."""

from __future__ import annotations

from typing import Any

from ...planner.combine import Join
from ..notes import At
from ..operator import SideRun
from .joinbuild import BuildSink, Built
from .joinprobe import probes
from .joinspill import GraceSink


class JoinRun(SideRun):
    """With `left_first` the left is collected, and only rows of the right that it may match are kept."""

    def __init__(self, node: Join, at: At) -> None:
        self._node, self._at = node, at
        build = BuildSink(node, at)
        self.right = (build,)
        if node.left_first:
            from .semijoin import LeftSink, MatchTransform

            left = LeftSink(node, at)
            self.before, self.right = (left,), (MatchTransform(node, left), build)

    def left(self, taken: Built, ordered: bool) -> list[Any]:
        node, at = self._node, self._at
        if taken.is_spilled:  # its parts are joined, so nothing is left to probe
            return [GraceSink(node, at, taken, ordered=ordered or node.first)]
        return probes(node, at, taken)
