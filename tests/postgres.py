"""A PostgreSQL server of the tests' own: made in a temporary folder, gone at the end. Skips where there is none."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest


def program(name: str) -> str:
    """Its path; on Debian the server's programs are in no PATH."""
    found = shutil.which(name) or next(
        (str(p) for p in sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))), None
    )
    if found is None:
        pytest.skip(f"no PostgreSQL server here: {name} is not found")
    return found


def other_user() -> dict[str, Any]:
    """The server refuses to run as root: arguments for `subprocess` that make it another user."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            found = pwd.getpwnam(name)
            return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
    pytest.skip("PostgreSQL does not run as root, and there is no user 'postgres' or 'nobody'")


class Server:
    """Listens on a socket in its own folder only."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._who = folder, other_user()
        self.uri = f"postgresql:///postgres?host={folder}&user=tester"

    def _run(self, *command: str) -> None:
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.folder, timeout=120, **self._who)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"

    def make(self) -> None:
        data = str(self.folder / "data")
        self._run(
            program("initdb"), "-D", data, "-U", "tester", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"
        )
        self.start()

    def start(self) -> None:
        options = f"-c listen_addresses='' -c unix_socket_directories='{self.folder}' -c fsync=off"
        log = str(self.folder / "log")
        self._run(program("pg_ctl"), "-D", str(self.folder / "data"), "-w", "-l", log, "-o", options, "start")

    def stop(self) -> None:
        """At once: clients lose their connections."""
        self._run(program("pg_ctl"), "-D", str(self.folder / "data"), "-m", "immediate", "-w", "stop")

    def execute(self, *statements: str) -> None:
        dbapi = pytest.importorskip("adbc_driver_postgresql.dbapi")
        with dbapi.connect(self.uri, autocommit=True) as connection, connection.cursor() as cursor:
            for one in statements:
                cursor.execute(one)


@contextmanager
def running() -> Iterator[Server]:
    pytest.importorskip("adbc_driver_postgresql")
    program("initdb"), program("pg_ctl")
    folder = Path(tempfile.mkdtemp(prefix="cortado-pg-"))
    who = other_user()
    if who:
        os.chown(folder, who["user"], who["group"])
    server = Server(folder)
    try:
        server.make()
        yield server
    finally:
        with suppress(AssertionError, subprocess.TimeoutExpired):
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)
