"""Format strings in the manner of Java's Formatter: `%s %d %x %f %e %n %%` with flags, widths and positions.

Compiled once; each item is then formatted as a whole column. Rounding is Java's: half up on the shortest digits that
read back as the same double, so `%.2f` of 1.005 is 1.01 and of 0.125 is 0.13.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any, cast

import numpy as np
import pyarrow as pa

from ..planner.records import dataclass
from .arrow import array_from, call, concat, is_valid, numbers_of, offsets_of
from .strings import CodePoints, Ints, Mask, cut, runs, strings_from, view_of, weave
from .values import texts_from

ITEM = re.compile(r"%(?:(\d+)\$)?([-#+ 0,(<]*)(\d+)?(?:\.(\d+))?(.|$)", re.DOTALL)
FLAGS = {"s": "-", "d": "-+ 0,", "x": "-0", "f": "-+ 0,", "e": "-+ 0", "%": "-", "n": ""}
MOST_DIGITS = 1000  # of a width or a precision; Java's limit is the memory


class FormatError(ValueError):
    """A format string that can never work. `offset`: of the item, in characters."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Item:
    index: int  # 0-based, of the argument
    kind: str  # s d x f e
    upper: bool
    flags: str
    width: int
    precision: int  # -1: none given


Piece = str | Item


def compile_format(text: str) -> tuple[Piece, ...]:
    """Literal text and items in order; FormatError says what is wrong."""
    pieces: list[Piece] = []
    at = ordinary = 0
    while (percent := text.find("%", at)) >= 0:
        pieces.append(text[at:percent])
        found = ITEM.match(text, percent)
        assert found is not None
        item = _item(found, percent, ordinary)
        ordinary += isinstance(item, Item) and not found[1]
        pieces.append(item)
        at = found.end()
    pieces.append(text[at:])
    return tuple(p for p in pieces if p != "")


def _item(found: re.Match[str], offset: int, ordinary: int) -> Piece:
    position, flags, width, precision, letter = found.groups()
    kind = letter.lower() if letter in tuple("SXE") else letter
    if not letter or kind not in FLAGS:
        raise FormatError(f"format knows %s %d %x %f %e %n and %%, not '{found[0]}'", offset)
    wrong = next((f for f in flags if f not in FLAGS[kind]), "")
    if wrong:
        raise FormatError(f"'{found[0]}': %{letter} takes no flag '{wrong}'", offset)
    if len(set(flags)) < len(flags) or set("-0") <= set(flags) or set("+ ") <= set(flags):
        raise FormatError(f"'{found[0]}': flags that exclude one another, or one of them twice", offset)
    if set("-0") & set(flags) and not width:
        raise FormatError(f"'{found[0]}': the flag needs a width", offset)
    if precision and kind in "dx%n":
        raise FormatError(f"'{found[0]}': %{letter} takes no precision", offset)
    if int(width or 0) > MOST_DIGITS or int(precision or 0) > MOST_DIGITS:
        raise FormatError(f"'{found[0]}': width and precision are at most {MOST_DIGITS}", offset)
    if kind == "n":
        return "\n"
    if kind == "%":
        return "%".ljust(int(width or 0)) if "-" in flags else "%".rjust(int(width or 0))
    if position == "0":
        raise FormatError(f"'{found[0]}': positions begin at 1", offset)
    index = int(position) - 1 if position else ordinary
    return Item(index, kind, letter.isupper(), flags, int(width or 0), -1 if precision is None else int(precision))


def format_column(item: Item, column: pa.Array[Any], text: pa.Array[Any] | None) -> tuple[pa.Array[Any], Mask]:
    """The formatted column and the rows whose value does not go with the item. `text`: the column as text, for `%s`.

    null prints `null`, whatever the item.
    """
    valid = is_valid(column)
    if item.kind == "s":
        assert text is not None
        shown = _cut_to(text, item.precision)
        body, sign, numeric = _null_text(shown, valid), None, np.zeros(len(column), np.bool_)
    elif pa.types.is_int64(column.type):
        sign, body, numeric = _of_longs(item, column, valid)
    elif pa.types.is_float64(column.type) and item.kind in "fe":
        sign, body, numeric = _of_doubles(item, column, valid)
    else:  # nothing of this type goes with the item; null still prints
        sign, body, numeric = (
            None,
            _null_text(cast("pa.Array[Any]", pa.nulls(len(column), pa.string())), valid & False),
            valid & False,
        )
        return _finished(item, sign, body, numeric), valid
    return _finished(item, sign, body, numeric), np.zeros(len(column), np.bool_)


