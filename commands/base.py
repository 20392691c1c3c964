"""What every command, function and aggregate is written against: `Command`, `@function`, `@aggregate`, `register`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import field, replace
from functools import cache
from typing import Any, ClassVar, Generic, TypeVar

from ..planner import options as kinds
from ..planner.bind import Args
from ..planner.catalog import MANY, AggregateFunction, CallBinder, Function
from ..planner.expr import Bound, Call, Expr, Literal
from ..planner.options import Option
from ..planner.plan import Node
from ..planner.records import dataclass
from ..planner.types import BOOL, DATE, DOUBLE, DURATION, LONG, STRING, Type, join
from .index import Index, import_all, read_index
from .shelf import Shelf

N = TypeVar("N", bound=Node)


@dataclass(frozen=True, slots=True)
class Example:
    """Runs as a test and is printed by help. `given`: tables by name, in the text form of spec files."""

    title: str
    query: str
    expect: str
    given: Mapping[str, str] = field(default_factory=dict)


class Command(Generic[N]):
    """One command of the language. The instance is shared by all queries: it keeps nothing."""

    name: ClassVar[str]
    summary: ClassVar[str]
    syntax: ClassVar[str] = ""  # as help prints it; made from grammar and options if empty
    grammar: ClassVar[str | None] = ""  # right side of its start rule: the positional part
    options: ClassVar[tuple[Option, ...] | None] = ()  # None: `key=value` is never read as an option
    open_options: ClassVar[bool] = False  # an unknown `key=` begins the positional part
    foreign: ClassVar[bool] = False  # behind a first name stands text of another language, up to the next pipe
    source: ClassVar[bool] = False
    anywhere: ClassVar[bool] = False  # begins a query or goes on with one: what the stage names decides
    control: ClassVar[bool] = False  # set, setq: runs before the first stage, is no operator
    tier: ClassVar[int] = 1
    details: ClassVar[str] = ""  # Markdown: what its reference page says of semantics, limits and notes
    examples: ClassVar[tuple[Example, ...]] = ()

    def bind(self, args: Args, source: Node | None) -> Node:
        raise NotImplementedError

    def lower(self, node: N) -> Any:
        """A Source, Transform or Sink for a node of this command's own; core nodes are lowered by the engine."""
        raise NotImplementedError

    @property
    def start(self) -> str:
        return "cmd_" + self.name.replace("-", "_")


class Lowerings:
    """Which command lowers a type of node."""

    def __init__(self) -> None:
        self.by_name: Shelf[Command[Any]] = Shelf("lowering")

    def enter(self, node: type[Node], command: Command[Any]) -> None:
        self.by_name.enter(_full_name(node), command)

    def __getitem__(self, node: type[Node]) -> Command[Any]:
        return self.by_name[_full_name(node)]


def _full_name(node: type[Node]) -> str:
    return f"{node.__module__}.{node.__qualname__}"


_COMMANDS: Shelf[Command[Any]] = Shelf("command")
_FUNCTIONS: Shelf[Function] = Shelf("function")
_AGGREGATES: Shelf[AggregateFunction] = Shelf("aggregate")
_LOWERINGS = Lowerings()
_SHELVES: tuple[Shelf[Any], ...] = (_COMMANDS, _FUNCTIONS, _AGGREGATES, _LOWERINGS.by_name)


class Registry:
    """All commands, functions and aggregates by name."""

    def __init__(self) -> None:
        self.commands: Mapping[str, Command[Any]] = _COMMANDS
        self.functions: Mapping[str, Function] = _FUNCTIONS
        self.aggregates: Mapping[str, AggregateFunction] = _AGGREGATES
        self.later_commands: dict[str, int] = {}  # reserved names: the tier they come with
        self.later_functions: dict[str, int] = {}
        self.later_aggregates: dict[str, int] = {}
        self.product: dict[str, str] = {}  # commands that belong to a product: the nearest thing here
        self.lowerings = _LOWERINGS
        self.grammar_mark = ""  # a hash of the whole grammar's text, where it is known without reading the commands


REGISTRY = Registry()


def register(cls: type[Command[Any]]) -> type[Command[Any]]:
    """Enter a command; refuses one that is not described."""
    command = cls()
    if not command.summary or (not command.examples and not command.control and command.name not in _NO_EXAMPLE):
        raise ValueError(f"command {command.name} needs a summary and an example")
    if any(not o.summary for o in command.options or ()):
        raise ValueError(f"command {command.name} has an option without a summary")
    _COMMANDS.enter(command.name, command)
    return cls


_NO_EXAMPLE = frozenset({"#"})


def lowers(node: type[Node]) -> Callable[[type[Command[Any]]], type[Command[Any]]]:
    """Says which node type a command's `lower` takes; stands above `register`."""

    def enter(cls: type[Command[Any]]) -> type[Command[Any]]:
        _LOWERINGS.enter(node, _COMMANDS[cls.name])
        return cls

    return enter


Returns = Type | Callable[[CallBinder], Type]
TEXT, NUMBER, PARSED, INTEGER, DATE_ARG, ANY_ARG, BOOL_ARG, DURATION_ARG = (
    "text", "number", "parsed", "integer", "date", "any", "bool", "duration",
)  # fmt: skip
"""How an argument is brought to a type before the kernel sees it (the binder inserts the cast):
text: anything becomes text. number: text is null, counted `type`. parsed: text is parsed, as in arithmetic.
integer: as number, then truncated to a long. date: anything else is null, counted `type`. any: as it is."""


