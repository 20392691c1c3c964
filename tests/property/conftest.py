"""One session for each world, for all property tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import cortado
from tests.worlds import WORLDS


@pytest.fixture(scope="session")
def sessions() -> Iterator[dict[str, cortado.Session]]:
    made = {name: cortado.connect(timezone="UTC", **world) for name, world in WORLDS.items()}
    yield made
    for session in made.values():
        session.close()


@pytest.fixture(scope="session")
def plain(sessions: dict[str, cortado.Session]) -> cortado.Session:
    return sessions["plain"]
