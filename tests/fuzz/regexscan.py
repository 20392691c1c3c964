"""What the scan of a text file finds of a pattern on its way, against the general path over the same file."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import cortado
from cortado.engine.regex import PatternError, compile_re2

from .patterns import lines, pattern

PARTS = re.compile(r"(?s)(\(\?[a-z]+\))?(\^?)(.*?)(\$?)")


def scanned_wrong(
    draw: random.Random, n_lines: int, folder: Path, general: cortado.Session, fast: cortado.Session
) -> str | None:
    """What differs for one pattern, or nothing; None where RE2 refuses it. The whole match is the field."""
    drawn = pattern(draw)
    found = PARTS.fullmatch(drawn.text)
    assert found is not None
    flags, begin, body, end = (part or "" for part in found.groups())
    source = f"{flags}{begin}(?<w>{body}){end}"
    try:
        compile_re2(source)
    except (PatternError, UnicodeError):
        return None
    path = folder / "lines.log"
    path.write_bytes("\n".join(lines(draw, drawn, n_lines)).encode() + b"\n")
    tail = draw.choice(["| search isnotnull(w) | fields w", "| fields w", "| fields line, w"])
    with_quotes = source.replace("'", "\\x27")
    asked = f"textfile '{path}' | rex field=line '{with_quotes}' {tail}"
    told = [_told(session, asked) for session in (general, fast)]
    return "" if told[0] == told[1] else f"{asked}: {told[1]}, not {told[0]}"


def _told(session: cortado.Session, asked: str) -> tuple[Any, Any]:
    result = session.query(asked).run()
    return result.to_pylist(), [(n.kind, n.reason, n.count, tuple(n.samples)) for n in result.notes]
