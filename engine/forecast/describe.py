"""What is said of each series: its models, and whatever was not as asked."""

from __future__ import annotations

import numpy as np

from ..kernels.etscode import CONSTANT, EMPTY, FITTED, MOST_PERIOD, SHORT
from . import codes
from .running import Tables, Task

NAMED = 2  # models of a blend that are called by name


def model_names(task: Task, out: Tables) -> list[str]:
    """`ETS(M,A,M) 41 % + ETS(M,Ad,M) 33 % + 3 more`, or the one model, or `constant`, `naive`, `none`."""
    titles = [codes.title(int(c)) for c in task.codes]
    order = np.argsort(-out.weight, axis=1, kind="stable").tolist()
    counts = np.count_nonzero(out.weight, axis=1).tolist()
    weights, status = out.weight.tolist(), out.status.tolist()
    named = []
    for k, n in enumerate(counts):
        if status[k] != FITTED:
            named.append({EMPTY: "none", CONSTANT: "constant"}.get(status[k], "naive"))
        elif n == 1:
            named.append(titles[order[k][0]])
        else:
            parts = [f"{titles[c]} {round(100 * weights[k][c])} %" for c in order[k][: min(n, NAMED)]]
            named.append(" + ".join(parts + ([f"{n - NAMED} more"] if n > NAMED else [])))
    return named


def notes(task: Task, out: Tables, asked: str) -> list[str]:
    """A sentence or several for each series, "" for most."""
    used = task.codes[np.argmax(out.weight, axis=1)].tolist()
    status, dropped, period = out.status.tolist(), out.dropped.tolist(), task.batch.period.tolist()
    lengths = (task.ends - task.starts).tolist()
    there = np.concatenate([[0], np.cumsum(~np.isnan(task.batch.values))])
    n_seen = (there[task.ends] - there[task.starts]).tolist()
    guard = f"{task.settings.guard:g} times the range of the series"
    said = []
    for k in range(len(task.batch)):
        parts = []
        if status[k] == EMPTY:
            parts.append("no values")
        elif status[k] == SHORT:
            parts.append(
                "1 value: it goes on, without a band" if n_seen[k] == 1 else f"{n_seen[k]} values: the last goes on"
            )
        elif status[k] not in (FITTED, CONSTANT):
            parts.append("no model could be fitted: the last value goes on" if not dropped[k] else
                         f"kept to the last value: all forecasts went beyond {guard}")  # fmt: skip
        if status[k] == FITTED:
            if dropped[k]:
                parts.append(f"{dropped[k]} model{'s' * (dropped[k] > 1)} left out: the forecast went beyond {guard}")
            if task.mode == 1 and used[k] != task.codes[0]:
                parts.append(f"{asked} is not possible here: {codes.title(used[k])}")
            if period[k] > MOST_PERIOD:
                parts.append(f"a season of {period[k]} steps is longer than {MOST_PERIOD}: none is modelled")
            elif period[k] > 1 and (lengths[k] < 2 * period[k] or n_seen[k] < period[k] + 5):
                parts.append(f"too short for a season of {period[k]} steps")
        said.append("; ".join(parts))
    return said
