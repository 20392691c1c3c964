"""`dataclass`, whose methods are written when they are first needed.

The standard decorator writes and compiles up to seven methods a class, half a millisecond; a query makes objects of a fifth
of the classes that are imported. Here a class gets its slots at once, and all else from the standard decorator when its
first object is made or its fields are asked for. To type checkers, `replace` and `fields` it is the standard one.
"""

from __future__ import annotations

import dataclasses
import inspect
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(**options: Any) -> Callable[[type], type]:
        """As `dataclasses.dataclass(slots=True, ...)`; a class whose `__init__` is its own is left to that one."""

        def decorate(cls: type) -> type:
            if "__init__" in cls.__dict__ or not options.get("slots"):
                return dataclasses.dataclass(**options)(cls)
            return _postponed(cls, options)

        return decorate


_lock = threading.RLock()  # a class that is completed asks for the fields of its bases
_ON_REQUEST = ("__dataclass_fields__", "__dataclass_params__", "__match_args__")


def _postponed(cls: type, options: dict[str, Any]) -> type:
    """A class as `cls`, with slots, that is completed from `cls` later."""
    fields = _field_names(cls)
    taken = {n for base in cls.__mro__[1:] for n in base.__dict__.get("__slots__", ())}
    body = {k: v for k, v in cls.__dict__.items() if k not in fields and k not in ("__dict__", "__weakref__")}
    made = type(cls)(cls.__name__, cls.__bases__, body | {"__slots__": tuple(n for n in fields if n not in taken)})
    made.__qualname__ = cls.__qualname__
    completion = _Completion(made, cls, fields, options)

    def first(self: Any, *args: Any, **named: Any) -> None:
        completion.done()
        made.__init__(self, *args, **named)  # type: ignore[misc]  # no longer this one

    added = {"__init__": first, "__getstate__": _state, "__setstate__": _restore}
    for name, value in (added | {n: _OnRequest(n, completion) for n in _ON_REQUEST}).items():
        if name not in body:
            setattr(made, name, value)
    return made


def _field_names(cls: type) -> list[str]:
    """The class's own fields. No class has an InitVar or a KW_ONLY."""
    kinds: dict[str, str] = inspect.get_annotations(cls)
    return [name for name, kind in kinds.items() if not kind.startswith("ClassVar")]


class _Completion:
    """Has the standard decorator work on `source`, and gives to `made` what it added, but for the slots."""

    def __init__(self, made: type, source: type, fields: list[str], options: dict[str, Any]) -> None:
        self._made, self._source, self._options = made, source, options
        self._kept_out = frozenset((*fields, "__slots__"))
        self._is_done = False

    def done(self) -> None:
        with _lock:
            if self._is_done:
                return
            before = dict(self._source.__dict__)
            whole: type = dataclasses.dataclass(**self._options)(self._source)
            for name, value in whole.__dict__.items():
                if name not in self._kept_out and before.get(name, dataclasses.MISSING) is not value:
                    setattr(self._made, name, value)
            self._is_done = True


class _OnRequest:
    """An attribute of a class that is there once the class is complete."""

    def __init__(self, name: str, completion: _Completion) -> None:
        self._name, self._completion = name, completion

    def __get__(self, instance: Any, owner: type) -> Any:
        self._completion.done()
        return getattr(owner, self._name)


def _state(self: Any) -> list[Any]:
    return [getattr(self, f.name) for f in dataclasses.fields(self)]


def _restore(self: Any, state: list[Any]) -> None:
    for field, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)  # also of a frozen one