def function(
    name: str,
    *,
    args: Sequence[str] = (),
    least: int | None = None,
    most: int | None = None,
    returns: Returns = STRING,
    syntax: str = "",
    summary: str = "",
    examples: Sequence[tuple[str, str]] = (),
    aliases: Sequence[str] = (),
    volatile: bool = False,
    special: bool = False,
    spans: Sequence[int] = (),
    operator: bool = False,
    group: str = "",
    tier: int = 1,
    details: str = "",
    codes: Callable[..., Any] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter a scalar function: `kernel(ev, *values)` over whole columns.

    `args`: a coercion a place; the last one repeats when `most` is larger. `returns`: a type, or a function of the call
    that checks what can be checked at bind (`call.fail("E307", ...)`) and may set `call.data`.
    `examples`: (expression, its value as a literal). `spans`: arguments taken as Spans where they are (-1: all).
    `details`: Markdown, what its reference page says beyond the summary. `codes(ev, *values)`: the same values as a
    dictionary, for grouping, or None, and then nothing was counted; its first argument is a field.
    """

    def enter(kernel: Callable[..., Any]) -> Callable[..., Any]:
        bind = returns if callable(returns) else (lambda call, kind=returns: kind)
        low = len(args) if least is None else least
        high = max(low, len(args)) if most is None else most
        for n in (name, *aliases):
            _FUNCTIONS.enter(n, Function(
                n, low, high, bind, kernel, syntax, summary, tuple(examples), tier, volatile, special,
                frozenset(spans), tuple(args), operator, group, details, "" if n == name else name, codes,
            ))  # fmt: skip
        return kernel

    return enter


def converted(call: CallBinder, arg: Expr, how: str) -> Expr:
    """What `args=(how,)` would make of an argument: for a bind that decides by the types and takes it as `any`.

    The result goes into `call.args`.
    """
    kind = arg.type.kind
    if kind == _KINDS[how] or (how in (NUMBER, PARSED) and kind in ("long", "double")):
        return arg
    if isinstance(arg, Literal) and arg.value is None:
        return replace(arg, type=DOUBLE if how in (NUMBER, PARSED) else Type(_KINDS[how]))
    function = REGISTRY.functions["@" + how]
    inner = copy(call)
    inner.name, inner.args, inner.named, inner.data = function.name, [arg], {}, None
    type_ = function.bind(inner)
    return Call(type=type_, function=function, args=tuple(inner.args), data=inner.data, span=arg.span)


def computed(value: Bound) -> Bound:
    """A decimal as a double, for figures that are computed in doubles; anything else as it is."""
    if value.type.kind != "decimal":
        return value
    expr = Call(type=DOUBLE, function=REGISTRY.functions["@number"], args=(value.expr,), data=value.type)
    return Bound(expr, value.parsed)


_KINDS = {
    TEXT: "string",
    NUMBER: "long",
    PARSED: "long",
    INTEGER: "long",
    DATE_ARG: "date",
    BOOL_ARG: "bool",
    DURATION_ARG: "duration",
}


def aggregate(
    name: str,
    *,
    least: int = 1,
    most: int | None = None,
    returns: Returns = DOUBLE,
    syntax: str = "",
    summary: str = "",
    examples: Sequence[tuple[str, str]] = (),
    aliases: Sequence[str] = (),
    ordered: bool = False,
    span_only: bool = False,
    window_only: bool = False,
    parts: Sequence[tuple[str, str]] = (),
    tier: int = 1,
    details: str = "",
) -> Callable[[Any], Any]:
    """Enter an aggregate: `state(types, data)` makes the state of all groups (see engine.operators.states).

    `examples`: (call, its value as a literal) over the rows whose `x` is 1, 2, 3 and whose `_time` is 0, 10, 20 s after a minute;
    of a function of a window the values in all three, `[null, 1, 2]`.
    `details`: Markdown, what its reference page says beyond the summary. `window_only`: it makes one of
    engine.operators.window.functions instead. `parts`: it is short for these aggregates, each with the name of its column.
    """

    def enter(state: Any) -> Any:
        bind = returns if callable(returns) else (lambda call, kind=returns: kind)
        for n in (name, *aliases):
            _AGGREGATES.enter(n, AggregateFunction(
                n, least, least if most is None else most, bind, state, syntax, summary, tuple(examples), tier, ordered,
                span_only, details, "" if n == name else name, window_only, tuple(parts),
            ))  # fmt: skip
        return state

    return enter


def words(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name)


@cache
def load() -> Registry:
    """Have the registry know every name.

    A package that was built has an index, and the module of a name is imported when that is looked up. Elsewhere every
    module is imported: each enters what it defines.
    """
    index = read_index()
    if index is None:
        import_all()
    else:
        from . import later  # noqa: F401  # enters the names that are reserved

        for shelf, modules in zip(_SHELVES, index.modules, strict=True):
            shelf.expect(modules)
        REGISTRY.grammar_mark = index.grammar_mark
    for reserved, here in (
        (REGISTRY.later_commands, _COMMANDS),
        (REGISTRY.later_functions, _FUNCTIONS),
        (REGISTRY.later_aggregates, _AGGREGATES),
    ):
        for name in reserved.keys() & here.keys():
            reserved.pop(name, None)
    return REGISTRY


def index_of_all(grammar_mark: str) -> Index:
    """What an index of the language says, of which every module was imported."""
    return Index(grammar_mark, tuple(shelf.modules() for shelf in _SHELVES))


__all__ = [
    "ANY_ARG", "BOOL", "BOOL_ARG", "DATE", "DATE_ARG", "DOUBLE", "DURATION", "DURATION_ARG", "INTEGER", "LONG", "MANY",
    "NUMBER", "PARSED", "REGISTRY", "STRING", "TEXT", "Args", "CallBinder", "Command", "Example", "Node", "Option",
    "Registry", "Type", "aggregate", "computed", "converted", "function", "join", "kinds", "load", "lowers", "register",
]  # fmt: skip
