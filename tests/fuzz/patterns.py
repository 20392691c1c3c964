"""Regular expressions at random, and lines that nearly match them: a pattern is drawn together with texts that it describes."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

Draw = random.Random
Sample = Callable[[Draw], str]

CLASSES: tuple[tuple[str, str], ...] = (
    (r"\S", "ab1-é/.\x0b"), (r"\d", "0579"), (r"\w", "az_09Q"), (".", "a \té한🙂\r\x00"), (r"[^ ]", "a\té\n"),
    (r'[^"]', "a 1é"), (r"[^\]]", "a[ 1"), ("[A-Z]", "AMZ"), ("[a-z]", "amz"), (r"[\d.]", "1.9"), (r"[\w.-]", "a.-_9"),
    (r"[0-9a-f]", "0af9"), (r"\s", " \t\r\n\x0c"), (r"\D", "a é"), (r"\W", " -é"), ("[:alpha:]", ":alph"), ("[[:alpha:]]", "aZ"),
    (r"[^\s,]", "a-é"), (r"[^=;\n]", "k v"), ("[ab]", "ab"), ("[^a]", "bé "), (r"[\x00-\x1f]", "\x00\t\x1f"), ("[가-힣]", "한힣"),
    (r"[[:^digit:]]", "a é"), (r"[^\W\d]", "a_Z"), ("[!-~]", "!a~"), ("[]a]", "]a"), ("[^]a]", "b "), ("[a-]", "a-"), (r"\pL", "aé"),
)  # fmt: skip
LITERALS = (
    " ", " ", " ", '"', "-", "=", ":", "/", "[", "]", "a", "b", "ab", "abc", "port ", "user=", ": ", '" "', "é", "한", "🙂",
    "status", "x" * 9, "1", ".", "\t", "0123456789abcdefghij", "GET ", "aa", ",", "{", "}", "\\",
)  # fmt: skip
WIDE_REPEATS = ("+", "+", "*", "+?", "*?")
REPEATS = ("", "", *WIDE_REPEATS, "?", "{1,3}", "{2}", "{0,2}?", "{2,}", "??", "{4}", "{1,}?", "{3,9}")
KNOWN = (
    r"^(\S+).* (\S+)$", r"^(?:\S+).* (\S+)$", r"^(\S+).* (?:\S+)$", r'^(\S+) (\S+) (\S+) \[([^\]]+)\] "(\S+) (\S+) ([^"]*)" (\d+) (\S+) "([^"]*)" "([^"]*)"',
    r"status=(\d+)", r"user (\w+) from ([\d.]+) port (\d+)", r"\[([A-Z]+)\]", r"^(.*?)\s*$", r"^\s*(.*\S)\s*$", r"(\S+):(\d+)$",
    r"(\w+)=(\S*)", r"(?:GET|POST) (\S+)", r"took (\d+)(?:\.(\d+))? ?(ms|s)", r"^(\d{4})-(\d\d)-(\d\d)", r"(?s)^(.*)\n(.*)$",
    r"a.*b.*c", r"a.*?b.*?c", r"^(\S+).*? (\S+)$", r"(a|ab)(c|bcd)?(d*)", r"(\S*) (\S*)$", r'"([^"]*)"[^"]*"([^"]*)"$', r".*",
    r"(\w+)@(\w+)\.com", r"(\d+)-(\d+)?", r"x*", r"\s*$", r"^(.+):(.+)$", r"(.)(.)$", r"^.{3}(.*)", r"[^a]*a", r"(?:a|b|(c))+", r"\bport\b", r"\b(\w+)\b (\d+)\b", r"(\d{1,3})\b", r"([\d.]+)\b", r"\b(\w*)\b", r"\b", r".*?1\b$", r"a.*b\b", r".*?1\b$", r"a.*b\b",
)  # fmt: skip
GIVEN = (
    '1.2.3.4 - - [01/Jan/2026:00:00:01 +0000] "GET /a?b HTTP/1.1" 200 33 "-" "Mozilla/5.0 (X; é)"', "user=ann from 1.2.3.4 port 22 ssh2",
    "user bob from 10.0.0.1 port 5", "status=404 took 31.5 ms", "[INFO] [12] a: b:c:8080", "2026-11-26 a=b c= d", "", " ", "abcd", "abcbcd",
    "x@y.com", "a b c a b c", "12-", "ab\ncd\nef", "한글 port é", "\r", "a\tb\r", "aXbYcZb", "aaaaaaaaaaaaaaaaaaaaaaaaab", '"a" b "c"',
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Drawn:
    text: str
    sample: Sample


def pattern(draw: Draw) -> Drawn:
    """With `^` and `$` or not; groups are numbered, as users may write them."""
    if draw.random() < 0.12:
        given = draw.choice(KNOWN)
        return Drawn(given, lambda d: d.choice(GIVEN))
    body = _sequence(draw, 2, draw.choice([1, 2, 3, 4, 4, 6, 9]))
    flags = draw.choice(["(?s)", "(?i)", "(?i)", "(?is)"]) if draw.random() < 0.15 else ""
    text = flags + draw.choice(["", "^"]) + body.text + draw.choice(["", "", "$"])
    return Drawn(text, body.sample)


def _sequence(draw: Draw, depth: int, length: int) -> Drawn:
    parts = [_part(draw, depth) for _ in range(length)]
    return Drawn("".join(p.text for p in parts), lambda d: "".join(p.sample(d) for p in parts))


def _part(draw: Draw, depth: int) -> Drawn:
    kind = draw.random()
    if kind < 0.04:
        return Drawn(draw.choice([r"\b", r"\b", r"\b", r"\B"]), lambda d: "")
    if kind < 0.3:
        literal = draw.choice(LITERALS)
        return Drawn("".join("\\" + c if c in '.[]{}\\"' else c for c in literal), lambda d: literal)
    if kind < 0.42:
        rest = draw.choice([".*", ".*", ".*?", ".+", ".+?", ""]), draw.choice(["", " ", "x yz", "é" * 3, "a=b " * 4])
        return Drawn(rest[0], lambda d: rest[1])
    if kind < 0.75 or depth == 0:
        return _run(draw)
    inner = _sequence(draw, depth - 1, draw.randint(1, 3))
    if kind < 0.88:
        return Drawn(f"({inner.text})", inner.sample)
    if kind < 0.94:
        mark = draw.choice(["?", "?", "??", "+", "*", "{2}"])
        group = draw.choice(["(", "(?:"])
        return Drawn(f"{group}{inner.text}){mark}", lambda d: inner.sample(d) if d.random() < 0.6 else "")
    others = [inner, *(_sequence(draw, depth - 1, draw.randint(0, 2)) for _ in range(draw.randint(1, 2)))]
    joined = "|".join(o.text for o in others)
    return Drawn(f"{draw.choice(['(', '(?:'])}{joined})", lambda d: d.choice(others).sample(d))


def _run(draw: Draw) -> Drawn:
    (name, signs), times = draw.choice(CLASSES), draw.choice(REPEATS)
    usual = {"": (1, 1), "?": (0, 1), "??": (0, 1), "{1,3}": (1, 3), "{2}": (2, 2), "{4}": (4, 4), "{0,2}?": (0, 2)}
    least, most = usual.get(times, (1, 9))
    text = name + times
    if draw.random() < 0.5:
        text = f"({text})"

    def sample(d: Draw) -> str:
        n = d.randint(least, most) if d.random() < 0.9 else d.choice([0, 7, 8, 9, 15, 16, 17, 63, 64, 65, 130])
        return "".join(d.choice(signs) for _ in range(n))

    return Drawn(text, sample)


NOISE = ("", " ", "a", "b ", "é", '"', "[x] ", "12", "한 ", "\t", "\r", "port ", "=", "\x00", "🙂", "a:b ", "zzz")


def lines(draw: Draw, drawn: Drawn, n: int) -> list[str]:
    return [_line(draw, drawn) for _ in range(n)]


def _line(draw: Draw, drawn: Drawn) -> str:
    kind = draw.random()
    if kind < 0.03:
        return ""
    if kind < 0.1:
        return draw.choice(GIVEN)
    if kind < 0.2:
        return "".join(draw.choice(NOISE) for _ in range(draw.randint(1, 12)))
    text = drawn.sample(draw)
    if draw.random() < 0.5:
        text = draw.choice(NOISE) + text + draw.choice(NOISE)
    if draw.random() < 0.06:
        text = draw.choice([text.upper(), text.swapcase(), text.replace("s", "ſ").replace("k", "\u212a")])
    if draw.random() < 0.35:
        text = _damaged(draw, text)
    if draw.random() < 0.08:
        text = text + draw.choice(["", " ", "\n"]) + drawn.sample(draw)
    if draw.random() < 0.15:  # lengths around those of words and vectors
        short = draw.choice([7, 8, 9, 15, 16, 17, 62, 63, 64, 65, 66, 127, 128, 129, 300]) - len(text.encode())
        text = draw.choice([draw.choice("ax 1") * short + text, text + draw.choice("ax 1") * short])
    if draw.random() < 0.002:
        text = draw.choice([text * 300, "a" * 9000 + text, text + " b" * 9000])
    return text


def _damaged(draw: Draw, text: str) -> str:
    at = draw.randint(0, len(text))
    kind = draw.randint(0, 3)
    if kind == 0:
        return text[:at] + text[at + draw.randint(1, 3) :]
    if kind == 1:
        return text[:at] + draw.choice(NOISE) + text[at:]
    if kind == 2:
        return text[:at]
    return text[:at] + draw.choice('ab 1é\n"[]-=') + text[at + 1 :]
