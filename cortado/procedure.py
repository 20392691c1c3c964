"""A saved query as a Python callable, with a signature made from its header."""

from __future__ import annotations

import datetime as dt
import inspect
import keyword
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from .planner.header import Param
from .planner.option_values import Unfit
from .planner.procedures import Procedure
from .planner.text import fault, nearest
from .planner.typed import written_default

if TYPE_CHECKING:
    from .session import Query, Session

ANNOTATIONS: Mapping[str, Any] = {
    "string": str, "int": int, "long": int, "double": float, "bool": bool, "date": dt.datetime | dt.date | str,
    "duration": dt.timedelta | str, "field": str, "fields": list[str] | str, "any": Any, "table": Any,
}  # fmt: skip
ELEMENTS: Mapping[str, type] = {"string": str, "int": int, "long": int, "double": float, "bool": bool, "date": dt.datetime,
                                "duration": dt.timedelta}  # fmt: skip


class Expression:
    """A default that is worked out when the query is bound. To pass it is to pass nothing."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


class SavedProcedure:
    """Call it with the parameters of the saved query; it gives a `Query`, which has not run.

    The file is read anew at each call. A parameter whose name is a word of Python has a `_` behind it: `from_=...`.
    """

    def __init__(self, session: Session, procedure: Procedure) -> None:
        self._session, self.kind, self.file = session, procedure.kind, procedure.unit.file
        self.__name__ = self.__qualname__ = procedure.name
        self._params = {python_name(p.name, procedure.params): p.name for p in procedure.params}
        self.__signature__ = signature(procedure.params)
        self.__annotations__ = {p.name: p.annotation for p in self.__signature__.parameters.values()} | {
            "return": self.__signature__.return_annotation
        }
        self.__doc__ = described(procedure)

    def __call__(self, *args: Any, **params: Any) -> Query:
        """E410 for a parameter that there is not, or a value that does not fit its type."""
        names = list(self._params)
        if len(args) > len(names):
            raise fault("E410", f"{self.__name__} takes {len(names)} arguments, not {len(args)}", hint=self._takes())
        given = dict(zip(names, args, strict=False))
        for name, value in params.items():
            known = name if name in self._params else python_name(name, ())
            if known not in self._params:
                raise fault("E410", f"{self.__name__} has no parameter '{name}'", hint=self._takes(),
                            suggestions=nearest(name, names, 1))  # fmt: skip
            if known in given:
                raise fault("E410", f"parameter '{name}' is given twice")
            given[known] = value
        return self._session.saved(
            self.file, {self._params[n]: v for n, v in given.items() if not isinstance(v, Expression)}
        )

    def _takes(self) -> str:
        return "it takes " + ", ".join(self._params) if self._params else "it takes none"

    def __repr__(self) -> str:
        return f"<cortado procedure {self.__name__}{self.__signature__}>"


def python_name(name: str, others: Iterable[Param]) -> str:
    """The name as Python can write it."""
    made = f"{name}_" if keyword.iskeyword(name) else name
    return name if any(p.name == made for p in others if p.name != name) else made


def query_name(name: str, params: Iterable[Param]) -> str:
    """The parameter that a keyword argument means: `from_` is `from`."""
    known = {p.name for p in params}
    return name[:-1] if name not in known and name.endswith("_") and keyword.iskeyword(name[:-1]) else name


def signature(params: Iterable[Param]) -> inspect.Signature:
    """By position as far as Python allows it: what must be given behind a default goes by name only."""
    from .session import Query

    made: list[inspect.Parameter] = []
    kind: Any = inspect.Parameter.POSITIONAL_OR_KEYWORD
    has_default = False
    held = tuple(params)
    for p in held:
        default = inspect.Parameter.empty if p.default is None else default_of(p)
        if p.default is None and has_default:
            kind = inspect.Parameter.KEYWORD_ONLY
        has_default = has_default or p.default is not None
        made.append(
            inspect.Parameter(python_name(p.name, held), kind, default=default, annotation=annotation_of(p.type))
        )
    return inspect.Signature(made, return_annotation=Query)


def annotation_of(kind: str) -> Any:
    if kind.startswith("array<"):
        element = ELEMENTS.get(kind[6:-1])
        return list[element] if element is not None else list[Any]  # type: ignore[valid-type]
    return ANNOTATIONS[kind]


def default_of(p: Param) -> Any:
    """A plain value where one is written; else the expression."""
    written = p.written
    if p.type in ("date", "duration", "any") or p.type in ("array<date>", "array<duration>", "array<any>"):
        return Expression(written)
    try:
        found = written_default(p.type, written, lambda t: None)
    except Unfit:
        found = None
    return Expression(written) if found is None else found.value


def described(procedure: Procedure) -> str:
    """Its help, then a line for each parameter."""
    lines = [procedure.help] if procedure.help else []
    if procedure.params:
        lines += ["", "Parameters"] if lines else ["Parameters"]
        lines += [f"  {p.text}" for p in procedure.params]
    return "\n".join(lines)


__all__ = ["Expression", "SavedProcedure", "described", "query_name", "signature"]