def _null_text(text: pa.Array[Any], valid: Mask) -> pa.Array[Any]:
    return text if valid.all() else call("if_else", array_from(valid), text, _constant("null"))


def _cut_to(text: pa.Array[Any], precision: int) -> pa.Array[Any]:
    return text if precision < 0 else call("utf8_slice_codeunits", text, start=0, stop=precision)


def _finished(item: Item, sign: pa.Array[Any] | None, body: pa.Array[Any], numeric: Mask) -> pa.Array[Any]:
    """Sign, zeros between, and blanks around up to the width; upper case if the letter was."""
    n = len(body)
    missing = np.zeros(n, np.int64)
    if item.width:
        used = CodePoints(view_of(body)).count().astype(np.int64)
        if sign is not None:
            used = used + np.diff(offsets_of(sign))
        missing = np.maximum(item.width - used, 0)
    parts = [body] if sign is None else [sign, body]
    if "0" in item.flags:
        zeros, blanks = np.where(numeric, missing, 0), np.where(numeric, 0, missing)
        parts = [runs(ord(" "), blanks), *parts[:-1], runs(ord("0"), zeros), body]
    elif item.width:
        around = runs(ord(" "), missing)
        parts = [*parts, around] if "-" in item.flags else [around, *parts]
    made = parts[0] if len(parts) == 1 else weave(parts, n)
    return call("utf8_upper", made) if item.upper else made


def _signs(item: Item, negative: Mask, numeric: Mask) -> pa.Array[Any]:
    """One byte or none: `-`, or what the flags put before a number that has none."""
    plus = "+" if "+" in item.flags else " " if " " in item.flags else ""
    size = np.where(numeric, negative | bool(plus), False)
    raw = np.where(negative, ord("-"), ord(plus or " ")).astype(np.uint8)[size]
    return strings_from(np.append(0, np.cumsum(size)), raw)


def _of_longs(item: Item, column: pa.Array[Any], valid: Mask) -> tuple[pa.Array[Any] | None, pa.Array[Any], Mask]:
    values = np.where(valid, numbers_of(column), 0)
    if item.kind == "x":
        return None, _null_text(hexadecimal(values), valid), valid
    negative = values < 0
    size = np.where(negative, -values.view(np.uint64), values.view(np.uint64)).astype(np.uint64)
    digits = call("cast", array_from(size), pa.string())
    if item.kind == "e":
        body = _exponents(["" if not ok else str(v) for v, ok in zip(size.tolist(), valid.tolist(), strict=True)], item)
    else:
        body = _grouped(digits) if "," in item.flags else digits
        places = 6 if item.precision < 0 else item.precision
        if item.kind == "f" and places:
            body = weave([body, _constant("." + "0" * places)], len(values))
    return _signs(item, negative, valid), _null_text(body, valid), valid


def _constant(text: str) -> pa.Scalar[Any]:
    raw = np.frombuffer(text.encode(), np.uint8)
    return cast("pa.Scalar[Any]", strings_from(np.array([0, len(raw)]), raw)[0])


def hexadecimal(values: Ints) -> pa.Array[Any]:
    """Lower-case digits of the 64 bits, without leading zeros."""
    raw = values.astype(">i8").view(np.uint8).reshape(-1, 8)
    nibbles = np.stack([raw >> 4, raw & 15], axis=2).reshape(-1, 16)
    first = np.where((nibbles != 0).any(axis=1), (nibbles != 0).argmax(axis=1), 15)
    letters = np.frombuffer(b"0123456789abcdef", np.uint8)[nibbles].reshape(-1)
    start = np.arange(len(values)) * 16 + first
    return cut(letters, start, 16 - first)


def _grouped(digits: pa.Array[Any]) -> pa.Array[Any]:
    """Commas between groups of three digits."""
    offsets = offsets_of(digits).astype(np.int64)
    size = np.diff(offsets)
    commas = np.maximum(size - 1, 0) // 3
    bounds = np.append(0, np.cumsum(size + commas))
    out = np.full(bounds[-1], ord(","), np.uint8)
    within = np.arange(offsets[-1] - offsets[0]) - np.repeat(offsets[:-1] - offsets[0], size)
    behind = np.repeat(size, size) - 1 - within
    at = np.repeat(bounds[:-1] + commas, size) + within - behind // 3
    out[at] = view_of(digits).data[offsets[0] : offsets[-1]]
    return strings_from(bounds, out)


