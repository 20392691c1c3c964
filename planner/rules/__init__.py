"""One file a rule. A rule is a pure function on one node; None means that it does not apply."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..expr import Expr
from ..plan import Node
from ..records import dataclass


@dataclass(frozen=True, slots=True)
class Helpers:
    """What rules may ask of upper layers: the value of an expression without fields, and whether it refused or noted anything."""

    evaluate: Callable[[Expr], tuple[Any, bool]]


Rule = Callable[[Node, Helpers], Node | None]
