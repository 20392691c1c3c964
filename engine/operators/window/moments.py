"""Variances over stretches. The general path is that of every state; here is what compiled kernels know better."""

from __future__ import annotations

from ..states.moments import Moments
from .evaluation import Evaluation, Made
from .general import by_state


def moments(ev: Evaluation, state: Moments, out: str) -> Made:
    return by_state(ev, state, out, lambda: Moments(state.types))
