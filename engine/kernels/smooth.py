"""Exponentially weighted means of groups that lie one behind the other."""

from __future__ import annotations

import math
from typing import Any

from .jit import f64w, i64w, kernel, long_, u8w


@kernel(f64w, f64w, i64w, long_, f64w, u8w)
def run(values: Any, keeps: Any, starts: Any, adjust: Any, out: Any, stop: Any) -> Any:
    """Into `out` the mean at each place of each group `starts[k] .. starts[k + 1]`.

    `keeps`: what is left of the weight of what came before, at each place, or one number for all. The same steps as `smoothed` takes. O(n).
    """
    varies = keeps.size > 1
    for k in range(starts.size - 1):
        if stop[0]:
            return k
        mean = weight = 0.0
        for i in range(starts[k], starts[k + 1]):
            x, keep = values[i], keeps[i if varies else 0]
            if i == starts[k]:
                mean, weight = x, 1.0
            elif math.isnan(mean) or math.isnan(x):
                mean = math.nan
            elif adjust:
                weight = keep * weight + 1.0
                rise = x - mean
                share = 1.0 / weight
                if weight == 1.0:
                    mean = x
                elif math.isfinite(rise):
                    mean += rise / weight
                else:
                    mean = mean * (1.0 - share) + x * share
            elif keep == 0.0:
                mean = x
            elif keep < 1.0:
                mean = keep * mean + (1.0 - keep) * x
            out[i] = mean
            if (i & 0xFFFF) == 0 and stop[0]:
                return k
    return starts.size - 1
