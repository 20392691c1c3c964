"""Patterns that need look-around or back-references, by Python's machine: a call a row, in the interpreter, not in linear time."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .regexspelling import in_python
from .values import texts_from

Found = Sequence["re.Match[str] | None"]


def compile_python(source: str) -> re.Pattern[str]:
    """The pattern, whose parts mean what they mean to RE2; re.error if Python refuses it. Named groups may be Java's."""
    return re.compile(in_python(source))


def names_of(machine: re.Pattern[str]) -> tuple[str, ...]:
    """One a capture group, in order; "" for a group without a name."""
    names = [""] * machine.groups
    for name, number in machine.groupindex.items():
        names[number - 1] = name
    return tuple(names)


def first_matches(text: pa.Array[Any], machine: re.Pattern[str]) -> Found:
    return [machine.search(v) if v is not None else None for v in text.to_pylist()]


def spans_of(found: Found, group: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Start and length in bytes of a group within each row's text; -1 where it took no part or nothing matched."""
    start, length = np.zeros(len(found), np.int32), np.full(len(found), -1, np.int32)
    for row, m in enumerate(found):
        if m is not None and m.start(group) >= 0:
            start[row] = len(m.string[: m.start(group)].encode())
            length[row] = len(m[group].encode())
    return start, length


def all_matches(text: pa.Array[Any], machine: re.Pattern[str], group: int) -> tuple[NDArray[np.int32], pa.Array[Any]]:
    """Where each row's matches begin among all of them, and the group of each ("" where it took no part)."""
    bounds, items = [0], []
    for value in text.to_pylist():
        if value is not None:
            items += [m[group] or "" for m in machine.finditer(value)]
        bounds.append(len(items))
    return np.array(bounds, np.int32), texts_from(items)


def replace_all(text: pa.Array[Any], machine: re.Pattern[str], rewrite: str) -> pa.Array[Any]:
    r"""`rewrite` as RE2 has it: `\1` is a group, `\\` a backslash."""
    put = _filled(rewrite)
    return texts_from([None if v is None else machine.sub(put, v) for v in text.to_pylist()])


def _filled(rewrite: str) -> Callable[[re.Match[str]], str]:
    parts = re.split(r"\\([0-9\\])", rewrite)  # text, what stands behind a backslash, text, ...

    def put(m: re.Match[str]) -> str:
        made = (p if i % 2 == 0 else "\\" if p == "\\" else m[int(p)] or "" for i, p in enumerate(parts))
        return "".join(made)

    return put
