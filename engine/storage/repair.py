"""What a power loss can leave in a table's log, and what is done about it: moved aside, never deleted, always said.

Under the order of our writes (data, fsync, commit, fsync) only the newest commits, which nobody was told of, and the
newest checkpoint can be damaged. Anything else is E605 and nothing is touched.
"""

from __future__ import annotations

import json
import re
import time
import urllib.parse
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq

from ...planner.text import QueryError, fault
from .paths import Gate

LOG = "_delta_log"
POINTER = "_last_checkpoint"
COMMIT = re.compile(r"^(\d{20})\.json$")
CHECKPOINT = re.compile(r"^(\d{20})\.checkpoint.*parquet$")
ACTIONS = "cortado.actions"  # in commitInfo: how many action lines the commit holds at least
_COUNTED = frozenset({"add", "remove", "txn", "metaData"})


def commit_name(version: int) -> str:
    return f"{version:020d}.json"


def log_damaged(name: str, why: object) -> QueryError:
    return fault("E605", f"the log of table `{name}` is damaged: {why}", hint="restore its _delta_log from a backup")


def fault_of(gate: Gate, folder: Path, version: int) -> str:
    """Why a commit cannot be whole; empty if it is."""
    try:
        raw = gate.read_bytes(folder / LOG / commit_name(version))
    except QueryError:  # cleaned up since
        return ""
    if not raw.strip(b"\0 \n"):
        return "it is empty"
    try:
        lines: list[dict[str, Any]] = [json.loads(line) for line in raw.splitlines() if line.strip()]
        return _incomplete(lines, version) or _missing_data(gate, folder, lines)
    except (ValueError, TypeError, KeyError, AttributeError):
        return "it is cut off"


def _incomplete(lines: list[dict[str, Any]], version: int) -> str:
    info: dict[str, Any] = next((line["commitInfo"] for line in lines if "commitInfo" in line), {})
    present = sum(1 for line in lines if line.keys() & _COUNTED)
    expected = int(info.get(ACTIONS) or 0)
    if version == 0 and (not any("metaData" in line for line in lines) or present <= expected):
        return "actions are missing"
    return "actions are missing" if present < expected else ""


def _missing_data(gate: Gate, folder: Path, lines: list[dict[str, Any]]) -> str:
    for line in lines:
        if "add" not in line:
            continue
        path = urllib.parse.unquote(line["add"]["path"])
        try:
            size = gate.stat(folder / path, folder).size
        except QueryError:
            return f"its data file {path} is missing"
        if size < line["add"]["size"]:
            return f"its data file {path} is cut off"
    return ""


def repair_log(gate: Gate, folder: Path) -> tuple[list[str], int]:
    """Checks the pointer, the newest checkpoint and the newest commit. Returns what was done and the newest version."""
    listing = gate.list(folder / LOG)
    said = _repair_checkpoint(gate, folder, listing, deep=False)
    point = max((int(m[1]) for n, _ in listing if (m := CHECKPOINT.match(n))), default=-1)
    sizes = {int(m[1]): size for n, size in listing if (m := COMMIT.match(n))}
    if not sizes:
        return said, point
    newest = max(sizes)
    for number in range(max(point + 1, min(sizes)), newest):
        if not sizes.get(number):
            what = "missing" if number not in sizes else "empty"
            raise log_damaged(folder.name, f"commit {number} is {what} and later ones stand on it")
    if newest > point and (why := fault_of(gate, folder, newest)):
        done = _move_commit(gate, folder, newest, why)
        return said + done, newest - len(done)
    return said, newest


def _move_commit(gate: Gate, folder: Path, version: int, why: str) -> list[str]:
    with gate.hold(folder, exclusive=True) as there:  # nobody commits meanwhile
        newer = gate.identity(folder / LOG / commit_name(version + 1)) is not None
        if not there or newer or not fault_of(gate, folder, version):
            return []
        what = f"commit {version} was left half written by a crash ({why}) and does not count"
        return [_move_aside(gate, folder, commit_name(version), what)]


def repair_unreadable(gate: Gate, folder: Path) -> list[str]:
    """The log does not open: reads the newest checkpoint whole to see whether it is the cause."""
    return _repair_checkpoint(gate, folder, gate.list(folder / LOG), deep=True)


def _repair_checkpoint(gate: Gate, folder: Path, listing: list[tuple[str, int]], *, deep: bool) -> list[str]:
    names = [n for n, _ in listing]
    points = [n for n in names if CHECKPOINT.match(n)]
    said: list[str] = []
    if points and not _is_parquet(gate, folder / LOG / points[-1], deep=deep):
        if commit_name(0) not in names and len(points) < 2:
            raise log_damaged(folder.name, "its only checkpoint is damaged and older commits are gone")
        bad = points.pop()
        with gate.hold(folder, exclusive=True) as there:
            if there and not _is_parquet(gate, folder / LOG / bad, deep=deep):
                said.append(_move_aside(gate, folder, bad, "a checkpoint was left half written by a crash"))
    if POINTER in names and (said or not _points_to(gate, folder, points)):
        with gate.hold(folder, exclusive=True) as there, suppress(FileNotFoundError):
            if there:
                said.append(_move_aside(gate, folder, POINTER, "the pointer to the newest checkpoint is wrong"))
    return said


def _is_parquet(gate: Gate, path: Path, *, deep: bool) -> bool:
    try:
        with gate.open_read(path) as source:
            size = source.size()
            if size <= 12 or cast(Any, source).read_at(4, size - 4) != b"PAR1":
                return False
            if deep:
                pq.ParquetFile(source).read(use_threads=False)
    except QueryError as why:
        return why.code == "E601"  # cleaned up since
    except (pa.ArrowException, OSError):
        return False
    return True


def _points_to(gate: Gate, folder: Path, points: list[str]) -> bool:
    """Whether the pointer can be read and names a checkpoint that is there."""
    try:
        version = int(json.loads(gate.read_bytes(folder / LOG / POINTER))["version"])
    except QueryError:  # gone since
        return True
    except (ValueError, TypeError, KeyError):
        return False
    start = f"{version:020d}.checkpoint"
    return any(n.startswith(start) for n in points) or any(n.startswith(start) for n, _ in gate.list(folder / LOG))


def _move_aside(gate: Gate, folder: Path, name: str, what: str) -> str:
    log = folder / LOG
    aside = f"damaged-{int(time.time())}-{name}.kept"
    gate.rename(log / name, log / aside)
    gate.sync(log)
    return f"table `{folder.name}`: {what}; moved to {LOG}/{aside}"
