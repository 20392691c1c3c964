"""Which kernels a query may come to use, so that they can be compiled before all others.

An operator may say so itself, by `kernels`: names of modules; None as where it says nothing. Then they are read off the imports of
the module that it is written in and of those that this one imports, and so they are for the functions in its expressions.
A module that is missed is compiled when it is first used, while the query waits: too many cost less than too few.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

from ..planner.expr import Call
from .kernels import kept
from .spec import PipelineSpec

_PACKAGE = __package__.rpartition(".")[0]
_ROOT = Path(__file__).parent.parent
_KERNELS = f"{__package__}.kernels"
_PLANNER = f"{_PACKAGE}.planner."
_FROM = re.compile(r"^[ \t]*from (\.+)([\w.]*) import (\([^)]*\)|[^\n]*)", re.MULTILINE)
_FOR_TYPES = re.compile(r"^if TYPE_CHECKING:\n(?:[ \t]+.*\n|\n)*", re.MULTILINE)


def of_query(specs: Sequence[PipelineSpec]) -> frozenset[str] | None:
    """Modules of kernels. None: it may be any, as what comes behind a pipeline is not known before that has run."""
    if any(spec.then is not None for spec in specs):
        return None
    operators = [o for spec in specs for o in (*(t for t, _ in spec.transforms), *(spec.sink or ())[:1])]
    sources = [spec.source for spec in specs if not callable(spec.source)]
    found = frozenset().union(*(of_operator(o) for o in operators), *(of_source(s) for s in sources))
    if any(spec.sink is None and not spec.is_result_of_sink for spec in specs):
        found |= of_module(f"{__package__}.operators.plaintext")  # rows as they come are made plain for the reader
    return found & frozenset(kept.modules())


def of_operator(operator: Any) -> frozenset[str]:
    """A transform or a sink, with the source that it becomes."""
    said = getattr(operator, "kernels", None)
    own = frozenset(said) if said is not None else of_class(type(operator))
    return own.union(*(of_module(f) for f in _functions(operator)))


def of_source(source: Any) -> frozenset[str]:
    """With the sources that it reads. One that says nothing may give columns that are codes."""
    fields = list(_fields(source))
    inner = [p for f in fields for p in (f if isinstance(f, list | tuple) else (f,)) if hasattr(p, "partitions")]
    codes = ("codes",) if getattr(source, "kernels", None) is None and not inner else ()
    return of_operator(source).union(codes, *(of_source(p) for p in inner))


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
    return tuple(n for n in out if n.startswith(f"{_PACKAGE}."))


def _file(module: str) -> Path | None:
    if not module.startswith(f"{_PACKAGE}."):
        return None
    bare = _ROOT.joinpath(*module.split(".")[1:])
    tried = (bare.with_suffix(".py"), bare / "__init__.py")
    return next((f for f in tried if f.is_file()), None)


def _functions(operator: Any) -> Iterator[str]:
    """The modules of the functions that an operator calls: it holds expressions, or nodes of the plan that do."""
    met: set[int] = set()
    todo = list(_fields(operator))
    while todo:
        value = todo.pop()
        if id(value) in met:
            continue
        met.add(id(value))
        if isinstance(value, Call):
            yield getattr(value.function.kernel, "__module__", "")
            todo += value.args
        elif isinstance(value, list | tuple | set | frozenset):
            todo += value
        elif isinstance(value, dict):
            todo += value.values()
        elif type(value).__module__.startswith(_PLANNER):
            todo += _fields(value)


def _fields(value: Any) -> Iterator[Any]:
    yield from getattr(value, "__dict__", {}).values()
    for class_ in type(value).__mro__:
        slots = getattr(class_, "__slots__", ())
        yield from (getattr(value, s) for s in ((slots,) if isinstance(slots, str) else slots) if hasattr(value, s))
