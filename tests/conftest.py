"""Options of the test run."""

from __future__ import annotations

import os

import pytest
from hypothesis import Phase, settings

os.environ.setdefault("TZ", "UTC")
# the same examples in every run; other ones are drawn where CORTADO_FUZZ is set
settings.register_profile("fixed", derandomize=True, deadline=None, phases=(Phase.explicit, Phase.generate))
if not os.environ.get("CORTADO_FUZZ"):
    settings.load_profile("fixed")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--complete",
        action="store_true",
        help="write the expected parts of specs and errors; read the diff before you commit it",
    )


@pytest.fixture
def complete(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--complete"))
