"""Options of the test run."""

from __future__ import annotations

import os

import pytest

os.environ.setdefault("TZ", "UTC")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--complete",
        action="store_true",
        help="write the expected parts of specs and errors; read the diff before you commit it",
    )


@pytest.fixture
def complete(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--complete"))
