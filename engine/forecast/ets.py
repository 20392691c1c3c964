"""stand-in"""

import numpy as np

from .batch import empty


def fit(batch, levels, model="auto", how="shrunk", seed=0, stop=None):
    o = empty(batch, len(levels))
    for k in range(len(batch)):
        v = batch.values[batch.offsets[k] : batch.offsets[k + 1]]
        o.mean[k] = v[-1]
        o.lower[k] = v[-1] - 1
        o.upper[k] = v[-1] + 1
        o.trend[batch.offsets[k] : batch.offsets[k + 1]] = np.nan_to_num(v)
        o.trend_ahead[k] = v[-1]
        o.model[k] = "fake"
    return o
