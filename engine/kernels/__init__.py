"""Compiled kernels: each module of them is loaded when it is first named, here or by an import.

Where a function runs for each batch, `kernels.codes.pair_ids` takes a tenth of the time of an import statement.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import buckets, codes, dense, group, pagefile, pageheads, pagerows, pages, unpack, weighted

    __all__ = ["buckets", "codes", "dense", "group", "pagefile", "pageheads", "pagerows", "pages", "unpack", "weighted"]


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(name)
    try:
        return import_module(f"{__name__}.{name}")
    except ModuleNotFoundError as why:
        if why.name == f"{__name__}.{name}":
            raise AttributeError(name) from None
        raise
