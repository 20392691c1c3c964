"""Bytes that were cut, flipped or put between; and what must hold of any file."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import cortado
from tests.property.outcome import header_of, rows_of


def bitten(draw: random.Random, data: bytes) -> bytes:
    """The same bytes with up to four faults."""
    out = bytearray(data)
    for _ in range(draw.randint(1, 4)):
        if not out:
            break
        i = draw.randrange(len(out))
        match draw.randint(0, 4):
            case 0 | 1:
                out[i] ^= 1 << draw.randint(0, 7)
            case 2:
                out[i] = draw.choice([0, 10, 13, 34, 44, 255, 92, 123, 125, 0xC3])
            case 3:
                del out[i : i + draw.randint(1, 20)]
            case _:
                out[i:i] = draw.choice([b"\0", b"\xff\xfe", b"\n\n", b'"', b"\xef\xbb\xbf"])
    return bytes(out)


def seen(session: cortado.Session, query: str) -> Any:
    """Columns, rows and notes, or code and message; never an internal error."""
    try:
        result = session.query(query).run()
        table = result.to_arrow()
    except cortado.QueryError as error:
        assert error.code != "E901", f"{query}\n{error}"
        return error.code, error.message
    notes = sorted((n.stage, n.kind, n.reason, n.count, n.samples) for n in result.notes if n.kind != "truncate")
    return header_of(table), rows_of(table), None if " limit=" in query else notes


def same_everywhere(ways: dict[str, cortado.Session], query: str, path: Path) -> Any:
    """Each way of reading sees the same."""
    first: Any = None
    for name, session in ways.items():
        found = seen(session, query)
        assert first is None or found == first, f"{name}: {query}\n{path.read_bytes()!r}\n{found}\n{first}"
        first = found
    return first
