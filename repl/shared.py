"""What the command and everything behind it share: exit statuses, NAME=VALUE pairs, standard input. Imports nothing of the engine."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

DONE, FAILED, USAGE, LIMIT, REJECTED, INTERRUPTED = 0, 1, 2, 3, 4, 130
FORMATS = ("table", "vertical", "csv", "tsv", "json", "jsonl", "markdown", "html", "parquet", "arrow")


class Gone(Exception):
    """The reader of standard output went away, as `| head` does. Click would make a failure of the system's own error."""


def pairs(given: tuple[str, ...], flag: str) -> dict[str, str]:
    out: dict[str, str] = {}
    for item in given:
        name, sign, value = item.partition("=")
        if not sign or not name:
            raise click.UsageError(f"{flag} takes NAME=VALUE, not '{item}'")
        out[name] = value
    return out


def standard_input() -> str:
    if sys.stdin is None:
        raise click.UsageError("standard input is closed")
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as why:
        raise click.UsageError(f"the query on standard input is no UTF-8: {why.reason} at byte {why.start:,}") from None


def default_database() -> Path:
    if named := os.environ.get("CORTADO_DB"):
        return Path(named)
    from platformdirs import user_data_dir

    return Path(user_data_dir("cortado")) / "db"
