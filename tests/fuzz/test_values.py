# mypy: disable-error-code="arg-type"
"""Texts near numbers and times, read by the kernels, by the general forms, and by Python."""

from __future__ import annotations

import datetime as dt
import random
import re

import pyarrow as pa

import cortado

from .rounds import draws, rounds

Sessions = dict[str, cortado.Session]
BLANKS = " \t\n\r\f\v"
ODD_NUMBERS = [
    "nan",
    "NaN",
    "inf",
    "-inf",
    "Infinity",
    "+Infinity",
    "INF",
    "nan0",
    "1_000",
    "1,000",
    "１２",
    "٣",
    "1e",
    "e1",
    ".",
    "-",
    "+",
    "--1",
    "1.2.3",
    "0b1",
    "1L",
    "1f",
    "0x1p3",
    "-0",
    "-0.0",
    "00012",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551616",
    "4.9e-324",
    "2.4703282292062327e-324",
    "1.7976931348623159e308",
    "1.7976931348623157e308",
    "1e309",
    "1e-400",
    "0.1",
    "0x",
    "0xffffffffffffffff",
    "0x7fffffffffffffff",
    "-0x8000000000000000",
]


def digits(draw: random.Random, least: int, most: int) -> str:
    return "".join(draw.choice("0123456789") for _ in range(draw.randint(least, most)))


def number_text(draw: random.Random) -> str:
    sign = draw.choice(["", "-", "+"])
    match draw.randint(0, 9):
        case 0 | 1 | 2:
            text = sign + digits(draw, 1, draw.choice([3, 8, 16, 19, 20, 25]))
        case 3 | 4 | 5:
            exponent = draw.choice(["", draw.choice("eE") + draw.choice(["", "-", "+"]) + digits(draw, 0, 3)])
            text = (
                sign
                + digits(draw, 0, draw.choice([3, 17, 25]))
                + draw.choice([".", ""])
                + digits(draw, 0, draw.choice([2, 9, 30]))
                + exponent
            )
        case 6:
            text = (
                sign
                + draw.choice(["0x", "0X"])
                + "".join(draw.choice("0123456789abcdefABCDEF") for _ in range(draw.randint(0, 18)))
            )
        case 7:
            text = draw.choice(ODD_NUMBERS)
        case 8:
            text = repr(draw.random() * 10.0 ** draw.randint(-300, 300))
        case _:
            text = "".join(draw.choice("0123456789+-.eExX _ab\t") for _ in range(draw.randint(0, 12)))
    before, after = (draw.choice(["", "", "", "", *BLANKS, "\u00a0", "\0"]) for _ in range(2))
    return f"{before}{text}{after}"  # fmt: skip


def as_long(text: str) -> int | None:
    text = text.strip(BLANKS)
    if not re.fullmatch(r"[+-]?([0-9]+|0[xX][0-9a-fA-F]+)", text):
        return None
    value = int(text, 16 if "x" in text.lower() else 10)
    return value if -(2**63) <= value < 2**63 else None


def as_double(text: str) -> float | None:
    text = text.strip(BLANKS)
    if re.fullmatch(r"[+-]?0[xX][0-9a-fA-F]+", text):
        return float(int(text, 16))
    if re.fullmatch(r"[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|(?i:nan|inf|infinity))", text):
        return float(text)
    return None


def test_numbers_are_read_as_python_reads_them(ways: Sessions) -> None:
    draw = draws("numbers")
    for _ in rounds(6):
        texts = [number_text(draw) for _ in range(500)]
        wanted_long, wanted_double = [as_long(t) for t in texts], [as_double(t) for t in texts]
        wanted_int = [v if v is not None and -(2**31) <= v < 2**31 else None for v in wanted_long]
        for name in ("general", "compiled"):
            query = ways[name].query(
                "table t | eval l = long(s), d = double(s), i = int(s)", sources={"t": pa.table({"s": texts})}
            )
            found = query.to_arrow().to_pydict()
            for column, wanted in (("l", wanted_long), ("d", wanted_double), ("i", wanted_int)):
                wrong = [(t, a, b) for t, a, b in zip(texts, found[column], wanted, strict=True) if repr(a) != repr(b)]
                assert not wrong, (name, column, wrong[:5])  # fmt: skip


