"""What lowering hands to the scheduler."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field
from typing import Any, TypeAlias

from ..planner.records import dataclass
from ..planner.text import Span
from .context import Context
from .operator import Sink, Source, Transform


@dataclass(frozen=True, slots=True)
class Tag:
    """Whose work an operator does. Operators of one plan node share its `id`, and their figures add up."""

    id: int
    operator: str
    stage: str = ""
    command: str = ""
    span: Span = field(default=Span(0, 0), compare=False)


MakeSource: TypeAlias = "Source | Callable[[Context], Source]"


@dataclass(slots=True, kw_only=True)
class PipelineSpec:
    """Source -> transforms -> sink.

    `source`: a callable is called when the pipelines in `after` are complete, with those that their `then` gave.
    `after`: indices into the same list; smaller than the pipeline's own. `sink` None: the query's result, one a query; its tag
    None: nobody's work.
    `then`: called with the sink's result, which need not be a source; gives more pipelines (indices into the list it returns).
    """

    source: MakeSource
    transforms: list[tuple[Transform[Any], Tag]]
    sink: tuple[Sink[Any], Tag | None] | None
    source_tag: Tag
    after: tuple[int, ...] = ()
    then: Callable[[Source, Context], list[PipelineSpec]] | None = None
    later: int = 2  # with `then`: sinks of what follows that live at once with this one's, at most
    keeps: tuple[
        PipelineSpec, ...
    ] = ()  # of the same list, whose results what `then` gives reads, besides those in `after`
    giver: PipelineSpec | None = None  # whose sink gives its rows, perhaps of another list
    is_look: bool = False  # its rows are read again: nothing that happens to them is told
    is_result_of_sink: bool = False  # its rows are those that a sink took, so they do not count as read


def n_sinks_at_once(specs: Sequence[PipelineSpec]) -> int:
    """How many sinks hold memory at the same time, at most.

    In a chain that is one that gives its rows and one that takes them; each pipeline that begins at data of its own may
    add as many. A part of the plan that is not known yet may have sinks as well.
    """
    n_unknown = sum(s.later for s in specs if s.then is not None)
    n_sinks = sum(s.sink is not None for s in specs) + n_unknown
    return min(n_sinks, 2 * sum(not s.after for s in specs) + max(0, n_unknown - 1))
