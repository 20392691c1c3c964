"""Functions of IP addresses: their numbers, networks and reversed forms. Addresses are n x 17 bytes, so all is byte work."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from ...engine import ip as addresses
from ...engine.arrow import array_from, is_valid, nulls
from ...engine.exprs import Eval, Value
from ...engine.strings import Mask, strings_from
from ...planner.types import BOOL, INT, IP, LONG, STRING
from ..base import ANY_ARG, INTEGER, CallBinder, Type, function

GROUP = "IP, hash"


def _packed(ev: Eval, kind: Type, value: Value) -> pa.Array[Any]:
    """Addresses as they are kept; text that is none is null, counted, and so is any other type."""
    array = ev.array(value)
    if kind.kind == "ip":
        return array
    if kind.kind not in ("string", "any"):
        if kind.kind != "null":
            ev.reject("type", is_valid(array), array, "ip(x)")
        return nulls(ev.n, IP.arrow)
    made = addresses.parse(array)
    ev.reject("ip", is_valid(array) & ~is_valid(made), array)
    return made


def _number(result: Type) -> Any:
    def bind(call: CallBinder) -> Type:
        call.data = call.types[0]
        return result

    return bind


def _v4_number(ev: Eval, value: Value) -> tuple[Any, Mask]:
    packed = _packed(ev, ev.data, value)
    numbers, missing = addresses.to_numbers(packed)
    ev.reject("overflow", missing & is_valid(packed), value, "v6 addresses have 128 bits")
    return numbers, missing


@function(
    "ip2long", args=(ANY_ARG,), returns=_number(LONG), group=GROUP,
    syntax="ip2long(IP)",
    summary="The number of an IPv4 address, 0 to 4294967295; a v6 address does not fit: null, counted.",
    examples=[('ip2long("192.168.0.1")', "3232235521"), ('ip2long(ip("0.0.0.255"))', "255"), ("ip2long(null)", "null")],
)  # fmt: skip
def ip2long(ev: Eval, value: Value) -> Value:
    return array_from(*_v4_number(ev, value))


@function(
    "ip2int", args=(ANY_ARG,), returns=_number(INT), group=GROUP,
    syntax="ip2int(IP)",
    summary="The 32 bits of an IPv4 address as a signed int, so from 128.0.0.0 on it is negative; v6: null, counted.",
    examples=[('ip2int("127.0.0.1")', "2130706433"), ('ip2int("192.168.0.1")', "-1062731775"), ('ip2int("255.255.255.255")', "-1")],
)  # fmt: skip
def ip2int(ev: Eval, value: Value) -> Value:
    numbers, missing = _v4_number(ev, value)
    return array_from(np.where(numbers >= 2**31, numbers - 2**32, numbers), missing)


@function(
    "long2ip", args=(INTEGER,), returns=STRING, group=GROUP,
    syntax="long2ip(N)",
    summary="The IPv4 address of a number as text; ip2int's negative numbers too. Beyond 32 bits: null, counted.",
    examples=[("long2ip(3232235521)", '"192.168.0.1"'), ("long2ip(-1)", '"255.255.255.255"'), ("long2ip(4294967296)", "null")],
)  # fmt: skip
def long2ip(ev: Eval, value: Value) -> Value:
    numbers, valid = ev.numbers(value)
    beyond = valid & ((numbers < -(2**31)) | (numbers >= 2**32))
    ev.reject("ip", beyond, value, "the number must fit 32 bits")
    made, _ = addresses.from_numbers(numbers & 0xFFFFFFFF, ~valid | beyond)
    return addresses.to_text(made)


def _network_type(call: CallBinder) -> Type:
    call.data = call.types[0]
    prefix, text = call.constant(1), call.constant(0)
    if isinstance(prefix, int | float):
        most = 128 if not isinstance(text, str) or ":" in text else 32
        if not 0 <= prefix <= most or prefix != int(prefix):
            call.fail("E307", f"a prefix is 0 to 32 bits long, of a v6 address to 128, not {prefix}", at=1)
    return IP


@function(
    "network", args=(ANY_ARG, INTEGER), returns=_network_type, group=GROUP,
    syntax="network(IP, PREFIX)",
    summary="The address with all bits behind the first PREFIX cleared (v4: 0..32, v6: 0..128); a longer PREFIX: null, counted.",
    examples=[('string(network("192.0.2.130", 28))', '"192.0.2.128"'), ('string(network(ip("2001:db8::1"), 32))', '"2001:db8::"'), ('network("1.2.3.4", null)', "null")],
)  # fmt: skip
def network(ev: Eval, value: Value, prefix: Value) -> Value:
    packed = _packed(ev, ev.data, value)
    bits, known = ev.numbers(prefix)
    data, valid = addresses.bytes_of_ips(packed), is_valid(packed) & known
    odd = valid & ((bits < 0) | (bits > addresses.width(data)))
    ev.reject("ip", odd, value, "a prefix is 0 to 32 bits long, of a v6 address to 128")
    return addresses.ips_from(addresses.masked(data, np.where(valid & ~odd, bits, 0)), ~valid | odd)


def _cidr_type(call: CallBinder) -> Type:
    kind = call.type_of(0)
    if kind.kind not in ("string", "any", "null"):
        call.fail("E330", f"cidrmatch takes a network as text, not {kind}", at=0, hint='such as "10.0.0.0/8"')
    text = call.constant(0)
    if isinstance(text, str) and addresses.network_of(text) is None:
        call.fail("E307", f"'{text}' is no network", at=0, hint='such as "10.0.0.0/8" or "2001:db8::/32"')
    call.data = call.types[1]
    return BOOL


@function(
    "cidrmatch", args=(ANY_ARG, ANY_ARG), returns=_cidr_type, group=GROUP,
    syntax="cidrmatch(CIDR, IP)",
    summary="Whether the address lies in the network; false for null, and where one is v4, the other v6.",
    examples=[('cidrmatch("10.0.0.0/8", "10.1.2.3")', "true"), ('cidrmatch("2001:db8::/32", ip("10.1.2.3"))', "false"), ('cidrmatch("10.0.0.0/8", null)', "false")],
)  # fmt: skip
def cidrmatch(ev: Eval, cidr: Value, value: Value) -> Value:
    packed = _packed(ev, ev.data, value)
    data, valid = addresses.bytes_of_ips(packed), is_valid(packed)
    if isinstance(cidr, pa.Scalar):
        found = addresses.network_of(cidr.as_py()) if cidr.is_valid else None
        if found is None:  # a constant that was no network did not pass bind; a computed one may be null
            ev.reject("ip", np.full(ev.n, cidr.is_valid), cidr)
            return array_from(np.zeros(ev.n, np.bool_))
        return array_from(valid & addresses.within(data, *found))
    text = ev.array(cidr)
    if pa.types.is_null(text.type):
        return array_from(np.zeros(ev.n, np.bool_))
    nets, bits, good = addresses.networks(text)
    ev.reject("ip", is_valid(text) & ~good, text)
    return array_from(valid & good & addresses.within(data, nets, bits))


@function(
    "reverseip", args=(ANY_ARG,), returns=_number(STRING), group=GROUP, tier=2,
    syntax="reverseip(IP)",
    summary="The address's parts in reverse order, as names for reverse look-ups have them: bytes of v4, hexadecimal digits of v6.",
    examples=[('reverseip("192.0.2.1")', '"1.2.0.192"'), ('right(reverseip("2001:db8::1"), 15)', '"8.b.d.0.1.0.0.2"'), ("reverseip(null)", "null")],
)  # fmt: skip
def reverseip(ev: Eval, value: Value) -> Value:
    packed = _packed(ev, ev.data, value)
    data, valid = addresses.bytes_of_ips(packed), is_valid(packed)
    six = valid & (data[:, 0] == 6)
    turned = data.copy()
    turned[:, 13:] = data[:, :12:-1]
    text = addresses.to_text(addresses.ips_from(turned, ~valid | six))
    if not six.any():
        return text
    rows = np.flatnonzero(six)
    made = np.full((len(rows), 63), ord("."), np.uint8)
    low_first = np.stack([data[rows, :0:-1] & 15, data[rows, :0:-1] >> 4], axis=2).reshape(len(rows), 32)
    made[:, ::2] = np.frombuffer(b"0123456789abcdef", np.uint8)[low_first]
    long = strings_from(np.arange(0, 63 * len(rows) + 1, 63), made.reshape(-1))
    at = np.arange(ev.n)
    at[rows] = ev.n + np.arange(len(rows))
    return pa.concat_arrays([text, long]).take(array_from(at))
