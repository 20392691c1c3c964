"""Codes of a dictionary to what they stand for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .. import kernels
from ..arrow import int32_of

Ids = NDArray[np.int32]


def translated(code: pa.Array[Any], numbers: Ids, out: Ids, compiled: bool) -> None:
    """numbers[code] into `out`; no code is null."""
    codes = int32_of(code)
    if compiled:
        kernels.codes.translate(codes, numbers, out)
    else:
        np.take(numbers, codes, out=out)
