"""Things of the language by name, each imported with its module when it is first asked for."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, TypeVar

T = TypeVar("T")


class Shelf(Mapping[str, T]):
    """What modules enter under a name, in the order of the language.

    `expect` says beforehand which module enters which name: then all names are there at once, and looking one up imports
    its module. No lock is held meanwhile: a module is imported once, and whoever else wants it waits for it, as for any import.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._modules: dict[str, str] = {}
        self._entered: dict[str, T] = {}

    def enter(self, name: str, thing: T) -> None:
        if name in self._entered:
            raise ValueError(f"two {self._kind}s are named {name}")
        if name not in self._modules:
            self._modules[name] = module_at_work()
        self._entered[name] = thing

    def expect(self, modules: Mapping[str, str]) -> None:
        self._modules = {**modules, **self._modules}

    def modules(self) -> Mapping[str, str]:
        """The module of each name."""
        return self._modules

    def __getitem__(self, name: str) -> T:
        found = self._entered.get(name)
        if found is None:
            import_module(self._modules[name])
            found = self._entered[name]
        return found

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in self._modules else default  # a fault of its module is no missing name

    def __contains__(self, name: object) -> bool:
        return name in self._modules

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)


def module_at_work() -> str:
    """The module whose import calls this: it, not one whose helper or kernel it uses, must be imported to do so again."""
    frame = sys._getframe(1)
    while frame.f_code.co_name != "<module>" and frame.f_back is not None:
        frame = frame.f_back
    return str(frame.f_globals["__name__"])
