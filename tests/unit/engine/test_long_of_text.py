"""Text to whole numbers: by the kernel, by Arrow, and by the definition give the same, refused rows and reasons with them."""

from __future__ import annotations

import random
import re
from collections import Counter
from typing import Any

import pyarrow as pa
import pytest

from cortado.engine import casting, numbertext
from cortado.engine.batch import Spans
from cortado.planner.types import STRING
from tests.unit.functions.harness import spans_of

PARTS = ["-", "+", "0", "7", "12", "0x", "0X", "ff", " ", "\t", "\n", "_", ".", "e", "-", "", "x", "9223372036854775807", "9223372036854775808", "0" * 20,
         "١", "\u00a0", "é", "99999999999999999999999999999999999999999", "1234567", "8000000000000000"]  # fmt: skip


def by_definition(text: str | None) -> tuple[int | None, str]:
    """The number, and why there is none."""
    if text is None:
        return None, ""
    body = text.strip(numbertext.BLANKS)
    if re.fullmatch(r"[+-]?[0-9]+", body):
        value = int(body)
    elif re.fullmatch(r"[+-]?0[xX][0-9a-fA-F]+", body):
        value = int(body, 16)
    else:
        return None, "number"
    return (value, "") if value in numbertext.INT64 else (None, "overflow")


def converted(text: Any, compiled: bool) -> tuple[list[int | None], dict[int, str]]:
    told: dict[int, str] = {}

    def reject(reason: str, bad: Any, value: Any, hint: str) -> None:
        for row in bad.nonzero()[0].tolist():
            assert row not in told
            told[row] = reason

    return casting.to_long(text, STRING, reject, compiled).to_pylist(), told


def spans(texts: list[str | None]) -> Spans:
    """With a digit beside each text."""
    return spans_of(pa.array(texts, pa.string()), b"8")


@pytest.mark.parametrize("seed", range(40))
def test_all_ways_give_the_same(seed: int) -> None:
    draw = random.Random(seed)
    n_parts = draw.choice([1, 2, 4])
    texts = [
        None if draw.random() < 0.1 else "".join(draw.choices(PARTS, k=n_parts)) for _ in range(draw.choice([0, 1, 60]))
    ]
    right = [by_definition(t) for t in texts]
    wanted = [v for v, _ in right], {i: why for i, (_, why) in enumerate(right) if why}
    assert converted(pa.array(texts, pa.string()), False) == wanted
    assert converted(spans(texts), True) == wanted
    assert converted(spans(texts), False) == wanted


def test_rows_without_a_digit_are_refused_where_they_are() -> None:
    texts = ["-", "+", "", " ", "ab", "0xff", "-x1", None, "12", "٣"]
    found, told = converted(spans(texts), True)
    assert found == [None, None, None, None, None, 255, None, None, 12, None]
    assert Counter(told.values()) == {"number": 7}
