"""What `window`, `streamstats` and `eventstats` share: the node, its frames, and how options are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from ..planner import ast, option_values
from ..planner.expr import Call, Expr, FieldRef, fields_of
from ..planner.plan import AggCall, Derived, Names, Order, is_hidden
from ..planner.records import dataclass
from ..planner.types import DATE, STRING, Schema, Type
from ..planner.unparse import stage_text
from .base import Args, Node, Option, kinds
from .rowtime import row_time

if TYPE_CHECKING:
    from ..engine.operators.window.spec import Frame, Program
    from .frames import Frames

FRAME_OPTIONS = (
    Option("span", kinds.DURATIONS, "rows of this length of time up to the row's own; a list makes a column for each"),
    Option("rows", kinds.INTS, "so many rows, the row itself with them; a list makes a column for each", least=1),
    Option("before", kinds.NUMBER_OR_DURATION, "the frame begins so many rows, or so long, before the row"),
    Option("after", kinds.NUMBER_OR_DURATION, "the frame ends so many rows, or so long, behind the row"),
    Option("closed", ("both", "left", "right", "none"), "which ends of a stretch of time belong to it", default="both"),
    Option("ties", ("all", "row"), "row: of its own time a row sees itself and those before it", default="all"),
    Option("min", kinds.INT, "with fewer values that are not null the result is null", default=1, least=0),
    Option("current", kinds.BOOL, "f: the row itself is left out of its frame", default=True),
    Option("time", kinds.FIELD, "the time of a row; default _time, or the only date field"),
    Option("order", kinds.FIELD, "the order of rows for frames that count rows; default input order"),
)


@dataclass(frozen=True, slots=True)
class Framed:
    """One column: a call, and the number of its frame."""

    call: AggCall
    frame: int
    by_time: bool  # the order of its rows is that of time


@dataclass(frozen=True, slots=True, kw_only=True)
class Window(Node):
    """Adds `columns`; a name that is there already is overwritten in place. Rows and their order stay.

    `time`: the field of the row's time, where anything goes by it.
    """

    columns: tuple[Framed, ...]
    frames: tuple[Frame, ...]
    by: tuple[str, ...]
    time: str | None = None
    sort: str | None = None
    least: int = 1
    is_pruned: bool = field(default=False, compare=False, repr=False)  # columns were left out since it was written
    command = "window"
    blocking = True
    order = Order.NEEDS

    def derive(self) -> Schema:
        schema = self.inputs[0].schema
        for c in self.columns:
            schema = schema.put(c.call.name, c.call.type)
        return schema

    def text(self) -> str:
        if self.written is not None and not self.is_pruned:
            return stage_text(self.written)
        if not self.columns:
            return "bypass"
        options = [f"{o.name}={o.value}" for o in self.written.options] if self.written is not None else []
        by = ["by " + ", ".join(map(ast.quote_name, self.by))] if self.by else []
        return " ".join([self.name, *options, ", ".join(c.call.text() for c in self.columns), *by])

    def used(self) -> Names:
        found = frozenset(self.by) | {n for n in (self.time, self.sort) if n is not None}
        for c in self.columns:
            found |= c.call.fields()
        return found

    def needs(self, wanted: Names) -> Names:
        """A field that is overwritten is still asked for: it holds the place of the new one among the columns."""
        made = {c.call.name for c in self.columns} - frozenset(self.inputs[0].schema.names())
        return (wanted - made) | self.used()

    def prune(self, wanted: Names) -> Node:
        """Columns that nobody reads go, unless they tell of what they refuse. One stays that counts rows without a time."""
        kept = [c for c in self.columns if c.call.name in wanted or not is_silent(c.call)]
        if self.time is not None and not any(c.by_time for c in kept):
            kept += [c for c in self.columns if c.by_time][:1]
        return self if len(kept) == len(self.columns) else replace(self, columns=tuple(kept), is_pruned=True)

    def lets_filter_through(self, fields: Names) -> bool:
        """Whole groups may go first, where there is nothing to be told of their rows."""
        made = {c.call.name for c in self.columns}
        return fields <= frozenset(self.by) - made and self.refuses_nothing()

    def refuses_nothing(self) -> bool:
        return self.time is None and all(is_silent(c.call) for c in self.columns)


SILENT = frozenset({"lag", "lead", "row", "rank", "dense_rank", "ntile", "zscore"})


def is_silent(call: AggCall) -> bool:
    """Whether it never refuses a value."""
    from ..planner.rules.total import is_total, is_total_aggregate

    if call.function.name in SILENT or (call.function.name == "delta" and call.type.kind == "double"):
        return all(is_total(a.expr) for a in call.args)
    return is_total_aggregate(call)


def read_columns(
    args: Args, items: Sequence[ast.Item], frames: Sequence[tuple[Frame, str]], timed: bool
) -> tuple[Framed, ...]:
    """`frames` with what each adds to a name. `timed`: they go by time."""
    with args.known_fields():
        calls = args.aggregates(
            items, window=True, span=all(_has_length(f) for f, _ in frames), time=args.option("time")
        )
    out: list[Framed] = []
    derived = args.take_derived()
    parts = {n for d in derived for n in fields_of(d.value.expr)}
    for call in calls:
        chosen = frames[:1] if is_frameless(call) and call.name not in parts else frames
        for at, (_, suffix) in enumerate(chosen):
            name = f"{call.name}_{suffix}" if len(chosen) > 1 else call.name
            out.append(Framed(replace(call, name=name), at, timed or goes_by_time(call)))
    suffixes = [f"_{text}" for _, text in frames] if len(frames) > 1 else [""]
    args.put_derived(
        [_suffixed(d, suffix) for d in derived for suffix in suffixes],
        [o.call.name for o in out if is_hidden(o.call.name)],
    )
    named = [o.call for o in out]
    args.binder.distinct_columns(named, [c.parsed.span for c in named if not is_hidden(c.name)])
    return tuple(out)


def _suffixed(derived: Derived, suffix: str) -> Derived:
    """An expression over aggregates of one of several frames."""
    if not suffix:
        return derived

    def moved(e: Expr) -> Expr:
        if isinstance(e, FieldRef):
            return replace(e, name=e.name + suffix)
        return replace(e, args=tuple(map(moved, e.args))) if isinstance(e, Call) else e

    return replace(derived, name=derived.name + suffix, value=replace(derived.value, expr=moved(derived.value.expr)))


def window_node(args: Args, source: Node, frames: Frames, make: type[Window] = Window) -> Window:
    """The node of a stage whose frames are read from its options."""
    read = frames.read()
    with args.known_fields():
        items = args.items()
    columns = read_columns(args, items, read, frames.by_time)
    _all_obeyed(args, columns, frames.by_time)
    time = frames.time
    if time is None and any(c.by_time for c in columns):
        time = read_time(args)[0]
    if time is None and args.given("time") and not any(_adds_time(c.call) for c in columns):
        args.fail("E311", "nothing here goes by time", args.option_span("time"), hint="order=F puts rows in order")
    sort = args.option("order")
    if sort is not None:
        args.field(sort, span=args.option_span("order"), always=True)
    return make(
        **args.common,
        inputs=(source,),
        columns=columns,
        frames=tuple(f for f, _ in read),
        by=tuple(args.fields(args.many("by_names"), always=True)),
        time=time,
        sort=sort,
        least=args.option("min"),
    )


FRAMED = ("span", "rows", "before", "after", "window", "time_window", "closed", "ties", "current", "min")


def _all_obeyed(args: Args, columns: Sequence[Framed], timed: bool) -> None:
    """E311 for options of frames and order that none of the columns looks at."""
    calls = [c.call for c in columns]
    if not calls:
        return
    told = ", ".join(dict.fromkeys(c.function.name for c in calls))
    verb = "looks" if "," not in told else "look"
    if all(map(is_frameless, calls)):
        for option in (o for o in FRAMED if args.given(o) and not (o == "min" and any(map(_obeys_min, calls)))):
            args.fail("E311", f"{told} {verb} at no frame, so '{option}' changes nothing", args.option_span(option),
                      hint=f"leave {option}= out, or ask for an aggregate of the frame, such as avg(E)")  # fmt: skip
    elif args.given("min") and not any(map(_obeys_min, calls)):
        args.fail("E311", f"{told} is never null for want of values, so 'min' changes nothing", args.option_span("min"),
                  hint="leave min= out")  # fmt: skip
    if args.given("order") and not timed and all(c.by_time for c in columns):
        args.fail("E311", f"{told} {'goes' if verb == 'looks' else 'go'} by the row's time",
                  args.option_span("order"), hint="time=F says which")  # fmt: skip


def _obeys_min(call: AggCall) -> bool:
    from ..engine.operators.states.sums import Count

    state = state_of(call)
    if isinstance(state, Count):
        return False
    return not is_frameless(call) or bool(getattr(state, "needs_values", False))


def whole_node(args: Args, source: Node, make: type[Window]) -> Window:
    """The node of a stage whose frame is the whole group."""
    from ..engine.operators.window.spec import WHOLE

    with args.known_fields():
        calls = args.aggregates(args.items())
    args.binder.distinct_columns(calls, [c.parsed.span for c in calls])
    return make(
        **args.common,
        inputs=(source,),
        columns=tuple(Framed(c, 0, False) for c in calls),
        frames=(WHOLE,),
        by=tuple(args.fields(args.many("by_names"), always=True)),
        least=0,
    )


def _adds_time(call: AggCall) -> bool:
    """earliest, latest: the row's time is an argument that is not written."""
    return isinstance(call.parsed, ast.Call) and len(call.args) > len(call.parsed.args)


