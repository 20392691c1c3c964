"""Numbers of the Parquet format, and the fields of a page in a table of pages. No kernel: it may be read without Numba.

Source: Apache Parquet format, "Metadata", "Data pages", "Encodings".
"""

from __future__ import annotations

DAMAGED, UNSURE, LEFT = -1, -2, -3
PAD = 64
PLACE = 3  # numbers that tell of a chunk to be read

# a page in the table of pages: these many numbers, in this order
WIDTH = 17
KIND, UNPACKED, PACKED, CRC, N_VALUES, ENCODING, LEVELS, AT, V2_DEFS, V2_REPS, IS_PACKED, FIRST_BYTE = range(12)
FIRST_ROW, N_NULLS, LEAST, MOST, SIZES = range(12, WIDTH)
DATA, DICTIONARY, DATA_V2 = 0, 2, 3
PLAIN, PLAIN_DICTIONARY, RLE, RLE_DICTIONARY = 0, 2, 3, 8
NO_CRC = -1
NO_CODEC, SNAPPY, OTHER_CODEC = 0, 1, 2

# what is told of all pages of a table together
ROWS, LARGEST, UNPACKED_BYTES, N_DICTIONARIES, N_CODED, N_PLAIN, N_DATA = range(7)
N_PAGES, IS_CODED, BOUND = 7, 8, 9  # by `pagefile` alone; BOUND: values of the dictionary
TOLD = 10
