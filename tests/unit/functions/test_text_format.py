"""`format` against Python's formatting (where the two agree) and against what Java prints."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortado.planner.text import QueryError
from tests.unit.functions.harness import call, dates, doubles, longs, strings

quick = settings(max_examples=60, deadline=None)
LONGS = st.integers(-(2**63), 2**63 - 1) | st.integers(-1500, 1500)
FINITE = st.floats(allow_nan=False, allow_infinity=False) | st.floats(-1e6, 1e6)


def one(template: str, *values: Any) -> Any:
    got, rejects = call("format", template, *values)
    assert rejects == {}
    return got[0]


@quick
@given(
    st.lists(LONGS, min_size=1, max_size=5),
    st.sampled_from(["%d", "%8d", "%-8d|", "%08d", "%,d", "%+,d", "% d", "%+025d", "%,25d", "%020d", "%,030d"]),
)
def test_whole_numbers(values: list[int], template: str) -> None:
    python = template.replace("%", "{:", 1).replace("-", "<", 1).replace("d", "d}", 1)
    if "," in python:
        python = python.replace(",", "").replace("d}", ",d}")
    if ",030" in template:  # Java puts zeros before the groups, Python groups the zeros too
        expected = [("-" if v < 0 else "") + f"{abs(v):,d}".rjust(30 - (v < 0), "0") for v in values]
    else:
        expected = [python.format(v) for v in values]
    assert call("format", template, longs(*values)) == (expected, {})


@quick
@given(st.lists(LONGS, min_size=1, max_size=5))
def test_hexadecimal_is_of_64_bits(values: list[int]) -> None:
    assert call("format", "%x|%018X", longs(*values), longs(*values))[0] == [
        f"{v % 2**64:x}|{v % 2**64:018X}" for v in values
    ]


def half_up(value: float, places: int) -> str:
    with localcontext() as context:
        context.prec = 3000
        return f"{Decimal(repr(value)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP):f}"


@quick
@given(st.lists(FINITE, min_size=1, max_size=5), st.sampled_from([0, 1, 2, 6, 17, 40]))
def test_decimals_round_half_up(values: list[float], places: int) -> None:
    assert call("format", f"%.{places}f", doubles(*values)) == ([half_up(v, places) for v in values], {})


@quick
@given(st.lists(FINITE, min_size=1, max_size=5), st.sampled_from([0, 2, 6]))
def test_scientific_notation(values: list[float], places: int) -> None:
    got = call("format", f"%.{places}e", doubles(*values))[0]
    for v, text in zip(values, got, strict=True):
        assert abs(Decimal(text) - Decimal(repr(v))) <= abs(Decimal(repr(v))) * Decimal("0.5").scaleb(-places)
        mantissa, exponent = text.split("e")
        assert len(exponent) >= 3 and exponent[0] in "+-" and len(mantissa.lstrip("-").replace(".", "")) == places + 1


def test_what_java_prints() -> None:
    assert one("%.2f %.1f %.2f %.0f", 1.005, 0.25, 0.125, 2.5) == "1.01 0.3 0.13 3"
    assert one("%f|%10.3f|%-10.3f|%010.3f|%+.1f|%,.2f", 1.5, -1.5, 1.5, -1.5, 2.0, 1234567.891) == (
        "1.500000|    -1.500|1.500     |-00001.500|+2.0|1,234,567.89"
    )
    assert one("%e %E %.0e", 12345.678, 0.00012, 5.0) == "1.234568e+04 1.200000E-04 5e+00"
    assert one("%s %S %5s|%-5s|%.2s", "ab", "ab", "한", "한", "한글날") == "ab AB     한|한    |한글"
    assert one("%x %X", 255, 255) == "ff FF"
    assert one("100%% %5% %-5%|%n", 1) == "100%     % %    |\n"
    assert one("%2$s-%1$s-%s-%s", "a", "b") == "b-a-a-b"
    assert (
        one("%f %f %f|%8f|%08f", math.nan, math.inf, -math.inf, math.nan, math.inf)
        == "NaN Infinity -Infinity|     NaN|Infinity"
    )
    assert one("%08.1f %+f", -math.inf, math.nan) == "-Infinity NaN"
    assert one("%.3f %.1f", 7, -3) == "7.000 -3.0"
    assert one("%e", 1500) == "1.500000e+03"
    assert one("%s %s %s %s", 1, 2.0, True, None) == "1 2.0 true null"
    assert one("no items") == "no items"
    assert one("") == ""


def test_null_prints_null() -> None:
    got = call(
        "format",
        "%s %d %.2f %6x|%06d",
        strings(None, "a"),
        longs(None, 1),
        doubles(None, 1.0),
        longs(None, 10),
        longs(None, 7),
    )
    assert got == (["null null null   null|  null", "a 1 1.00      a|000007"], {})
    assert one("%d %f", None, None) == "null null"


def test_a_bad_pair_is_null_and_counted() -> None:
    assert call("format", "%d", strings("12", None)) == ([None, "null"], {"type": 1})
    assert call("format", "%d", doubles(1.5)) == ([None], {"type": 1})
    assert call("format", "%x", doubles(1.5)) == ([None], {"type": 1})
    assert call("format", "%f %d", strings("a", "b"), doubles(1.0, None)) == ([None, None], {"type": 2})
    assert call("format", "%d", pa.array([True, None])) == ([None, "null"], {"type": 1})


def test_values_of_an_array() -> None:
    lists = pa.array([["a", "b"], ["c"], None, ["d", None, "e"]])
    assert call("format", "%2$s-%1$s", lists) == (["b-a", None, None, "null-d"], {"type": 1})
    assert call("format", "%03d,%d", pa.array([[1, 2], [3, None]])) == (["001,2", "003,null"], {})
    assert call("format", "%03d,%d", pa.array([[9, 9], [1, 2]]).slice(1))[0] == ["001,2"]


def test_dates_as_their_text() -> None:
    assert call("format", "[%s]", dates(0, None))[0] == [f"[{call('concat', dates(0))[0][0]}]", "[null]"]


def test_templates_that_are_data() -> None:
    got = call("format", strings("%d!", "<%d>", None, "%q", "%d!", "%d%d"), longs(1, 2, 3, 4, None, 6))
    assert got == (["1!", "<2>", None, None, "null!", None], {"type": 2})


@pytest.mark.parametrize(
    "template",
    [
        "%q",
        "%",
        "abc %",
        "%5",
        "%-d",
        "%0d",
        "%-05d",
        "%+ d",
        "%++d",
        "%+s",
        "%,x",
        "%.2d",
        "%,e",
        "%s %s",
        "%3$s",
        "%0$s",
        "%(d",
        "%#x",
        "%<s",
        "%tY",
        "%99999d",
        "%D",
    ],
)
def test_a_template_that_can_never_work_is_refused(template: str) -> None:
    with pytest.raises(QueryError, match="E307"):
        call("format", template, longs(1))


def test_no_rows() -> None:
    assert call("format", "%5d %s %.1f", longs(), strings(), doubles()) == ([], {})
