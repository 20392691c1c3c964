"""IP addresses between text and their 17 bytes: the family (4 or 6), then 16 bytes (v4 in the last four)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .arrow import array_from, bitmap_of, bools_of, buffer_of, call, is_valid
from .numbertext import BLANKS

IP = pa.binary(17)
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
V4 = rf"^(?:{_OCTET}\.){{3}}{_OCTET}$"
Mask = NDArray[np.bool_]


def pack(text: str) -> bytes | None:
    """One address; None if the text is none. A zone index (`%eth0`) is no part of an address."""
    import ipaddress

    try:
        address = ipaddress.ip_address(text.strip(BLANKS))
    except ValueError:
        return None
    if address.version == 4:
        return b"\4" + bytes(12) + address.packed
    return None if address.scope_id else b"\6" + address.packed


def bytes_of_ips(array: pa.Array[Any]) -> NDArray[np.uint8]:
    """n x 17; the rows of nulls are undefined."""
    data = array.buffers()[1]
    if data is None:
        return np.zeros((len(array), 17), np.uint8)
    whole: NDArray[np.uint8] = np.frombuffer(cast(Any, data), np.uint8, (len(array) + array.offset) * 17)
    return whole.reshape(-1, 17)[array.offset :]


def ips_from(data: NDArray[np.uint8], nulls: Mask) -> pa.Array[Any]:
    """From n x 17 bytes."""
    return pa.Array.from_buffers(IP, len(data), [bitmap_of(nulls), buffer_of(np.ascontiguousarray(data))])


def parse(text: pa.Array[Any]) -> pa.Array[Any]:
    """Addresses; null where the text is none. v4 column-wise, v6 one distinct value at a time."""
    n = len(text)
    trimmed = call("utf8_trim", text, characters=BLANKS)
    v4 = bools_of(call("match_substring_regex", trimmed, pattern=V4))
    out, nulls = np.zeros((n, 17), np.uint8), ~v4
    if v4.any():
        rows = np.flatnonzero(v4)
        out[rows, 0] = 4
        parts = call("list_flatten", call("split_pattern", trimmed.take(array_from(rows)), pattern="."))
        out[rows, 13:] = np.asarray(call("cast", parts, pa.uint8())).reshape(-1, 4)
    v6 = np.flatnonzero(~v4 & bools_of(call("match_substring", trimmed, pattern=":")))
    if len(v6):
        _parse_v6(trimmed.take(array_from(v6)), v6, out, nulls)
    return ips_from(out, nulls)


def _parse_v6(text: pa.Array[Any], rows: NDArray[Any], out: NDArray[np.uint8], nulls: Mask) -> None:
    coded: Any = call("dictionary_encode", text)
    packed = [pack(v) for v in coded.dictionary.to_pylist()]
    table = np.frombuffer(b"".join(p or bytes(17) for p in packed), np.uint8).reshape(-1, 17)
    good = np.array([p is not None for p in packed], np.bool_)
    codes = np.asarray(coded.indices)
    out[rows] = table[codes]
    nulls[rows] = ~good[codes]


def from_numbers(values: NDArray[np.int64], nulls: Mask) -> tuple[pa.Array[Any], Mask]:
    """v4 from 0 .. 2^32-1; and where a number is outside."""
    beyond = ~nulls & ((values < 0) | (values >= 2**32))
    out = np.zeros((len(values), 17), np.uint8)
    out[:, 0] = 4
    out[:, 13:] = values.astype(">u4").view(np.uint8).reshape(-1, 4)
    return ips_from(out, nulls | beyond), beyond


def to_numbers(array: pa.Array[Any]) -> tuple[NDArray[np.int64], Mask]:
    """The number of each v4 address, and where there is none (null, or v6, which 64 bits cannot hold)."""
    data = bytes_of_ips(array)
    values = np.ascontiguousarray(data[:, 13:]).view(">u4").ravel().astype(np.int64)
    return values, ~is_valid(array) | (data[:, 0] != 4)


@lru_cache(maxsize=1)
def _decimal_bytes() -> pa.Array[Any]:
    return call("cast", array_from(np.arange(256)), pa.string())


@lru_cache(maxsize=1)
def _hex_groups() -> pa.Array[Any]:
    return pa.array([f"{i:x}" for i in range(65_536)], pa.string())


def to_text(array: pa.Array[Any]) -> pa.Array[Any]:
    """Dotted v4; v6 as RFC 5952 says (longest run of zeros, then the first, is `::`; mapped v4 is `::ffff:1.2.3.4`)."""
    data, valid = bytes_of_ips(array), is_valid(array)
    six = valid & (data[:, 0] == 6)
    if not six.any():
        return call("if_else", array_from(valid), _v4_text(data), None)
    rows = np.flatnonzero(six)
    order = np.concatenate([np.flatnonzero(~six), rows])
    text = pa.concat_arrays([_v4_text(data[~six]), _v6_text(data[rows])])
    back = np.empty(len(order), np.int64)
    back[order] = np.arange(len(order))
    return call("if_else", array_from(valid), text.take(array_from(back)), None)


def _v4_text(data: NDArray[np.uint8]) -> pa.Array[Any]:
    parts = [_decimal_bytes().take(array_from(data[:, i].astype(np.int32))) for i in range(13, 17)]
    return call("binary_join_element_wise", *parts, ".")


def _v6_text(data: NDArray[np.uint8]) -> pa.Array[Any]:
    groups = np.ascontiguousarray(data[:, 1:]).view(">u2").astype(np.int32)
    shape = _zero_runs(groups)
    mapped = (groups[:, :5] == 0).all(axis=1) & (groups[:, 5] == 0xFFFF)
    shape[mapped] = -1
    pieces, order = [], []
    for key in np.unique(shape):
        rows = np.flatnonzero(shape == key)
        order.append(rows)
        pieces.append(
            _mapped_text(data[rows]) if key < 0 else _grouped_text(groups[rows], int(key) >> 4, int(key) & 15)
        )
    back = np.empty(len(data), np.int64)
    back[np.concatenate(order)] = np.arange(len(data))
    return pa.concat_arrays(pieces).take(array_from(back))


def _zero_runs(groups: NDArray[np.int32]) -> NDArray[np.int32]:
    """start * 16 + length of the zeros that `::` stands for, 0 where nothing is shortened; the longest, the first of those."""
    found, zero = np.zeros(len(groups), np.int32), groups == 0
    for size in range(2, 9):
        for start in range(8 - size, -1, -1):
            found[zero[:, start : start + size].all(axis=1)] = start * 16 + size
    return found


def _mapped_text(data: NDArray[np.uint8]) -> pa.Array[Any]:
    return call("binary_join_element_wise", "::ffff:", _v4_text(data), "")


def _grouped_text(groups: NDArray[np.int32], start: int, size: int) -> pa.Array[Any]:
    if not size:
        return _joined(groups)
    return call("binary_join_element_wise", _joined(groups[:, :start]), _joined(groups[:, start + size :]), "::")


def _joined(groups: NDArray[np.int32]) -> pa.Array[Any]:
    if not groups.shape[1]:
        return call("cast", call("fill_null", pa.nulls(len(groups), pa.string()), ""), pa.string())
    parts = [_hex_groups().take(array_from(np.ascontiguousarray(groups[:, i]))) for i in range(groups.shape[1])]
    return parts[0] if len(parts) == 1 else call("binary_join_element_wise", *parts, ":")


# networks


def width(data: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Bits of each address: 32 or 128."""
    return np.where(data[:, 0] == 6, 128, 32)


