"""`dataclass`, whose methods are written when they are first needed.

The standard decorator writes and compiles up to seven methods a class, half a millisecond; a query makes objects of a fifth
of the classes that are imported, and few of most. Here a class gets its slots at once. Its first objects are filled field by
field, and all else comes from the standard decorator when one is compared, shown, changed or hashed, when the fields are asked for, or with
the thirty-third object. To type checkers, `replace` and `fields` it is the standard one.
"""

from __future__ import annotations

import dataclasses
import inspect
import sys
import threading
from collections.abc import Callable, Iterator
from types import MemberDescriptorType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(**options: Any) -> Callable[[type], type]:
        """As `dataclasses.dataclass(slots=True, ...)`; a class without slots is left to that one, and one with an
        `__init__` of its own if it has more of its own or an order."""

        def decorate(cls: type) -> type:
            if not options.get("slots") or ("__init__" in cls.__dict__ and not _is_plain(cls, options)):
                return dataclasses.dataclass(**options)(cls)
            return _postponed(cls, options)

        return decorate


MISSING = dataclasses.MISSING
FEW = 32  # objects that are filled field by field: as costly as a tenth of writing the methods
_lock = threading.RLock()  # a class that is completed asks for the fields of its bases
_ON_REQUEST: tuple[str, ...] = ("__dataclass_fields__", "__dataclass_params__", "__match_args__")
if sys.version_info >= (3, 13):
    _ON_REQUEST += ("__replace__",)
_OWN = frozenset(("__eq__", "__hash__", "__setattr__", "__delattr__"))
_RECORD = "__record__"  # a class's own _Completion


def _is_plain(cls: type, options: dict[str, Any]) -> bool:
    """Whether equality, hashing and changes are as the standard decorator has them by default, or none."""
    return not _OWN & cls.__dict__.keys() and not any(options.get(o) for o in ("order", "unsafe_hash"))


def _is_changed_freely(cls: Any) -> bool:
    return bool(cls.__setattr__ is object.__setattr__)


def _postponed(cls: type, options: dict[str, Any]) -> type:
    """A class as `cls`, with slots, that is completed from `cls` later."""
    fields = _field_names(cls)
    taken = {n for base in cls.__mro__[1:] for n in base.__dict__.get("__slots__", ())}
    body = {k: v for k, v in cls.__dict__.items() if k not in fields and k not in ("__dict__", "__weakref__")}
    completion = _Completion(cls, fields, options)
    is_plain = _is_plain(cls, options) and (options.get("frozen") or _is_changed_freely(cls))

    def first(self: Any, *args: Any, **named: Any) -> None:
        if not (is_plain and completion.fill(self, args, named)):
            completion.done()
            completion.made.__init__(self, *args, **named)  # type: ignore[misc]  # no longer this one

    added: dict[str, Any] = {"__init__": first, "__getstate__": _state, "__setstate__": _restore, _RECORD: completion}
    added |= {n: _OnRequest(n, completion) for n in _ON_REQUEST}
    if is_plain:
        added |= _first_calls(completion, options)
    slots = {"__slots__": tuple(n for n in fields if n not in taken), "__qualname__": cls.__qualname__}
    completion.made = type(cls)(cls.__name__, cls.__bases__, added | body | slots)
    return completion.made


def _field_names(cls: type) -> list[str]:
    """The class's own fields. No class has an InitVar or a KW_ONLY."""
    kinds: dict[str, str] = inspect.get_annotations(cls)
    return [name for name, kind in kinds.items() if not kind.startswith("ClassVar")]


def _first_calls(completion: _Completion, options: dict[str, Any]) -> dict[str, Any]:
    """What stands for methods that are not written yet."""
    is_frozen: bool = options.get("frozen", False)
    out: dict[str, Any] = {}
    if options.get("repr", True):
        out["__repr__"] = _first_call("__repr__", completion)
    if options.get("eq", True):
        out["__eq__"] = _first_call("__eq__", completion)
        out["__hash__"] = _first_call("__hash__", completion) if is_frozen else None
    if is_frozen:
        out |= {n: _first_call(n, completion) for n in ("__setattr__", "__delattr__")}
    return out


def _first_call(name: str, completion: _Completion) -> Callable[..., Any]:
    def method(self: Any, *args: Any) -> Any:
        completion.done()
        return getattr(completion.made, name)(self, *args)  # no longer this one

    return method


class _Field(NamedTuple):
    default: Any
    factory: Any
    is_given: bool  # it is an argument
    is_named: bool  # ... by name only


class _Completion:
    """Has the standard decorator work on `source`, and gives to `made` what it added, but for the slots."""

    made: type

    def __init__(self, source: type, fields: list[str], options: dict[str, Any]) -> None:
        self._source, self._options = source, options
        self._names = fields
        self._own: dict[str, _Field] | None = None
        self._all: dict[str, _Field] | None = None
        self._places: tuple[str, ...] = ()  # arguments in order
        self._n_filled = 0
        self._is_done = False

    def own(self) -> dict[str, _Field]:
        """The class's own fields, as the standard decorator will read them."""
        with _lock:
            if self._own is None:
                self._own = {n: self._field(getattr(self._source, n, MISSING)) for n in self._names}
            return self._own

    def _field(self, said: Any) -> _Field:
        is_named = self._options.get("kw_only", False)
        if not isinstance(said, dataclasses.Field):
            return _Field(MISSING if isinstance(said, MemberDescriptorType) else said, MISSING, True, is_named)
        is_named = is_named if said.kw_only is MISSING else said.kw_only
        return _Field(said.default, said.default_factory, said.init, is_named)

    def fill(self, it: Any, args: tuple[Any, ...], named: dict[str, Any]) -> bool:
        """Give a new object its fields; False where it is one too many, or the arguments do not fit."""
        self._n_filled += 1
        if self._n_filled > FEW:
            return False
        if self._all is None:
            every = {name: field for base in self.made.__mro__[::-1] for name, field in _fields_of(base)}
            self._places = tuple(n for n, f in every.items() if f.is_given and not f.is_named)
            self._all = every
        given = dict(zip(self._places, args, strict=False))
        if len(args) > len(self._places) or given.keys() & named.keys():
            return False
        given |= named
        for name, field in self._all.items():
            if field.is_given and name in given:
                value = given.pop(name)
            elif field.factory is not MISSING:
                value = field.factory()
            elif field.default is not MISSING:
                value = field.default
            elif field.is_given:
                return False
            else:
                continue
            object.__setattr__(it, name, value)
        if given:
            return False
        if hasattr(it, "__post_init__"):
            it.__post_init__()
        return True

    def done(self) -> None:
        with _lock:
            if self._is_done:
                return
            self.own()  # the standard decorator changes what they are read from
            kept_out = {*self._names, "__slots__", "__doc__"}
            if not self._source.__doc__:
                self._source.__doc__ = self._source.__name__  # else it would write one, which costs as much as all else
            before = dict(self._source.__dict__)
            whole: type = dataclasses.dataclass(**self._options)(self._source)
            for name, value in whole.__dict__.items():
                if name not in kept_out and before.get(name, MISSING) is not value:
                    setattr(self.made, name, value)
            self._is_done = True


def _fields_of(base: type) -> Iterator[tuple[str, _Field]]:
    own = base.__dict__.get(_RECORD)
    if own is not None:
        yield from own.own().items()
    elif "__dataclass_fields__" in base.__dict__:
        for f in dataclasses.fields(base):
            yield f.name, _Field(f.default, f.default_factory, f.init, bool(f.kw_only))


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
