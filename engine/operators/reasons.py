"""`errors=F`: why a row was refused, as a column."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..arrow import array_from, coded, nulls
from ..batch import Column
from ..exprs import INFOS, Eval
from ..values import texts_from

MOST = 62  # reasons that one word has bits for


class Reasons:
    """The reasons of `n` rows. A row that was refused for several has all of them, with commas."""

    def __init__(self, n: int) -> None:
        self._rows: dict[str, NDArray[np.bool_]] = {}
        self._n = n

    def add(self, reason: str, rows: NDArray[Any]) -> None:
        """`rows`: a mask, or numbers of rows."""
        mask = self._rows.setdefault(reason, np.zeros(self._n, np.bool_))
        mask[rows] = True

    def watch(self, ev: Eval) -> None:
        """Takes in what an evaluation refuses."""
        tell = ev.refuse

        def refuse(reason: str, rows: NDArray[Any], text: Column | None, hint: str) -> None:
            if reason not in INFOS:
                self.add(reason, rows)
            tell(reason, rows, text, hint)

        ev.refuse = refuse

    def column(self) -> Column:
        if not self._rows:
            return nulls(self._n, pa.string())
        names, bits = list(self._rows), np.zeros(self._n, np.int64)
        for i, mask in enumerate(self._rows.values()):
            bits |= mask.astype(np.int64) << min(i, MOST)
        found, codes = np.unique(bits, return_inverse=True)
        texts = [", ".join(n for i, n in enumerate(names) if f >> min(i, MOST) & 1) or None for f in found.tolist()]
        return coded(array_from(codes.astype(np.int32)), texts_from(texts))
