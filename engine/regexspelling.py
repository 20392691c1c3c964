r"""Patterns that only Python's machine can run, spelled so that their parts mean there what they mean to RE2.

To Python `\d \w \s \b` look at all of Unicode, `$` also stands before a last newline, `[[:alpha:]]` is a class of other
characters, and `\z`, `\Q...\E`, `\x{41}` are none. What both know is left as it is, and what neither the one spelling nor
the other can say is left to Python to refuse.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

Ranges = Sequence[tuple[int, int]]

JAVA_CLASSES = {
    "Alpha": "alpha", "Digit": "digit", "Alnum": "alnum", "Upper": "upper", "Lower": "lower", "Punct": "punct",
    "Graph": "graph", "Print": "print", "Blank": "blank", "Cntrl": "cntrl", "XDigit": "xdigit", "Space": "space",
    "ASCII": "ascii",
}  # fmt: skip
_DIGIT, _UPPER, _LOWER = (0x30, 0x39), (0x41, 0x5A), (0x61, 0x7A)
_POSIX: dict[str, Ranges] = {  # POSIX, Base Definitions, 9.3.5, and `ascii` and `word`, which RE2 adds
    "alnum": (_DIGIT, _UPPER, _LOWER), "alpha": (_UPPER, _LOWER), "ascii": ((0, 0x7F),),
    "blank": ((9, 9), (0x20, 0x20)), "cntrl": ((0, 0x1F), (0x7F, 0x7F)), "digit": (_DIGIT,),
    "graph": ((0x21, 0x7E),), "lower": (_LOWER,), "print": ((0x20, 0x7E),),
    "punct": ((0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E)), "space": ((9, 13), (0x20, 0x20)),
    "upper": (_UPPER,), "word": (_DIGIT, _UPPER, (0x5F, 0x5F), _LOWER), "xdigit": (_DIGIT, (0x41, 0x46), (0x61, 0x66)),
}  # fmt: skip
_SHORT: dict[str, Ranges] = {"d": _POSIX["digit"], "w": _POSIX["word"], "s": ((9, 10), (12, 13), (0x20, 0x20))}
_TOKEN = re.compile(
    r"""\\Q(?P<literal>.*?)(?:\\E|\Z)
    | \\x\{(?P<code>[0-9A-Fa-f]{1,6})\}
    | \\k<(?P<back>\w+)>
    | \\(?P<short>[dDwWsS])
    | \\(?P<sign>[pP])\{(?P<java>\w+)\}
    | \[:(?P<not>\^?)(?P<posix>\w+):\]
    | \\(?P<other>.)
    | (?P<group>\(\?<(?![=!]))
    | (?P<plain>.)""",
    re.VERBOSE | re.DOTALL,
)
_LINES = re.compile(r"\(\?[a-zA-Z]*m")


def in_python(source: str) -> str:
    """The pattern in Python's spelling; re.error where it holds what Python would take for something else."""
    has_lines = _LINES.search(source) is not None
    out: list[str] = []
    at = 0
    while at < len(source):
        if source[at] == "[":
            made, at = _bracket(source, at)
            out.append(made)
            continue
        found = _TOKEN.match(source, at)
        assert found is not None  # every character is one
        end = found.end()
        if found["posix"] is not None:
            end = at + 1
        out.append(_outside(found, source, has_lines))
        at = end
    return "".join(out)


def _outside(found: re.Match[str], source: str, has_lines: bool) -> str:
    ranges = _named(found, source) if found["posix"] is None else None
    if ranges is not None:
        return f"[{_spelled(ranges)}]"
    if found["literal"] is not None:
        return re.escape(found["literal"])
    if found["code"]:
        return _character(int(found["code"], 16))
    if found["back"]:
        return f"(?P={found['back']})"
    if found["group"]:
        return "(?P<"
    match found["other"]:
        case "b" | "B" as edge:
            return f"(?a:\\{edge})"
        case "z":
            return r"\Z"
    if found["plain"] == "$" and not has_lines:
        return r"\Z"
    if found["plain"] == "{" and source.startswith("{,", found.start()):
        return r"\{"  # a repetition to Python
    return found[0]


def _bracket(source: str, begin: int) -> tuple[str, int]:
    """The class that begins there, and where it ends."""
    at = begin + (2 if source.startswith("[^", begin) else 1)
    out = [source[begin:at]]
    if source.startswith("]", at):
        out.append(r"\]")
        at += 1
    while at < len(source) and source[at] != "]":
        if source.startswith("&&[", at):
            raise re.error("no machine here knows intersections of classes", source, at)
        found = _TOKEN.match(source, at)
        assert found is not None
        at = found.end()
        ranges = _named(found, source)
        if ranges is not None:
            out.append(_spelled(ranges))
        elif found["literal"] is not None:
            out.append(re.escape(found["literal"]))
        elif found["code"]:
            out.append(_character(int(found["code"], 16)))
        else:
            out.append(
                f"\\{found[0]}" if found[0] in ("[", "&", "|", "~") else found[0]
            )  # Python may mean sets by them
    if at == len(source):
        raise re.error("missing ]", source, begin)
    return "".join([*out, "]"]), at + 1


def _named(found: re.Match[str], source: str) -> Ranges | None:
    """The characters of a class that has a name; None: the token is another."""
    if short := found["short"]:
        ranges = _SHORT[short.lower()]
        return ranges if short.islower() else _complement(ranges)
    if java := JAVA_CLASSES.get(found["java"] or ""):
        return _POSIX[java] if found["sign"] == "p" else _complement(_POSIX[java])
    if found["posix"] is None:
        return None
    if found["posix"] not in _POSIX:
        raise re.error(f"no class is named {found[0]}", source, found.start())
    ranges = _POSIX[found["posix"]]
    return _complement(ranges) if found["not"] else ranges


def _complement(ranges: Ranges) -> Ranges:
    starts, ends = [0, *(high + 1 for _, high in ranges)], [*(low - 1 for low, _ in ranges), 0x10FFFF]
    return [(low, high) for low, high in zip(starts, ends, strict=True) if low <= high]


def _spelled(ranges: Ranges) -> str:
    return "".join(_character(a) if a == b else f"{_character(a)}-{_character(b)}" for a, b in ranges)


def _character(code: int) -> str:
    return f"\\U{code:08x}"
