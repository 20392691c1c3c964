"""Which kernels a query may come to use, so that they can be compiled before all others.

An operator may say so itself, by `kernels`: names of modules; None as where it says nothing. Then they are read off the imports of
the module that it is written in and of those that this one imports, and so they are for the functions in its expressions.
A module that is missed is compiled when it is first used, while the query waits: too many cost less than too few.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, partial
from importlib.machinery import SourceFileLoader
from inspect import getclosurevars, isfunction
from pathlib import Path
from typing import Any

from ..planner.expr import Call
from .kernels import kept
from .spec import PipelineSpec

_PACKAGE = __package__.rpartition(".")[0]
_ROOT = Path(__file__).parent.parent
_KERNELS = f"{__package__}.kernels"
_PLANNER = f"{_PACKAGE}.planner."
_HELD = tuple(f"{__package__}.{folder}." for folder in ("operators", "analytics", "forecast"))
MOST_HELD = 10_000  # of one list: longer ones are data
_FROM = re.compile(r"^[ \t]*from (\.+)([\w.]*) import (\([^)]*\)|[^\n]*)", re.MULTILINE)
_NAMED = re.compile(r"\bkernels\.(\w+)\.")  # modules that are loaded when they are named
_FOR_TYPES = re.compile(r"^if TYPE_CHECKING:\n(?:[ \t]+.*\n|\n)*", re.MULTILINE)


def of_query(specs: Sequence[PipelineSpec]) -> frozenset[str] | None:
    """Modules of kernels. None: it may be any, as what comes behind a pipeline is not known before that has run."""
    if any(spec.then is not None for spec in specs):
        return None
    sinks = [spec.sink[0] for spec in specs if spec.sink is not None]
    operators = [*(t for spec in specs for t, _ in spec.transforms), *sinks]
    owners = [getattr(spec.source, "__self__", None) if callable(spec.source) else spec.source for spec in specs]
    sources = [o for o in owners if o is not None and not any(o is s for s in sinks)]
    found = frozenset().union(*(of_operator(o) for o in operators), *(of_source(s) for s in sources))
    is_direct = any(spec.sink is None and not callable(spec.source) for spec in specs)
    if is_direct or any(_said(o) is None for o in (*sinks, *sources)):  # texts may be codes, made plain for the reader
        found |= of_module(f"{__package__}.operators.plaintext")
    return found & frozenset(kept.modules())


def of_operator(operator: Any) -> frozenset[str]:
    """A transform or a sink, with the source that it becomes."""
    said = _said(operator)
    if said is not None:
        return said.union(*(of_module(f) for f in _modules(operator, is_told=True)))
    return of_class(type(operator)).union(*(of_module(f) for f in _modules(operator, is_told=False)))


def of_source(source: Any) -> frozenset[str]:
    """With the sources that it reads. One that says nothing may give columns that are codes."""
    fields = [f for field in _fields(source) for f in (field if isinstance(field, list | tuple) else (field,))]
    inner = [p for f in fields if hasattr(p := getattr(f, "source", f), "partitions")]
    codes = ("codes",) if _said(source) is None and not inner else ()
    return of_operator(source).union(codes, *(of_source(p) for p in inner))


def _said(operator: Any) -> frozenset[str] | None:
    return getattr(operator, "kernels", None)


def of_class(class_: type) -> frozenset[str]:
    return of_module(class_.__module__)


def of_states(states: Iterable[Any]) -> frozenset[str]:
    """Of the states of aggregates, which may say so as operators do."""
    said = [(s, getattr(s, "kernels", None)) for s in states]
    return frozenset().union(*(of_class(type(s)) if k is None else k for s, k in said))


@cache
def of_module(module: str) -> frozenset[str]:
    """What is imported by a module of this package and by those that it imports, wherever in them that stands."""
    met, todo, out = {module}, [module], set[str]()
    while todo:
        for name in _imports(todo.pop()):
            if name.startswith(f"{_KERNELS}."):
                out.add(name[len(_KERNELS) + 1 :].partition(".")[0])
            elif name not in met:
                met.add(name)
                todo.append(name)
    return frozenset(out)


@cache
def _imports(module: str) -> tuple[str, ...]:
    """Modules of this package, and perhaps names in them, which are no modules."""
    file = _file(module)
    if file is None:
        return ()
    text = _FOR_TYPES.sub("", SourceFileLoader(module, str(file)).get_source(module) or "")
    above = module.split(".") if file.name == "__init__.py" else module.split(".")[:-1]
    out: list[str] = []
    for dots, path, names in _FROM.findall(text):
        base = ".".join([*above[: len(above) + 1 - len(dots)], *filter(None, [path])])
        out += [base, *(f"{base}.{n}" for n in re.findall(r"(\w+)(?: as \w+)?", names.partition("#")[0]))]
    out += [f"{_KERNELS}.{n}" for n in _NAMED.findall(text)]
    return tuple(n for n in out if n.startswith(f"{_PACKAGE}."))


def _file(module: str) -> Path | None:
    if not module.startswith(f"{_PACKAGE}."):
        return None
    bare = _ROOT.joinpath(*module.split(".")[1:])
    tried = (bare.with_suffix(".py"), bare / "__init__.py")
    return next((f for f in tried if f.is_file()), None)


def _modules(operator: Any, is_told: bool) -> Iterator[str]:
    """Of the functions that an operator calls: it holds expressions, or nodes of the plan that do.

    Unless it says itself what else it needs (`is_told`), of all that it holds of operators, of models and of aggregates, too.
    """
    met: set[int] = set()
    todo = list(_fields(operator))
    while todo:
        value = todo.pop()
        if id(value) in met:
            continue
        met.add(id(value))
        module = type(value).__module__
        if isinstance(value, list | tuple | set | frozenset | dict):
            todo += () if len(value) > MOST_HELD else value.values() if isinstance(value, dict) else value
        elif isinstance(value, partial):
            todo += (value.func, *value.args, *value.keywords.values())
        elif isinstance(value, Call):
            yield getattr(value.function.kernel, "__module__", "")
            todo += value.args
        elif module.startswith(_PLANNER):
            todo += _fields(value)
        elif not is_told and module.startswith(_HELD):
            yield module
            todo += _fields(value)
        elif not is_told and callable(value):
            yield getattr(value, "__module__", "") or ""
            todo += getclosurevars(value).nonlocals.values() if isfunction(value) else ()


def _fields(value: Any) -> Iterator[Any]:
    yield from list(getattr(value, "__dict__", {}).values())  # others may be at work with it
    for class_ in type(value).__mro__:
        slots = getattr(class_, "__slots__", ())
        yield from (getattr(value, s) for s in ((slots,) if isinstance(slots, str) else slots) if hasattr(value, s))
