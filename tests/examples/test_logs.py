"""The web server's log, read line by line with Python's own regular expressions and summed with pandas."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from .conftest import Run

LINE = re.compile(r'(\S+) \S+ \S+ \[[^\]]+\] "(?:[^"\\]|\\.)*" (\d{3}) (\d+|-)')


@pytest.mark.parametrize(("status", "clients"), [(200, 5), (400, 3)])
def test_top_clients(run: Run, place: Path, status: int, clients: int) -> None:
    lines = (place / "examples/access_log").read_text(encoding="utf-8").splitlines()
    found = [LINE.match(line) for line in lines]
    rows = [(m[1], int(m[2]), None if m[3] == "-" else int(m[3])) for m in found if m]
    assert len(rows) == len(lines) == 2_900
    held = pd.DataFrame(rows, columns=["client_ip", "status", "bytes"]).query("status >= @status")
    want = held.groupby("client_ip").agg(bytes=("bytes", "sum"), hits=("status", "size")).nlargest(clients, "bytes")
    got = run("top_clients", status=status, clients=clients)
    assert [tuple(r) for r in got.to_numpy()] == [(ip, *r) for ip, r in zip(want.index, want.to_numpy(), strict=True)]
