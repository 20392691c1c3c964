"""Ridge regression with two sets of columns: penalties of one are fixed, so that what is made of them serves many series and rounds."""

from __future__ import annotations

import numpy as np

from ...planner.records import dataclass
from .batch import F64, Ints

ROWS = 32  # multiplied at once: so few that BLAS starts no threads, which would cost more than they save


@dataclass(frozen=True, slots=True)
class Blocks:
    """Rows in blocks of ROWS, those behind the last are 0. Products are sums over blocks, one after the other."""

    parts: F64  # [B, ROWS, p]
    n: int

    def times(self, vector: F64) -> F64:
        out: F64 = np.matmul(self.parts, vector[:, None]).reshape(-1)[: self.n]
        return out

    def moment(self, values: F64) -> F64:
        padded = np.zeros(len(self.parts) * ROWS)
        padded[: self.n] = values
        made = np.matmul(self.parts.transpose(0, 2, 1), padded.reshape(-1, ROWS, 1))
        return _added(made)[:, 0]

    def gram(self) -> F64:
        return _added(np.matmul(self.parts.transpose(0, 2, 1), self.parts))


def blocks(rows: F64) -> Blocks:
    n, p = rows.shape
    parts = np.zeros((-(-n // ROWS), ROWS, p))
    parts.reshape(-1, p)[:n] = rows
    return Blocks(parts, n)


def _added(made: F64) -> F64:
    out: F64 = made[0].copy()
    for one in made[1:]:
        out += one
    return out


@dataclass(frozen=True, slots=True)
class Ridge:
    """Least squares of `past` with penalties `fixed` float64[q] of the columns `other` and penalties that change of the columns `bends`.

    With A the normal matrix of `other`: `inverse` is that of A, `shift` A^-1 G_ob, `schur` G_bb - G_bo A^-1 G_ob. Of the rows
    ahead: `plain` x_o' A^-1 x_o, `bent` x_b - shift' x_o.
    """

    past: Blocks
    ahead: Blocks
    other: Ints
    bends: Ints
    fixed: F64
    inverse: F64
    shift: F64
    schur: F64
    plain: F64
    bent: F64

    def moments(self, values: F64) -> tuple[F64, F64]:
        moment = self.past.moment(values)
        return moment[self.other], moment[self.bends] - self.shift.T @ moment[self.other]

    def solved(self, other: F64, bends: F64, penalty: F64) -> F64:
        """The coefficients of all columns."""
        out = np.zeros(len(self.other) + len(self.bends))
        out[self.bends] = np.linalg.solve(self.schur + np.diag(penalty), bends) if len(bends) else bends
        out[self.other] = self.inverse @ other - self.shift @ out[self.bends]
        return out

    def told(self, penalty: F64) -> tuple[F64, float]:
        """float64[H]: x' (G + penalties)^-1 x of the rows ahead; and how many coefficients the data determine."""
        made = np.linalg.inv(self.schur + np.diag(penalty)) if len(penalty) else np.zeros((0, 0))
        ahead = self.plain + np.sum((self.bent @ made) * self.bent, axis=1)
        own = np.diagonal(self.inverse) + np.sum((self.shift @ made) * self.shift, axis=1)
        used = len(own) + len(penalty) - np.sum(self.fixed * own) - np.sum(penalty * np.diagonal(made))
        return np.maximum(ahead, 0.0), float(used)


def ridge(past: F64, ahead: F64, is_bend: Ints, penalty: F64) -> Ridge:
    """`penalty` float64[p], all above 0, of which those of bends are not looked at."""
    bends, other = np.flatnonzero(is_bend), np.flatnonzero(~is_bend)
    rows = blocks(past)
    gram = rows.gram()
    inverse: F64 = np.asarray(np.linalg.inv(gram[np.ix_(other, other)] + np.diag(penalty[other])), np.float64)
    across = gram[np.ix_(other, bends)]
    shift = inverse @ across
    schur = gram[np.ix_(bends, bends)] - across.T @ shift
    plain = np.sum((ahead[:, other] @ inverse) * ahead[:, other], axis=1)
    bent = ahead[:, bends] - ahead[:, other] @ shift
    return Ridge(rows, blocks(ahead), other, bends, penalty[other], inverse, shift, (schur + schur.T) / 2, plain, bent)
