"""One session for each world, for all property tests."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

import cortado
from tests.worlds import WORLDS

# six worlds an example take minutes: by hand, with CORTADO_FUZZ=1
collect_ignore = [] if os.environ.get("CORTADO_FUZZ") else ["test_worlds.py"]


@pytest.fixture(scope="session")
def sessions() -> Iterator[dict[str, cortado.Session]]:
    made = {name: cortado.connect(timezone="UTC", **world) for name, world in WORLDS.items()}
    yield made
    for session in made.values():
        session.close()


@pytest.fixture(scope="session")
def plain(sessions: dict[str, cortado.Session]) -> cortado.Session:
    return sessions["plain"]
