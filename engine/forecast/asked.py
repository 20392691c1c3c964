"""What a `forecast` stage was asked for."""

from __future__ import annotations

from ...planner import ast
from ...planner.records import dataclass

MOST_AHEAD = 100_000  # steps of one series
SEVERAL = ("auto", "stl", "calendar", "trees", "bakeoff")  # models that look at several seasons


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """`count` steps, or those within `horizon`. `levels`: of confidence, as parts of 1, ascending. `model`: a name or a code of ETS.
    `how`: shrunk or ml. `periods`: None, found; (), none. `every`: the step where it is given. `nonneg`: None, by the data.
    `backtest`: origins, 0 for none. `safety`: a service level, over `lead`. `beside`: fields that models may look at, too.
    """

    count: int | None = 5
    horizon: ast.Duration | None = None
    levels: tuple[float, ...] = (0.95,)
    model: str = "auto"
    how: str = "shrunk"
    periods: tuple[int, ...] | None = None
    every: ast.Duration | None = None
    fill: str = "auto"
    dup: str = "auto"
    nonneg: bool | None = None
    normalize: bool = False
    accumulate: bool = True
    backtest: int = 0
    explain: bool = False
    safety: float | None = None
    lead: ast.Duration | None = None
    country: str | None = None
    seed: int = 0
    beside: tuple[str, ...] = ()

    @property
    def suffixes(self) -> list[str]:
        """What is behind `_lower` and `_upper`, of each level: nothing where there is one, else its percents."""
        return [""] if len(self.levels) == 1 else [f"{100 * level:.10g}" for level in self.levels]

    @property
    def is_pooled(self) -> bool:
        """Whether the model learns from all series together."""
        return self.model == "trees"
