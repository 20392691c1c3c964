"""The frames that options ask for: `span`, `rows`, `before`, `after`; of Splunk `window`, `time_window`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..planner import ast
from .base import Args
from .windowing import read_time, texts_of

if TYPE_CHECKING:
    from ..engine.operators.window.spec import Frame, Length

NS = 1000
SIDES = ("before", "after")
LISTS = ("span", "rows", "time_window", "window")
Bound = int | ast.Duration | None


class Frames:
    """The frames that a stage's options ask for, each with the text that a list adds to its name."""

    def __init__(self, args: Args) -> None:
        self.args = args
        self.by_time = False
        self.time: str | None = None
        self._ticks = NS

    def read(self) -> list[tuple[Frame, str]]:
        from ..engine.operators.window.spec import Frame

        given = [o for o in (*SIDES, *LISTS) if self.args.given(o)]
        self._one_kind(given)
        bounds = self._bounds(given)
        self.by_time = any(isinstance(b, ast.Duration) for pair, _ in bounds for b in pair)
        if self.by_time:
            self.time, kind = read_time(self.args)
            self._ticks = 1 if kind.unit == "ns" else NS
        self._check(given)
        if self.by_time:
            return [(self._timed(*pair, given), text) for pair, text in bounds]
        sees = self.args.option("current")
        return [(_counted(Frame, *pair, sees), text) for pair, text in bounds]

    def _one_kind(self, given: list[str]) -> None:
        lists = [o for o in given if o in LISTS]
        if lists and len(given) > 1:
            other = next(o for o in given if o != lists[0])
            self.args.abort(
                "E311",
                f"'{lists[0]}' and '{other}' are two frames",
                self.args.option_span(other),
                hint="give one of them",
            )

    def _bounds(self, given: list[str]) -> list[tuple[tuple[Bound, Bound], str]]:
        """Before and after; None: without end."""
        args = self.args
        if not given:
            return [((None, 0), "")]
        name = given[0]
        if name in SIDES:
            before, after = (self._side(o) for o in SIDES)
            if before is not None and after is not None and isinstance(before, int) != isinstance(after, int):
                args.abort(
                    "E311", "'before' and 'after' are of one kind: rows or lengths of time", args.option_span("after")
                )
            zero: Bound = 0 if isinstance(before if before is not None else after, int) else ast.Duration()
            return [((zero if before is None else before, zero if after is None else after), "")]
        if name == "window":  # of one length; 0, as Splunk has it: all rows
            length = self._side(name)
            return [((None if length == 0 else self._trailing(length), 0), "")]
        values = _values(args.option(name))
        if not values:
            args.abort("E311", f"'{name}' is empty", args.option_span(name))
        return [((self._trailing(v), 0), t) for v, t in zip(values, texts_of(args, name), strict=True)]

    def _trailing(self, length: Any) -> Bound:
        """So many rows are the row itself and those before it; without the row itself as many before it."""
        return length - 1 if isinstance(length, int) and self.args.option("current") else length

    def _side(self, option: str) -> Bound:
        value = self.args.option(option)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, float) or (isinstance(value, int) and value < 0):
            hint = "it takes a whole number of 0 or more, or a duration"
            self.args.abort("E311", f"'{option}' cannot be {value}", self.args.option_span(option), hint=hint)
        return value  # type: ignore[no-any-return]

    def _check(self, given: list[str]) -> None:
        """What a frame has no use for is no option of it."""
        args = self.args
        if self.by_time and args.given("order"):
            args.fail(
                "E311", "a frame of time goes by the row's time", args.option_span("order"), hint="time=F says which"
            )
        if self.by_time and args.option("ties") == "row" and "after" in given:
            args.fail("E311", "ties=row is for frames that end at the row", args.option_span("ties"))
        if not self.by_time and args.given("closed"):
            hint = (
                "current=f leaves out the row itself" if args.option("closed") == "left" else "span= is a frame of time"
            )
            args.fail("E311", "'closed' is of the ends of a stretch of time", args.option_span("closed"), hint=hint)
        if not self.by_time and args.given("ties"):
            told = f"ties={args.option('ties')} is for frames of time"
            args.fail("E311", told, args.option_span("ties"), hint="span= is one")
        most = self._most_rows(given)
        if most is not None and args.given("min") and args.option("min") > most:
            args.fail("E311", f"a frame of {most} rows never has {args.option('min')} values", args.option_span("min"))

    def _most_rows(self, given: list[str]) -> int | None:
        if self.by_time or not given:
            return None
        values = [self.args.option(o) for o in given]
        if any(isinstance(v, ast.Duration) for v in values):
            return None
        if given[0] in SIDES:
            return sum(int(v) for v in values) + bool(self.args.option("current"))
        return min((r for v in values for r in _values(v)), default=0) or None

    def _timed(self, before: Any, after: Any, given: list[str]) -> Frame:
        from ..engine.operators.window.spec import Frame, Length

        args = self.args
        closed = args.option("closed")
        return Frame(
            by_time=True,
            before=self._length(before, given),
            after=self._length(after, given) if after else Length(),
            open_low=closed in ("right", "none"),
            open_high=closed in ("left", "none"),
            own_time=args.option("ties") == "all",
            sees_self=args.option("current"),
        )

    def _length(self, value: ast.Duration, given: list[str]) -> Length:
        from ..engine.operators.window.spec import Length

        if value.ns % self._ticks:
            args = self.args
            blamed = next(o for o in given if value in _values(args.option(o)))
            args.abort("E311", "times of microseconds have no lengths of nanoseconds", args.option_span(blamed))
        return Length(value.months, value.ns // self._ticks)


def _values(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _counted(make: Any, before: Any, after: Any, sees_self: bool) -> Frame:
    """Without the row itself a trailing frame is as long, and ends before it."""
    if sees_self:
        return make(before=before, after=after)  # type: ignore[no-any-return]
    if after == 0:
        return make(before=before, after=-1)  # type: ignore[no-any-return]
    if before == 0:
        return make(before=-1, after=after)  # type: ignore[no-any-return]
    return make(before=before, after=after, sees_self=False)  # type: ignore[no-any-return]
