"""XXH64 against the values of its own specification, digests against hashlib; with and without the kernel."""

from __future__ import annotations

import hashlib
import random

import numpy as np
import pyarrow as pa
import pytest

from cortado.engine import hashing

PRIME_32, PRIME_64 = 2_654_435_761, 11_400_714_785_074_694_797
# the sanity checks of github.com/Cyan4973/xxHash: length and seed over the buffer that its generator makes
PUBLISHED = {
    (0, 0): 0xEF46DB3751D8E999, (0, PRIME_32): 0xAC75FDA2929B17EF, (1, 0): 0xE934A84ADB052768, (1, PRIME_32): 0x5014607643A9B4C3,
    (4, 0): 0x9136A0DCA57457EE, (14, 0): 0x8282DCC4994E35C8, (14, PRIME_32): 0xC3BD6BF63DEB6DF0, (222, 0): 0xB641AE8CB691C174,
    (222, PRIME_32): 0x20CB8AB7AE10C14A,
}  # fmt: skip


def buffer() -> bytes:
    out, state = bytearray(), PRIME_32
    for _ in range(256):
        out.append(state >> 56 & 255)
        state = state * PRIME_64 & (2**64 - 1)
    return bytes(out)


def hashed(value: bytes, seed: int, compiled: bool) -> int:
    return int(hashing.xxh64(pa.array([value], pa.binary()), np.array([seed], np.uint64), compiled)[0])


@pytest.mark.parametrize("compiled", [False, True])
def test_published_values(compiled: bool) -> None:
    whole = buffer()
    assert {k: hashed(whole[: k[0]], k[1], compiled) for k in PUBLISHED} == PUBLISHED


def test_kernel_and_numpy_agree() -> None:
    draw = random.Random(1)
    sizes = [0, 1, 3, 4, 5, 8, 11, 12, 31, 32, 33, 63, 64, 65, 100, 200]
    values = [draw.randbytes(draw.choice(sizes)) for _ in range(2000)]
    column = pa.array(values, pa.binary()).slice(7)
    seeds = np.array([draw.randrange(2**64) for _ in range(len(column))], np.uint64)
    assert (hashing.xxh64(column, seeds) == hashing.xxh64(column, seeds, True)).all()
    for name in hashing.DIGESTS:
        assert hashing.digests(column, name).to_pylist() == [hashlib.new(name, v).digest() for v in values[7:]]
