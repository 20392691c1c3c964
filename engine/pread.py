"""The system's `pread`, for kernels that read files themselves."""

from __future__ import annotations

import ctypes
import os
from functools import lru_cache


@lru_cache(maxsize=1)
def read_address() -> int:
    """Of the system's `pread`; 0 where there is none, or where its offsets may be of 32 bits."""
    if os.name != "posix" or ctypes.sizeof(ctypes.c_long) != 8:
        return 0
    found = getattr(ctypes.CDLL(None), "pread", None)
    return ctypes.cast(found, ctypes.c_void_p).value or 0 if found is not None else 0