def _has_length(frame: Frame) -> bool:
    """Whether each row's frame is of one length in time."""
    from ..engine.operators.window.spec import Length

    ends = (frame.before, frame.after)
    lengths = [e for e in ends if isinstance(e, Length) and not e.months]
    return frame.by_time and len(lengths) == len(ends) and any(e.ticks for e in lengths)


def state_of(call: AggCall) -> Any:
    return call.function.state([a.type for a in call.args], call.data).make()


def is_frameless(call: AggCall) -> bool:
    """Whether it looks at no frame, so that one column does for several."""
    return bool(getattr(state_of(call), "frameless", False))


def goes_by_time(call: AggCall) -> bool:
    """Whether its rows must be in the order of time whatever its frame."""
    return bool(getattr(state_of(call), "by_time", False))


def read_time(args: Args) -> tuple[str, Type]:
    name, kind = row_time(args)
    return name, kind if kind.kind == "date" else DATE


def texts_of(args: Args, option: str) -> list[str]:
    """The values of a list as they were written."""
    raw = args.parsed.option(option)
    assert raw is not None
    given = args.option_param(option)
    if given is None:
        return [option_values.unquote(t) for t in option_values.split_list(option_values.unquote(raw.value))]
    if isinstance(given.value, str):
        return option_values.split_list(given.value)
    if given.type.item == STRING:
        return list(given.value)
    return [v.text() if isinstance(v, ast.Duration) else str(v) for v in args.option(option)]


