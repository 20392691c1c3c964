"""The words of a program for the span kernel (`regexspans.py`): what the compiler writes and the kernel reads.

Numba keeps a compiled kernel as long as the kernel's own file stays as it is: change that one, too, when these change.
"""

from __future__ import annotations

NO_MATCH, MATCH, UNSURE = 0, 1, 2  # of a row
MARGIN = 64  # bytes either side of a line that are loaded with it

# words of the head; instructions follow, WIDTH words each. Without instructions a program only says which rows may match
N_OPS, N_GROUPS, GROUPS_AT, ONLY_ASCII = 0, 1, 2, 3
NEEDLE, NEEDLE_WORD, NEEDLE_MASK, NEEDLE_FOLD = (
    4,
    5,
    6,
    7,
)  # a text that every match holds, as LITERAL has one; size 0: none
FIRST, FIRST_BYTE, FIRST_FOLD, SECOND, SECOND_BYTE, SECOND_FOLD = (
    8,
    9,
    10,
    11,
    12,
    13,
)  # two of its bytes, to search for
LEAD = 14  # how far the needle stands behind the place that the first instruction, a gap, looks for; -1: elsewhere
HEAD = 15
WIDTH = 18
KIND = 0
LITERAL, RUN, GAP, TRY, JUMP, END, ACCEPT, EDGE = 0, 1, 2, 3, 4, 5, 6, 7
SIZE, WORD, MASK, FOLD = 1, 2, 3, 4  # of a literal: its bytes (8 at most) as a word, which bits of a word they are, and
# those that are set before they are compared, which make letters small
LEAST, MOST, CHECKED = 1, 2, 3  # of a run: CHECKED of its first bytes must be ASCII, else bytes are no characters
CLASS_AT, CLASS_N, CLASS_NOT = 4, 5, 6  # ranges as pairs (low, span); -1 where they are of what is not in the class
NEXT_AT, NEXT_N, NEXT_NOT = 7, 8, 9  # of a gap: the class of the bytes that what follows can begin with
NEED, PROBE, PROBE_BYTE, FLAGS = 10, 11, 12, 13  # how many bytes that takes at least, and one of them to look at
SECOND_AT, SECOND_N, SECOND_NOT = 14, 15, 16  # the class of the second of them, if not everything
TO_LAST, TO_END, SKIPS, BACK = 1, 2, 4, 8  # the last place first; the end may be one; the run behind is not cut up;
# BACK: that run is in front of the places, which are those of what follows it
TARGET, FORGET_FROM, FORGET_TO = 1, 2, 3  # of TRY and JUMP: where to go, and the marks that hold no longer

MARKS, PLACES, REACHES, STACK, PARTS = 0, 1, 2, 3, 4  # parts of the kernel's state, a word an instruction each
