"""A column chunk of Parquet from the file to unpacked pages in one call."""

from __future__ import annotations

from typing import Any

from .jit import i64w, kernel, long_, read_file, u8w
from .pagefields import DAMAGED, OTHER_CODEC, PAD, UNPACKED_BYTES, UNSURE
from .pageheads import page_table, survey_pages
from .unpack import unpack_pages


@kernel(long_, long_, long_, long_, u8w, i64w, i64w, u8w, long_)
def read_chunk(read: Any, fd: Any, first: Any, size: Any, raw: Any, table: Any, told: Any, out: Any, codec: Any) -> Any:
    """`size` bytes of the file from `first` on into `raw`; their pages' headers (`pageheads`); the pages unpacked into `out`.

    `read`: the address of pread. With OTHER_CODEC nothing is unpacked. Returns how many pages there are, DAMAGED, or UNSURE,
    also where `table` or `out` has no room. O(bytes).
    """
    done = 0
    while done < size:
        got = read_file(read, fd, raw, done, size - done, first + done)
        if got <= 0:
            return UNSURE
        done += got
    n = page_table(raw, 0, size, table)
    if n <= 0:
        return n
    if survey_pages(table, n, told):
        return UNSURE
    if codec == OTHER_CODEC:
        return n
    if told[UNPACKED_BYTES] + PAD * n > out.size:
        return UNSURE
    return n if unpack_pages(raw, table, n, out, codec) == 0 else DAMAGED