# lowering


def program(node: Window) -> tuple[Any, Program]:
    """What evaluates arguments (None: nothing has to be), and what computes the columns."""
    from ..engine.operators.states.sums import Count
    from ..engine.operators.window.spec import Column, Program, Sorting

    before = node.inputs[0].schema
    exprs = arguments([f.call for f in node.columns], before)
    sortings: list[Sorting] = []
    columns = []
    for framed in node.columns:
        call = framed.call
        maker = call.function.state([a.type for a in call.args], call.data)
        state = maker.make()
        sorting = _sorting(node, framed, before, Sorting)
        if sorting not in sortings:
            sortings.append(sorting)
        columns.append(
            Column(
                maker=maker,
                args=tuple(exprs.place(a.expr) for a in call.args[: state.arity]),
                where=exprs.place(call.where.expr) if call.where is not None else None,
                type=call.type,
                sorting=sortings.index(sorting),
                frame=framed.frame,
                least=None if isinstance(state, Count) else node.least,
            )
        )
    made = Program(
        keys=tuple((before.index(n), before.type(n) or DATE) for n in node.by),
        sortings=tuple(sortings),
        frames=node.frames,
        columns=tuple(columns),
        types=(*(t for _, t in before.fields), *(c.expr.type for c in exprs.computed)),
        carried=len(before),
        places=tuple(node.schema.index(f.call.name) for f in node.columns),
        schema=node.schema,
    )
    return exprs.computed, made


def _sorting(node: Window, framed: Framed, before: Schema, make: Any) -> Any:
    if framed.by_time:
        assert node.time is not None
        return make(before.index(node.time), True)
    return make(before.index(node.sort)) if node.sort is not None else make()


def arguments(calls: Sequence[AggCall], schema: Schema) -> _Inputs:
    """Where the arguments and conditions of aggregates over rows of `schema` are to be found."""
    return _Inputs(calls, schema)


class _Inputs:
    """Expressions that are no fields get columns behind them; conditions first, so that they can guard arguments."""

    def __init__(self, calls: Sequence[AggCall], schema: Schema) -> None:
        from ..engine.operators.window.spec import Computed

        self._schema = schema
        self.computed: list[Computed] = []
        self._number: dict[Any, int] = {}
        for call in calls:
            if call.where is not None:
                self._enter(call.where.expr, Computed(call.where.expr))
        free = {a.expr for c in calls if c.where is None for a in c.args}
        for call in calls:
            for arg in call.args:
                if isinstance(arg.expr, FieldRef) and arg.expr.name in schema:
                    continue
                guards = tuple(
                    dict.fromkeys(
                        self._number[c.where.expr]
                        for c in calls
                        if c.where is not None and any(a.expr == arg.expr for a in c.args)
                    )
                )
                self._enter(arg.expr, Computed(arg.expr, () if arg.expr in free else guards))

    def _enter(self, expr: Any, computed: Any) -> None:
        if expr not in self._number:
            self._number[expr] = len(self.computed)
            self.computed.append(computed)

    def place(self, expr: Any) -> int:
        if expr in self._number:
            return len(self._schema) + self._number[expr]
        return self._schema.index(expr.name)


def lowered(node: Window) -> list[Any]:
    from ..engine.notes import At
    from ..engine.operators.window.inputs import InputsTransform
    from ..engine.operators.window.sink import WindowSink

    if not node.columns:
        return []
    at = At(node.stage, node.name, node.span)
    computed, made = program(node)
    sink = WindowSink(made, at)
    return [InputsTransform(computed, node.inputs[0].schema, at), sink] if computed else [sink]


__all__ = ["FRAME_OPTIONS", "Window", "lowered", "read_time", "texts_of", "whole_node", "window_node"]
