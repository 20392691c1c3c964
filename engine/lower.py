"""A plan to pipelines: source, transforms, sink. The tree is cut at every sink."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..planner import explain as plan_text
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
    Project,
    Rename,
    Scan,
    Sort,
    Tail,
)
from ..planner.text import QueryError, error, locate
from .notes import At
from .operators.filter import FilterTransform
from .operators.project import ProjectTransform, SelectTransform
from .scheduler import PipelineSpec, Tag

Lowerings = Mapping[type[Node], Any]  # node type -> command with `lower`


def at_of(node: Node) -> At:
    return At(node.stage, node.name, node.span)


def is_sink(operator: Any) -> bool:
    return hasattr(operator, "combine")


@dataclass(slots=True)
class Lowering:
    """One query being lowered. `again`: optimises what a Pending stage bound; `told`: takes its notes."""

    lowerings: Lowerings
    again: Callable[[Node], Node]
    told: Callable[[Sequence[Any]], None] = lambda notes: None
    figures: Callable[[], Mapping[int, Any]] = dict  # metrics of operators by the id of their tag
    text: str = ""
    _n_tags: int = 0
    specs: list[PipelineSpec] = field(default_factory=list)
    nodes: dict[int, Node] = field(default_factory=dict)  # by the id of the operator's tag

    def tag(self, node: Node) -> Tag:
        self._n_tags += 1
        self.nodes[self._n_tags] = node
        return Tag(self._n_tags, type(node).__name__, node.stage, node.name, node.span)

    def pipelines(self, plan: Node) -> list[PipelineSpec]:
        """All pipelines of a plan; the last one feeds the result."""
        self._chain(plan, None)
        return self.specs

    def _chain(self, plan: Node, here: Any, close: Any = None) -> None:
        """Lowers from the source of `plan` to its end. `here`: the source that a Here node stands for."""
        nodes = [plan]
        while nodes[-1].inputs:
            nodes.append(nodes[-1].inputs[0])
        nodes.reverse()
        first = nodes[0]
        source, after = self._source(first, here)
        spec = PipelineSpec(source=source, transforms=[], sink=None, source_tag=self.tag(first), after=after)
        for node in nodes[1:]:
            if isinstance(node, Pending):
                self._pend(node)
                return
            tag = self.tag(node)
            operators = self._operators(node)
            for operator in operators:
                if not is_sink(operator):
                    spec.transforms.append((operator, tag))
                    continue
                spec.sink = (operator, tag)
                self.specs.append(spec)
                done = len(self.specs) - 1
                spec = PipelineSpec(
                    source=operator.result,
                    transforms=[],
                    sink=None,
                    source_tag=tag,
                    after=(done,),
                    is_result_of_sink=True,
                )
        if close is not None:
            spec.sink = (close, None)
        self.specs.append(spec)

    def _pend(self, node: Pending) -> None:
        """The rest is bound and lowered when the sink before it is done and its columns are known."""
        last = self.specs[-1]

        def then(source: Any, ctx: Any) -> list[PipelineSpec]:
            plan, notes = node.rest(source.schema)
            self.told(notes)
            self.specs = []
            self._chain(self.again(plan), source)
            return self.specs

        last.then = then

    def _source(self, node: Node, here: Any) -> tuple[Any, tuple[int, ...]]:
        if isinstance(node, Scan):
            try:
                return node.relation.scan(node.request), ()
            except QueryError as found:
                raise locate(found, "", node.stage, node.name, node.span) from found.__cause__
        if isinstance(node, Here):
            assert here is not None
            return here, ()
        if isinstance(node, Explain):
            return self._explain(node)
        return self.lowerings[type(node)].lower(node), ()

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
                return [
                    SelectTransform(
                        [before.index(n) if n in before else None for n in node.schema.names()], node.schema
                    )
                ]
            case Rename():
                sources = node.sources()
                return [SelectTransform([before.index(sources[n]) for n in node.schema.names()], node.schema)]
            case Limit():
                from .operators.limit import LimitTransform

                return [LimitTransform(node.count, node.offset, at, _is_next_near(node))]
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

            return [AggregateSink(node, before, at, node.sorted)]
        made = self.lowerings[type(node)].lower(node)
        return made if isinstance(made, list) else [made]

    # explain

    def _explain(self, node: Explain) -> tuple[Any, tuple[int, ...]]:
        """The rows of a plan; with `analyze` its pipelines run first, in this same query."""
        from .operators.discard import DiscardSink
        from .operators.explain import plan_rows

        plan = self.again(node.plan)
        if not node.analyze:
            return plan_rows(plan, {}), ()
        first = len(self.nodes)
        before = len(self.specs)
        self._chain(plan, None, close=DiscardSink())
        inner = {i: n for i, n in self.nodes.items() if i > first}
        done = len(self.specs) - 1
        assert done >= before

        def rows(ctx: Any) -> Any:
            figures = {m.tag.id: m for m in ctx.query.figures()}
            return plan_rows(plan, {id(n): figures[i] for i, n in inner.items() if i in figures})

        return rows, (done,)


def _is_next_near(limit: Limit) -> bool:
    """Whether the next row comes without a search: each row of the source is one here, and none is waited for."""
    below = limit.inputs[0]
    while isinstance(below, Limit) or below.lets_limit_through():
        below = below.inputs[0]
    if isinstance(below, Scan):
        return not below.request.filters and not getattr(below.relation, "is_live", False)
    return below.blocking


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
