"""A plan to pipelines: source, transforms, sink. The tree is cut at every sink.

A join's right side is lowered before the line that it stands in: when its rows are in a table, `then` lowers the rest of the
line. So is what stands behind a stage whose columns the data decides, or behind a subquery that gives parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from typing import Any, Protocol

from ..planner import explain as plan_text
from ..planner.combine import Given, Union, has_side
from ..planner.plan import (
    Aggregate,
    Explain,
    Fetch,
    Filter,
    Here,
    Keep,
    Limit,
    Node,
    Pending,
    Procedure,
    Project,
    Rename,
    Sample,
    Scan,
    Settle,
    Sort,
    Tail,
    rebuilt,
)
from ..planner.records import dataclass
from ..planner.text import QueryError, error, locate
from ..planner.types import Schema
from .became import Became
from .branches import Branch, Branches, behind
from .foresight import is_next_near, is_order_free, needs_its_own_line
from .fusion import ask_for_captures, group_at_scan
from .latevalues import FirstRow, with_values
from .notes import At
from .operators.compute import ComputeTransform
from .operators.filter import FilterTransform
from .operators.project import ProjectTransform, SelectTransform, derived
from .scheduler import PipelineSpec, Tag

Specs = list[PipelineSpec]
Then = Callable[[Any, Any, PipelineSpec], Specs]  # the sink's result, a context, the pipeline that ends in the sink


class Lowerings(Protocol):
    """The command that has `lower` for a type of node."""

    def __getitem__(self, node: type[Node], /) -> Any: ...


def at_of(node: Node) -> At:
    return At(node.stage, node.name, node.span)


def is_sink(operator: Any) -> bool:
    return hasattr(operator, "combine")


@dataclass(frozen=True, slots=True)
class Close:
    """What takes the rows of a line: a sink, or with None the query's result. `then`: see PipelineSpec.

    `collects`: the sink keeps the rows as they are, so where `then` takes them a line that ends in a sink needs no other.
    """

    sink: Any = None
    tag: Tag | None = None
    then: Then | None = None
    later: int = 2
    collects: bool = False
    through: tuple[tuple[Any, Tag], ...] = ()  # operators in front of it
    keeps: tuple[PipelineSpec, ...] = ()  # see PipelineSpec


@dataclass(frozen=True, slots=True)
class Line:
    """A pipeline in the making: where its rows come from, and what they went through so far.

    `after`: indices in the list that it goes to. `branches`: what its source is made of, behind a union.
    """

    source: Any
    tag: Tag
    after: tuple[int, ...] = ()
    giver: PipelineSpec | None = None
    transforms: tuple[tuple[Any, Tag], ...] = ()
    is_result: bool = False
    branches: tuple[Branch, ...] = ()

    def through(self, operator: Any, tag: Tag) -> Line:
        return replace(self, transforms=(*self.transforms, (operator, tag)))

    def spec(self, close: Close) -> PipelineSpec:
        spec = PipelineSpec(
            source=self.source, transforms=[*self.transforms, *close.through], source_tag=self.tag, after=self.after, giver=self.giver,
            sink=None if close.sink is None else (close.sink, close.tag), is_result_of_sink=self.is_result,
        )  # fmt: skip
        follow(spec, close)
        return spec


def offer(operator: Any, source: Any, between: Sequence[Any]) -> None:
    """A source may do some of the work of a filter, of groups, or of a sort with a limit, that stand on it.

    Where these, and what stands between, cost little a row it may give larger batches.
    """
    if hasattr(operator, "keys_alone") and hasattr(source, "join"):  # noqa: SIM102
        if all(getattr(o, "is_quick", False) for o in (operator, *between)):
            source.join()
    if isinstance(operator, FilterTransform) and not between:
        operator.offer(source)
    elif hasattr(operator, "keys_alone") and hasattr(source, "code") and not between:
        source.code(operator.keys_alone())
    elif hasattr(operator, "watch") and all(getattr(t, "is_silent", False) for t in between):
        operator.watch(source)


def follow(spec: PipelineSpec, close: Close) -> None:
    """What `close` wants to be done when the pipeline is."""
    if close.then is not None:
        then = close.then
        spec.then, spec.later, spec.keeps = (lambda found, ctx: then(found, ctx, spec)), close.later, close.keeps


def _kept(line: Line, specs: Specs) -> tuple[PipelineSpec, ...]:
    """What a line reads that goes on only when another plan is done, which may take several pipelines."""
    return tuple(specs[i] for i in line.after)


@dataclass(slots=True)
class Lowering:
    """One query being lowered. `again`: optimises what a Pending stage bound; `told`: takes its notes."""

    lowerings: Lowerings
    again: Callable[[Node], Node]
    told: Callable[[Sequence[Any]], None] = lambda notes: None
    figures: Callable[[], Mapping[int, Any]] = dict  # metrics of operators by the id of their tag
    text: str = ""
    _n_tags: int = 0
    _n_slots: int = 0
    nodes: dict[int, Node] = field(default_factory=dict)  # by the id of the operator's tag
    became: Became = field(default_factory=Became)
    _finders: dict[int, Any] = field(default_factory=dict)  # of Settle nodes: an operator with the fields it `found`
    _here: dict[int, tuple[Any, PipelineSpec | None]] = field(default_factory=dict)  # rows that Here nodes stand for

    def tag(self, node: Node) -> Tag:
        self._n_tags += 1
        self.nodes[self._n_tags] = node
        return Tag(self._n_tags, type(node).__name__, node.stage, node.name, node.span)

    def pipelines(self, plan: Node) -> Specs:
        """All pipelines of a plan that are known before it runs."""
        specs: Specs = []
        self._plan(plan, specs, Close())
        return specs

    # a plan, from its source to what takes its rows

    def _plan(self, plan: Node, specs: Specs, close: Close, after: tuple[int, ...] = ()) -> None:
        """Appends the plan's pipelines. `after`: what must be complete before any of it begins."""
        nodes = [plan]
        while nodes[-1].inputs and not isinstance(nodes[-1], Pending | Given):
            nodes.append(nodes[-1].inputs[0])
        nodes.reverse()
        if isinstance(given := nodes[0], Given):  # a rule may have moved a stage into a subquery, above it
            whole = replace(given, inputs=(rebuilt(nodes[1:], given.inputs[0]), *given.inputs[1:]))
            self.became.replaced(plan, whole)
            self._given(whole, specs, close, after, 0, {})
            return
        if isinstance(nodes[0], Pending):
            self._pend(nodes, specs, close, after)
            return
        self._line(nodes, 1, self._source(nodes[0], specs, after), specs, close)

    def _line(self, nodes: list[Node], i: int, line: Line, specs: Specs, close: Close) -> None:
        """The rest of a line, from node i on."""
        while i < len(nodes):
            node = nodes[i]
            if has_side(node):
                self._sided(nodes, i, node, line, specs, close)
                return
            if not isinstance(node, Procedure):  # which is but a name for the stages below it
                is_first = not line.transforms
                before = [n for n in nodes[1:i] if not isinstance(n, Procedure)]
                line = (
                    self._union(node, line, specs) if isinstance(node, Union) else self._through(node, line, specs, before)
                )  # fmt: skip
                if is_first and line.transforms:
                    ask_for_captures(line.source, line.transforms[0][0], nodes[i + 1 :])
            i += 1
        if close.collects:
            is_held = line.giver is not None and specs and specs[-1] is line.giver and not line.transforms
            if is_held and close.then is not None:  # whoever waits is given the rows by the sink that has them
                follow(specs[-1], close)
                return
            close.sink.schema = nodes[-1].schema
        elif isinstance(close.sink, FirstRow):
            close.sink.schema = nodes[-1].schema
        specs.append(line.spec(close))

    def _through(self, node: Node, line: Line, specs: Specs, before: Sequence[Node] = ()) -> Line:
        """`before`: the nodes that the line went through since its source."""
        tag = self.tag(node)
        if type(node) is Aggregate and line.transforms and isinstance(last := line.transforms[-1][0], ComputeTransform):
            last.code(node.only_keys())
        for operator in self._operators(node):
            offer(operator, line.source, [t for t, _ in line.transforms])
            if before and len(before) == len(line.transforms):
                group_at_scan(line.source, line.transforms[0][0], operator, before[1:], node)
            line = self._on(operator, tag, line, specs)
        return line

    def _sunk(self, sink: Any, tag: Tag, line: Line, specs: Specs) -> Line:
        """The line ends in a sink; what follows begins at its result."""
        specs.append(spec := line.spec(Close(sink, tag)))
        return Line(sink.result, tag, (len(specs) - 1,), spec, is_result=True)

    def _source(self, node: Node, specs: Specs, after: tuple[int, ...]) -> Line:
        tag = self.tag(node)
        if isinstance(node, Scan):
            try:
                return Line(node.relation.scan(node.request), tag, after)
            except QueryError as found:
                raise locate(found, "", node.stage, node.name, node.span) from found.__cause__
        if isinstance(node, Here):
            source, giver = self._here[node.slot]
            of = giver.sink[1] if giver is not None and giver.sink is not None else None
            return Line(source, of or tag, after, giver, is_result=True)  # rows that leave whoever has them
        if isinstance(node, Explain):
            return self._explain(node, tag, specs, after)
        return Line(self.lowerings[type(node)].lower(node), tag, after)

    # what must run before the rest is known

    def _sided(self, nodes: list[Node], i: int, node: Node, line: Line, specs: Specs, close: Close) -> None:
        """A stage whose side is taken whole before the line goes on through it; its command says how."""
        tag, run = self.tag(node), self.lowerings[type(node)].lower(node)
        for operator in run.before:
            line = self._on(operator, tag, line, specs)

        def then(taken: Any, ctx: Any, spec: PipelineSpec) -> Specs:
            is_strict = ctx.settings.strict  # the first row that is refused is told in order
            ordered = is_strict or not is_order_free(nodes[i + 1 :])
            made: Specs = []
            here = replace(line, after=())
            for operator in run.left(taken, ordered):
                here = self._on(operator, tag, here, made)
            self._line(nodes, i + 1, here, made, close)
            return made

        *through, sink = run.right
        before = tuple((t, tag) for t in through)
        self._right(node.inputs[1], specs, Close(sink, tag, then, _later(nodes, i), through=before), line)

    def _on(self, operator: Any, tag: Tag, line: Line, specs: Specs) -> Line:
        return self._sunk(operator, tag, line, specs) if is_sink(operator) else line.through(operator, tag)

    def _right(self, plan: Node, specs: Specs, close: Close, line: Line) -> None:
        """The pipelines of a second input. What the line waits with is kept until they are done."""
        self._plan(plan, specs, replace(close, keeps=_kept(line, specs)), line.after)

    def _pend(self, nodes: list[Node], specs: Specs, close: Close, after: tuple[int, ...]) -> None:
        """The rest is bound and lowered when the sink before it is done and its columns are known."""
        from .operators.collect import CollectSink

        pending = nodes[0]
        assert isinstance(pending, Pending)
        waited = pending.inputs[0]

        def then(source: Any, ctx: Any, spec: PipelineSpec) -> Specs:
            self._n_slots += 1
            slot = self._n_slots
            self._here[slot] = source, spec
            finder = self._finders.get(id(waited))
            plan, notes = pending.rest(source.schema, slot, finder.found if finder is not None else Schema())
            self.told(notes)
            made: Specs = []
            whole = rebuilt(nodes[:0:-1], self.again(plan))
            self.became.pending(nodes[-1], whole, waited, slot)
            self._plan(whole, made, close)
            return made

        if isinstance(waited, Sample):  # its rows are looked at, and read again later
            from .operators.discard import DiscardSink

            before = len(specs)
            self._plan(waited, specs, Close(DiscardSink(), self.tag(waited), then), after)
            for spec in specs[before:]:
                spec.is_look = spec.is_result_of_sink = True
            return
        sink = CollectSink(at_of(waited))
        self._plan(waited, specs, Close(sink, self.tag(waited), then, collects=True), after)

    def _given(
        self, plan: Given, specs: Specs, close: Close, after: tuple[int, ...], i: int, known: dict[str, Any]
    ) -> None:  # fmt: skip
        """Subquery i, whose first row gives parameters; then the next, at last the plan."""
        if i == len(plan.names):
            whole = plan.inputs[0]
            if plan.rest is not None:
                whole, notes = plan.rest({key: kind for key, (_, kind) in known.items()})
                self.told(notes)
            whole = self.again(with_values(whole, known)) if known else whole
            self.became.replaced(plan.inputs[0], whole)
            self._plan(whole, specs, close, after)
            return
        node = with_values(plan.inputs[i + 1], known) if known else plan.inputs[i + 1]
        self.became.replaced(plan.inputs[i + 1], node)
        setter = plan.setters[i]
        at = At(setter.number, setter.command, setter.span) if isinstance(node, Pending) else at_of(node)
        first = FirstRow(plan.names[i], at)

        def then(found: Any, ctx: Any, spec: PipelineSpec) -> Specs:
            made: Specs = []
            self._given(plan, made, close, (), i + 1, known | found)
            return made

        self._plan(node, specs, Close(first, self.tag(node), then), after)

    # several lines that become one

    def _union(self, node: Union, line: Line, specs: Specs) -> Line:
        """The rows of each input in turn: one pipeline whose partitions are those of all, each through its own operators."""
        from .operators.union import AlignTransform

        tag = self.tag(node)
        line = self._unended(line, node, specs)
        first = line.branches or (Branch(line.source, line.tag),)
        branches, groups, after = list(first), [first], list(line.after)
        transforms: list[tuple[Any, Tag]] = [(behind(t, first), g) for t, g in line.transforms]
        for below in node.inputs[1:]:
            before = len(specs)
            part = self._branch(below, specs)
            after += range(before, len(specs))
            theirs = part.branches or (Branch(part.source, part.tag),)
            branches += theirs
            groups.append(theirs)
            transforms += [(behind(t, theirs), g) for t, g in part.transforms]
        transforms.append((AlignTransform(node, groups, at_of(node)), tag))
        return Line(
            Branches(branches).ready, line.tag, tuple(dict.fromkeys(after)), None, tuple(transforms),
            is_result=line.is_result, branches=tuple(branches),
        )  # fmt: skip

    def _branch(self, plan: Node, specs: Specs) -> Line:
        """The plan of a subquery as a line of its own; one that is not known before it runs is collected first."""
        from .operators.collect import CollectSink

        nodes = [plan]
        while nodes[-1].inputs:
            nodes.append(nodes[-1].inputs[0])
        if any(isinstance(n, Pending | Given) or has_side(n) for n in nodes):
            tag, sink = self.tag(plan), CollectSink(at_of(plan))
            self._plan(plan, specs, Close(sink, tag, collects=True))
            return Line(sink.result, tag, is_result=True)
        nodes.reverse()
        line = self._source(nodes[0], specs, ())
        for node in nodes[1:]:
            if not isinstance(node, Procedure):
                line = self._union(node, line, specs) if isinstance(node, Union) else self._through(node, line, specs)
        return self._unended(line, plan, specs)

    def _unended(self, line: Line, last: Node, specs: Specs) -> Line:
        """The line such that nothing in it ends its source or holds rows back: the source has other branches, too."""
        from .operators.collect import CollectSink

        if not any(map(needs_its_own_line, (t for t, _ in line.transforms))):
            return line
        below = last.inputs[0] if isinstance(last, Union) else last
        sink = CollectSink(at_of(below))
        sink.schema = below.schema
        return self._sunk(sink, self.tag(below), line, specs)

    # operators

    def _operators(self, node: Node) -> list[Any]:
        before, at = node.inputs[0].schema, at_of(node)
        match node:
            case Filter():
                carried = None if node.carried is None else [before.index(n) for n in node.carried]
                predicate = node.predicate.expr if node.predicate else None
                return [FilterTransform(predicate, before, at, node.limit, carried)]
            case Project():
                return [ProjectTransform(node.assigns, before, at)]
            case Keep():
                places = [before.index(n) if n in before else None for n in node.schema.names()]
                return [SelectTransform(places, node.schema, is_silent=True)]
            case Rename():
                sources = node.sources()
                return [SelectTransform([before.index(sources[n]) for n in node.schema.names()], node.schema)]
            case Limit():
                from .operators.limit import LimitTransform

                return [LimitTransform(node.count, node.offset, at, is_next_near(node.inputs[0]))]
            case Tail():
                from .operators.limit import TailSink

                return [TailSink(node.count, node.schema, at)]
            case Sort():
                return [_sort(node, at)]
            case Fetch():
                from .operators.fetch import FetchSink

                return [FetchSink(node, at)]
        if type(node) is Aggregate:
            from .operators.aggregate import AggregateSink

            return [AggregateSink(node, before, at, node.sorted), *derived(node, at)]
        if isinstance(node, Settle):
            finder = self._finders[id(node)] = self.lowerings[type(node.opens)].lower(node)
            return [finder, SelectTransform([before.index(n) for n in node.schema.names()], node.schema)]
        made = self.lowerings[type(node)].lower(node)
        return made if isinstance(made, list) else [made]

    # explain

    def _explain(self, node: Explain, tag: Tag, specs: Specs, after: tuple[int, ...]) -> Line:
        """The rows of a plan; with `analyze` its pipelines run first, in this same query."""
        from .operators.discard import DiscardSink
        from .operators.explain import plan_rows

        plan = self.again(node.plan)
        if not node.analyze:
            return Line(plan_rows(self.became.in_order(plan), {}), tag, after)
        before = len(specs)
        self._plan(plan, specs, Close(DiscardSink()), after)

        def rows(ctx: Any) -> Any:
            figures = {m.tag.id: m for m in ctx.query.figures()}
            told = {id(n): figures[i] for i, n in self.nodes.items() if i in figures}
            return plan_rows(self.became.in_order(plan), told)

        return Line(rows, tag, tuple(range(before, len(specs))))


def _later(nodes: Sequence[Node], i: int) -> int:
    """How many sinks may live at once behind node i of a line."""
    return 2 + sum(map(has_side, nodes[i + 1 :]))


def _sort(node: Sort, at: At) -> Any:
    from .operators.sort import SortSink
    from .operators.topk import TopKSink

    schema = node.inputs[0].schema
    return TopKSink(node, schema, at) if node.limit is not None and not node.by else SortSink(node, schema, at)


def explain_lines(before: Node, after: Node) -> str:
    """Both trees, as written and optimised."""
    return f"as written\n{plan_text.explain(before)}\n\noptimised\n{plan_text.explain(after)}"


def internal(why: BaseException, text: str) -> QueryError:
    """A fault of ours, told as such."""
    from ..planner.text import Fault, Span

    if isinstance(why, RecursionError):
        return error(text, [Fault(code="E201", message="brackets are nested too deeply", span=Span(0, len(text)))])
    said = f"{type(why).__name__}: {why}"
    return error(
        text, [Fault(code="E901", message=f"an internal error, please report it: {said}", span=Span(0, len(text)))]
    )