FORMS = [
    ("yyyy-MM-dd HH:mm:ss", "%Y-%m-%d %H:%M:%S"), ("yyyy-MM-dd", "%Y-%m-%d"), ("dd/MMM/yyyy:HH:mm:ss Z", "%d/%b/%Y:%H:%M:%S %z"),
    ("MM/dd/yyyy HH:mm", "%m/%d/%Y %H:%M"), ("yyyy-MM-dd'T'HH:mm:ss.SSSSSS", "%Y-%m-%dT%H:%M:%S.%f"), ("yyyy-DDD", "%Y-%j"),
    ("HH:mm:ss dd.MM.yyyy", "%H:%M:%S %d.%m.%Y"), ("hh:mm a, dd MMM yyyy", "%I:%M %p, %d %b %Y"), ("yyyyMMddHHmmss", "%Y%m%d%H%M%S"),
    ("EEE MMM dd HH:mm:ss yyyy", "%a %b %d %H:%M:%S %Y"),
]  # fmt: skip
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def micros(value: dt.datetime) -> int:
    return (value - EPOCH) // dt.timedelta(microseconds=1)


def test_times_are_written_and_read_as_python_does(ways: Sessions) -> None:
    draw = draws("times")
    for _ in rounds(3):
        for java, python in FORMS:
            years = [draw.choice([1000, 1582, 1900, 1969, 1970, 1999, 2000, 2024, 2026, 2100, 9998]) for _ in range(60)]
            times = [
                dt.datetime(y, 1, 1, tzinfo=dt.UTC)
                + dt.timedelta(seconds=draw.randint(0, 31_400_000), microseconds=draw.choice([0, 1, 123_000, 999_999]))
                for y in years
            ]
            texts = [t.strftime(python) for t in times]
            back = [
                micros(s if (s := dt.datetime.strptime(t, python)).tzinfo else s.replace(tzinfo=dt.UTC)) for t in texts
            ]
            table = pa.table({"d": pa.array(times, pa.timestamp("us", "UTC")), "s": texts})
            query = f'table t | eval j = string(d, "{java}"), p = strftime(d, "{python}"), x = date(s, "{java}"), y = strptime(s, "{python}"), r = date(string(d))'
            for name in ("general", "compiled"):
                found = ways[name].query(query, sources={"t": table}).to_arrow()
                assert found["j"].to_pylist() == found["p"].to_pylist() == texts, (name, java)
                for column, wanted in (("x", back), ("y", back), ("r", [micros(t) for t in times])):
                    assert found[column].cast(pa.int64()).to_pylist() == wanted, (name, java, column)  # fmt: skip


def test_broken_times_are_refused_alike(ways: Sessions) -> None:
    """One character of a good text is changed: kernels and general forms say the same, ISO as Python does."""
    draw = draws("broken times")
    for _ in rounds(2):
        for java, python in FORMS:
            texts: list[str] = []
            isos: list[str] = []
            for _ in range(100):
                time = dt.datetime(draw.choice([1582, 1970, 2024, 2100]), 1, 1) + dt.timedelta(
                    seconds=draw.randint(0, 31_400_000)
                )
                for out, text in ((texts, time.strftime(python)), (isos, time.isoformat())):
                    i = draw.randint(0, len(text))
                    out.append(
                        text[:i]
                        + draw.choice(["", "0", "9", "-", ":", "x", "1", "T", "3", "13"])
                        + text[i + draw.choice([0, 1, 1]) :]
                    )
            query = f'table t | eval x = date(s, "{java}"), y = strptime(s, "{python}"), i = date(iso)'
            sources = {"t": pa.table({"s": texts, "iso": isos})}
            one, two = (ways[n].query(query, sources=sources).to_arrow() for n in ("general", "compiled"))
            assert one.equals(two), java
            for text, value in zip(isos, one["i"].cast(pa.int64()).to_pylist(), strict=True):
                if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", text):
                    assert value == python_iso(text), text  # fmt: skip


def python_iso(text: str) -> int | None:
    try:
        return micros(dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC))
    except ValueError:
        return None
