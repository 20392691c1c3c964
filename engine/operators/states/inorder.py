"""All values a group in input order, nulls with them: what several fields of one row have in common stays side by side."""

from __future__ import annotations

from collections.abc import Hashable

from ....planner.types import Type
from ...arrow import own
from .base import Rows
from .held import Everything


class InOrder(Everything):
    def __init__(self, type_: Type) -> None:
        super().__init__(type_, None)

    def key(self) -> Hashable:
        return (InOrder, self.type)

    def update(self, rows: Rows) -> None:
        assert rows.place is not None
        self._add(rows.groups, own(rows.args[0]), rows.place)
