"""The command line in this process, and as a process of its own; a large log to be interrupted in."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cortado.repl import __main__ as command

ROOT = Path(__file__).parents[2]
LINE = b'10.0.0.%d - - [17/May/2015:10:05:%02d +0000] "GET /a/%d HTTP/1.1" 200 %d "-" "agent"\n'


@dataclass(frozen=True, slots=True)
class Ran:
    status: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        return self.out.decode()


Run = Callable[..., Ran]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folders of their own: database, history."""
    monkeypatch.setenv("CORTADO_DB", str(tmp_path / "db"))
    monkeypatch.setenv("CORTADO_HISTORY", str(tmp_path / "state" / "history"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TZ", "UTC")
    return tmp_path


@pytest.fixture
def cli(home: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]) -> Run:
    """Runs `cortado ARGS` in this process."""
    monkeypatch.setattr("signal.signal", lambda *a: None)
    monkeypatch.setattr("gc.set_threshold", lambda *a: None)

    def run(*args: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["cortado", *args])
        capsysbinary.readouterr()
        with pytest.raises(SystemExit) as left:
            command.main()
        got = capsysbinary.readouterr()
        return Ran(int(left.value.code or 0), got.out, got.err.decode())

    return run


def process(*args: str, stdin: bytes = b"", timeout: float = 30) -> Ran:
    """Runs `cortado ARGS` as a process."""
    done = subprocess.run(
        [sys.executable, "-m", "cortado.repl", *args], input=stdin, capture_output=True, timeout=timeout, check=False
    )
    return Ran(done.returncode, done.stdout, done.stderr.decode())


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A pattern of files that together take many seconds to read: one file under two hundred names."""
    folder = tmp_path_factory.mktemp("large")
    block = b"".join(LINE % (i % 250, i % 60, i, i * 7) for i in range(20_000))
    first = folder / "0.log"
    first.write_bytes(block * 10)
    for i in range(1, 200):
        os.link(first, folder / f"{i}.log")
    yield str(folder / "*.log")
