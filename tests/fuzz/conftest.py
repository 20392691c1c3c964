"""Sessions that take the general forms, the compiled kernels, and many small batches."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import cortado
from tests.worlds import WORLDS

WAYS = {
    "general": {"kernels": "never", "threads": 1},
    "compiled": {"kernels": "always", "threads": 1},
    "rows1": WORLDS["rows1"],
    "naive": WORLDS["naive"],
}


@pytest.fixture(scope="session")
def ways() -> Iterator[dict[str, cortado.Session]]:
    made = {name: cortado.connect(timezone="UTC", **settings) for name, settings in WAYS.items()}
    yield made
    for session in made.values():
        session.close()
