"""Names of ETS models: `MAdM` is a relative error, an additive damped trend and a multiplicative season."""

from __future__ import annotations

from ..kernels.etscode import ERRORS, SEASONS, TRENDS

Triple = tuple[int, int, int]


def number(error: int, trend: int, season: int) -> int:
    """As the kernels know a model."""
    return error + 2 * trend + 10 * season


def triple(code: int) -> Triple:
    return code % 2, code // 2 % 5, code // 10


def parse(text: str) -> Triple:
    """The error, trend and season of `MAdM` or `ETS(M,Ad,M)`, any case. Raises ValueError."""
    short = text.strip().lower().removeprefix("ets").strip("()").replace(",", "").replace(" ", "")
    for e, error in enumerate(ERRORS):
        for t, trend in enumerate(TRENDS):
            for s, season in enumerate(SEASONS):
                if short == (error + trend + season).lower():
                    return e, t, s
    raise ValueError(
        f"{text} is no ETS model: an error A or M, a trend N, A, Ad, M or Md, a season N, A or M, such as MAdM"
    )


def title(code: int) -> str:
    """`ETS(M,Ad,M)`."""
    e, t, s = triple(code)
    return f"ETS({ERRORS[e]},{TRENDS[t]},{SEASONS[s]})"


def candidates() -> list[int]:
    """The 15 models of a search, by trend, season and error: no multiplicative trend, no additive error with a multiplicative season."""
    return [number(e, t, s) for t in (0, 1, 2) for s in (0, 1, 2) for e in (0, 1) if (e, s) != (0, 2)]


def fallbacks(asked: Triple) -> list[int]:
    """What was asked for, and then what is nearest to it, for series that do not allow it: plainer season, error, trend in turn."""
    error, trend, season = asked
    trends = {0: [0], 1: [1, 0], 2: [2, 1, 0], 3: [3, 1, 0], 4: [4, 2, 1, 0]}[trend]
    seasons = {0: [0], 1: [1, 0], 2: [2, 1, 0]}[season]
    errors = [1, 0] if error else [0]
    out = [number(*asked)]
    for t in trends:
        for s in seasons:
            for e in errors:
                code = number(e, t, s)
                if code not in out and (e, s) != (0, 2):
                    out.append(code)
    return out


def has_formula(code: int) -> bool:
    """Whether the variances of its forecasts are known in closed form, or nearly; else paths are simulated."""
    e, t, s = triple(code)
    return t < 3 and (e, s) != (0, 2)
