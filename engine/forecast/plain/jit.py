"""Stands in for `kernels.jit`: nothing is compiled, and types are of no account."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

f64w = i64w = u8w = long_ = real_ = None


def kernel(*signature: Any, **options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return inline


def inline(function: Callable[..., Any]) -> Callable[..., Any]:
    return function


def f64ws(n: int) -> None:
    """No type."""
