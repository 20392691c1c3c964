"""The best row of each group, in one pass over the rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import i32, i64, i64w, kernel, u64, u64w


@kernel(i32, u64, i64, u64w, i64w, i64w, i64w)
def offer(groups: Any, words: Any, places: Any, word: Any, place: Any, at: Any, rows: Any) -> Any:
    """Into `rows` one row for each group that has a better one than it keeps, the best; gives how many there are.

    A row is better whose word is less, or as great and its place less. `word`, `place`: of each group, are brought up to date;
    `at`: -1 where a group keeps none, else 0 or more; of the groups in `rows` it is spoilt. O(rows).
    """
    n = np.int64(0)
    for i in range(groups.size):
        g = np.int64(groups[i])
        kept = at[g]
        if kept == -1 or words[i] < word[g] or (words[i] == word[g] and places[i] < place[g]):
            word[g], place[g] = words[i], places[i]
            if kept < -1:
                rows[-2 - kept] = i
            else:
                rows[n] = i
                at[g] = -2 - n
                n += 1
    return n
