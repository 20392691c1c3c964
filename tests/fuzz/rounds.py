"""How much is drawn, and from which seed."""

from __future__ import annotations

import os
import random


def rounds(n: int) -> range:
    return range(n * int(os.environ.get("CORTADO_FUZZ", "1")))


def draws(name: str) -> random.Random:
    """A generator for one test: the same draws in each run, other ones for another CORTADO_SEED."""
    return random.Random(f"{name} {os.environ.get('CORTADO_SEED', '0')}")