def _masks(data: NDArray[np.uint8], bits: NDArray[np.int64]) -> NDArray[np.uint8]:
    """n x 16: the leading `bits` of each address set; a v4 address ends at the same byte as a v6 one."""
    kept = np.where(data[:, 0] == 6, bits, bits + 96)[:, None] - np.arange(0, 128, 8)
    return (0xFF00 >> np.clip(kept, 0, 8) & 0xFF).astype(np.uint8)


def masked(data: NDArray[np.uint8], bits: NDArray[np.int64]) -> NDArray[np.uint8]:
    """The network of each address: what lies behind the first `bits` (0 to its width) is cleared."""
    out = np.ascontiguousarray(data).copy()
    out[:, 1:] &= _masks(data, bits)
    return out


def within(data: NDArray[np.uint8], nets: NDArray[np.uint8], bits: NDArray[np.int64]) -> Mask:
    """Whether each address is in its network (n x 17 and n, or one of each for all rows)."""
    differ = (data[:, 1:] ^ nets[:, 1:]) & _masks(nets, bits)
    return np.asarray((data[:, 0] == nets[:, 0]) & ~differ.any(axis=1))


def network_of(text: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]] | None:
    """`10.0.0.0/8` as 1 x 17 bytes and its prefix; an address alone is a network of itself. Host bits may be set."""
    body, slash, prefix = text.strip(BLANKS).partition("/")
    packed = pack(body)
    if packed is None or (slash and not (prefix.isascii() and prefix.isdigit() and len(prefix) < 4)):
        return None
    data = np.frombuffer(packed, np.uint8).reshape(1, 17)
    most = int(width(data)[0])
    bits = int(prefix) if slash else most
    return (data, np.array([bits])) if bits <= most else None


def networks(text: pa.Array[Any]) -> tuple[NDArray[np.uint8], NDArray[np.int64], Mask]:
    """Networks of a column (each distinct text is read once), and where there is one."""
    coded: Any = call("dictionary_encode", text)
    found = [network_of(v) for v in coded.dictionary.to_pylist()]
    none = np.zeros((1, 17), np.uint8)
    table = np.concatenate([none, *(none if f is None else f[0] for f in found)])
    sizes = np.array([0, *(0 if f is None else int(f[1][0]) for f in found)], np.int64)
    good = np.array([False, *(f is not None for f in found)], np.bool_)
    codes = np.asarray(call("fill_null", coded.indices, -1)) + 1
    return table[codes], sizes[codes], good[codes]
