"""Keys that are all entered: their numbers are looked up by any thread, with compiled kernels as soon as these are there."""

from __future__ import annotations

import threading

import numpy as np

from ..batch import Batch
from ..context import Context
from .densekeys import DenseKeys
from .finder import Finder
from .grouping import Keys, ManyKeys
from .joinkeys import Side
from .keytable import Ids, KeyTable
from .keyways import KeyWays


class KnownKeys:
    def __init__(self, keys: Keys | DenseKeys, ctx: Context) -> None:
        self._keys = keys
        self._lock = threading.Lock()
        self.ways = KeyWays()
        if isinstance(keys, DenseKeys):
            self.ways.add(keys)
            return
        if isinstance(keys, ManyKeys):
            keys.freeze(ctx.stop)
        for coder in keys.coders:
            if isinstance(coder.table, KeyTable):
                coder.table.straighten()
        self.ways.add(keys)

    @property
    def n(self) -> int:
        return self._keys.n

    def finder(self, ctx: Context) -> Finder | DenseKeys:
        """For one worker."""
        if isinstance(self._keys, DenseKeys):
            return self._keys
        if ctx.compiled and not self._keys.compiled and self._keys.coders:
            with self._lock:
                if not self._keys.compiled:
                    self._keys.compile(ctx.stop)
        return Finder(self._keys)

    def is_compiled(self) -> bool:
        return isinstance(self._keys, DenseKeys) or self._keys.compiled or not self._keys.coders


class Numbers:
    """Of the keys of rows of the other side, for one worker."""

    def __init__(self, side: Side, known: KnownKeys, ctx: Context) -> None:
        self._side, self._known, self._ctx = side, known, ctx
        self._finder: Finder | DenseKeys | None = None

    def of(self, batch: Batch) -> Ids:
        """-1 where the keys are none of those that are known."""
        if self._finder is None or (self._ctx.compiled and not self._known.is_compiled()):
            self._finder = self._known.finder(self._ctx)
        columns, never = self._side.keys(batch)
        found = self._finder.find(columns, batch.n_rows)
        return found if never is None else np.where(never, np.int32(-1), found)
