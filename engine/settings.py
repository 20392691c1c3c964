"""Settings by name: what they may be, their defaults, and how text becomes a value."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from ..planner.records import dataclass
from ..planner.text import QueryError, fault

UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?\s*\Z", re.I)


@dataclass(frozen=True, slots=True)
class Setting:
    name: str
    summary: str
    default: Callable[[], Any]
    read: Callable[[Any], Any]  # ValueError says what it takes
    connect_only: bool = False


def size(value: Any) -> int:
    """Bytes: a number, or text such as 512MB, 2GiB."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    found = SIZE.match(value) if isinstance(value, str) else None
    if found is None or float(found[1]) <= 0:
        raise ValueError("a size such as 512MB or 2GB")
    return int(float(found[1]) * UNITS[found[2].lower()])


def flag(value: Any) -> bool:
    words = {"t": True, "true": True, "on": True, "1": True, "f": False, "false": False, "off": False, "0": False}
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in words:
        return words[value.lower()]
    raise ValueError("true or false")


def whole(least: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if isinstance(value, str) and re.fullmatch(r"-?\d+", value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value < 2**63:
            raise ValueError(f"a whole number of {least} or more")
        return value

    return read


def infer(value: Any) -> int | str:
    if value == "all":
        return "all"
    return whole(1)(value)


def word(*words: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value in words:
            return str(value)
        raise ValueError("one of " + ", ".join(words))

    return read


def zone(value: Any) -> str:
    try:
        ZoneInfo(str(value))
    except (OSError, ValueError, KeyError):
        raise ValueError("a time zone such as UTC or Asia/Seoul") from None
    return str(value)


def text(value: Any) -> str:
    if isinstance(value, str | os.PathLike):
        return os.fspath(value)
    raise ValueError("text")


def roots(value: Any) -> tuple[str, ...] | None:
    if value is None:
        return None
    if isinstance(value, str | os.PathLike):
        value = [value]
    try:
        found = tuple(os.fspath(v) for v in value)
    except TypeError:
        found = (b"",)
    if not all(isinstance(v, str) and v for v in found):
        raise ValueError("a folder, or a list of folders")
    return found


def folders(value: Any) -> tuple[str, ...]:
    """As `roots`; text may list several as the system's PATH does."""
    if isinstance(value, str):
        value = [v for v in value.split(os.pathsep) if v]
    return roots(value) or ()


def usable_processors() -> int:
    try:
        return max(1, len(os.sched_getaffinity(0)))
    except AttributeError:
        return max(1, os.cpu_count() or 1)


@lru_cache(maxsize=1)
def usable_memory() -> int:
    """What this process may use: the container's limit where there is one."""
    from .storage.paths import Gate

    found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 4 << 30
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            said = Gate().read_bytes(path).strip()
        except QueryError:
            continue
        if said.isdigit() and int(said) < found:
            found = int(said)
    return int(found)


def system_zone() -> str:
    """The system's time zone as an IANA name."""
    named = os.environ.get("TZ", "").lstrip(":")
    if named:
        try:
            return zone(named)
        except ValueError:
            pass
    try:
        real = os.path.realpath("/etc/localtime")
    except OSError:
        return "UTC"
    found = real.split("/zoneinfo/", 1)
    if len(found) == 2:
        try:
            return zone(found[1].removeprefix("posix/").removeprefix("right/"))
        except ValueError:
            pass
    return "UTC"


SETTINGS: Mapping[str, Setting] = {
    s.name: s
    for s in (
        Setting("threads", "workers that run at once", usable_processors, whole(1)),
        Setting(
            "memory",
            "bytes that queries may use; operators spill above their share",
            lambda: int(usable_memory() * 0.6),
            size,
        ),
        Setting("spill_dir", "folder for what does not fit in memory", lambda: "", text),
        Setting(
            "spill_limit",
            "bytes that spilled data may take on disk; 0: half of what is free",
            lambda: 0,
            lambda v: 0 if v in (0, "0") else size(v),
        ),
        Setting("batch_rows", "most rows in a batch", lambda: 65_536, whole(1)),
        Setting("morsel_bytes", "bytes of a text file that one worker takes at a time", lambda: 2 << 20, size),
        Setting("timezone", "zone of parsing, buckets and display", system_zone, zone),
        Setting("strict", "unknown fields, failed conversions and lossy casts are errors", lambda: False, flag),
        Setting("optimiser", "off must give the same rows", lambda: True, flag),
        Setting(
            "kernels",
            "compiled kernels: auto (for large input), always, never",
            lambda: "auto",
            word("auto", "always", "never"),
        ),
        Setting("seed", "of the random functions", lambda: 0, whole(0)),
        Setting(
            "table_order",
            "order of stored tables: stored, or desc (newest first)",
            lambda: "stored",
            word("stored", "desc", "asc"),
        ),
        Setting("infer", "records that readers look at before they fix types", lambda: 20_000, infer),
        Setting("durable", "off: stored tables skip fsync", lambda: True, flag),
        Setting("files", "folders below which paths may lie", lambda: None, roots, connect_only=True),
        Setting(
            "query_path",
            "folders in which proc looks for saved queries, behind the caller's own (default: $CORTADO_QUERY_PATH)",
            lambda: folders(os.environ.get("CORTADO_QUERY_PATH", "")),
            folders,
            connect_only=True,
        ),
        Setting("python_lookup", "Python variables may be named in queries", lambda: False, flag, connect_only=True),
        Setting("display_rows", "rows that the prompt and the table format show", lambda: 1000, whole(0)),
        Setting(
            "safe",
            "files only under listed folders, no network, no Python, no settings from query text",
            lambda: False,
            flag,
        ),
    )
}


def read_setting(name: str, value: Any) -> Any:
    """The value of a setting; E410 if there is no such setting or the value does not fit."""
    setting = SETTINGS.get(name)
    if setting is None:
        near = difflib.get_close_matches(name, SETTINGS, 1)
        raise fault("E410", f"no setting is named '{name}'", hint="system settings lists all", suggestions=tuple(near))
    try:
        return setting.read(value)
    except ValueError as why:
        shown = (
            {None: "null", True: "true", False: "false"}.get(value) if isinstance(value, bool | None) else repr(value)
        )
        raise fault("E410", f"setting '{name}' cannot be {shown}", hint=f"it takes {why}") from None


def check_in_query(name: str, value: Any, current: Mapping[str, Any]) -> Any:
    """As `read_setting`, for `set option.NAME` in a query's text."""
    read = read_setting(name, value)
    if SETTINGS[name].connect_only:
        raise fault("E410", f"setting '{name}' can only be given to connect()")
    if current.get("safe") and (name != "safe" or read is not True):
        raise fault("E705", f"setting '{name}' cannot be changed in safe mode")
    return read


def defaults() -> dict[str, Any]:
    return {name: setting.default() for name, setting in SETTINGS.items()}