def _of_doubles(item: Item, column: pa.Array[Any], valid: Mask) -> tuple[pa.Array[Any], pa.Array[Any], Mask]:
    values = np.where(valid, numbers_of(column), 0.0)
    finite = np.isfinite(values)
    size = np.abs(np.where(finite, values, 0.0))
    places = 6 if item.precision < 0 else item.precision
    if item.kind == "e":
        body = _exponents([repr(v) for v in size.tolist()], item)
    else:
        digits = fixed_digits(size, places)
        length = np.diff(offsets_of(digits))
        source = view_of(digits)
        whole = cut(source.data, source.start, length - places)
        body = _grouped(whole) if "," in item.flags else whole
        if places:
            body = weave(
                [body, _constant("."), cut(source.data, source.start + length - places, np.full(len(length), places))],
                len(size),
            )
    if not finite.all():
        names = call("if_else", array_from(np.isnan(values)), _constant("NaN"), _constant("Infinity"))
        body = call("if_else", array_from(finite), body, names)
    negative = np.signbit(values) & ~np.isnan(values)
    numeric = valid & finite
    return _signs(item, negative & valid, valid & ~np.isnan(values)), _null_text(body, valid), numeric


def fixed_digits(values: Ints, places: int) -> pa.Array[Any]:
    """Values (>= 0, finite) times 10^places, rounded half up on their shortest digits, as at least places + 1 digits."""
    near = _near_digits(values, places)
    if near is None:
        return _exact_digits(values, places)
    whole, unsure = near
    digits = _at_least(call("cast", array_from(whole), pa.string()), places, len(values))
    if not len(unsure):
        return digits
    rows = np.arange(len(values))
    rows[unsure] = len(values) + np.arange(len(unsure))
    return concat([digits, _exact_digits(values[unsure], places)]).take(array_from(rows))


def _exact_digits(values: Ints, places: int) -> pa.Array[Any]:
    """Decimals of 256 bits hold what lies between 1e-23 and 1e30; the rest is done by Python, one by one."""
    tiny = (values < 1e-23) & (places <= 22)
    wide = (values >= 1e30) | ((values < 1e-23) & (values > 0) & ~tiny) | (places > 38)
    shortest = call("cast", array_from(np.where(tiny | wide, 0.0, values)), pa.string())
    exact = call(
        "round",
        call("cast", shortest, pa.decimal256(76, 40)),
        ndigits=min(places, 38),
        round_mode="half_towards_infinity",
    )
    scaled = call("cast", exact, pa.decimal256(76, min(places, 38)))
    whole = pa.Array.from_buffers(pa.decimal256(76, 0), len(scaled), scaled.buffers(), offset=scaled.offset)
    digits = call("cast", whole, pa.string())
    if wide.any():
        made = [_python_digits(v, places) for v in values[wide].tolist()]
        index = np.arange(len(values))
        index[wide] = len(values) + np.arange(len(made))
        digits = concat([digits, texts_from(made)]).take(array_from(index))
    return _at_least(digits, places, len(values))


def _near_digits(values: Ints, places: int) -> tuple[Ints, Ints] | None:
    """The rounded values as longs, and the rows where a double's error could change them; None if those are many.

    Below 1e9 the product is off by less than 1e-6, so only what lies so near to a half needs exact decimals.
    """
    if places > 15 or not len(values):
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        product = values * 10.0**places
        whole = np.floor(product)
        rest = product - whole
    unsure = np.flatnonzero((product >= 1e9) | (np.abs(rest - 0.5) < 1e-6))
    if 2 * len(unsure) > len(values):
        return None
    return np.where(product < 1e9, whole + (rest > 0.5), 0).astype(np.int64), unsure


def _at_least(digits: pa.Array[Any], places: int, n: int) -> pa.Array[Any]:
    """Zeros before the digits, so that one stands before the point."""
    missing = np.maximum(places + 1 - np.diff(offsets_of(digits)), 0).astype(np.int64)
    return weave([runs(ord("0"), missing), digits], n) if missing.any() else digits


def _python_digits(value: float, places: int) -> str:
    with localcontext() as context:
        context.prec = 2 * MOST_DIGITS
        return str(int(Decimal(repr(value)).scaleb(places).quantize(Decimal(1), ROUND_HALF_UP)))


def _exponents(values: list[str], item: Item) -> pa.Array[Any]:
    """Scientific notation, one row at a time: nobody prints millions of them. "" is left empty."""
    places = 6 if item.precision < 0 else item.precision
    made = []
    with localcontext() as context:
        context.prec, context.rounding = places + 1, ROUND_HALF_UP
        for value in values:
            number = +Decimal(value or 0)
            mantissa, _, exponent = f"{number if number else Decimal(0):.{places}e}".partition("e")
            if not number:  # Decimal counts the places of a zero in its exponent
                exponent = "+0"
            made.append(f"{mantissa}e{exponent[0]}{exponent[1:]:0>2}" if value else "")
    return texts_from(made)
