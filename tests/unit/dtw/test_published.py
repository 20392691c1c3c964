"""Values that others published, and values that two programs of others give.

Sales against the pattern: "Understanding dynamic time warping", part 2, Databricks, 2019, and the UCR suite with dtaidistance without
pruning, which agree on all rows. Error rates: Dau and others, "The UCR time series archive", arXiv 1810.07758.
"""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

import cortado

from ...data import __file__ as data_file
from . import oracle

DATA = Path(data_file).parent
SALES = (
    f'csvfile "{DATA}/sales_weekly.csv" | unpivot name=week value=sales W* | eval week = int(replace(week, "W", "")) '
    f'| dtw order=week {{}} sales by Product_Code [ csvfile "{DATA}/pattern.csv" ]'
)
NEAREST = {
    "0.05": "P675 5.1101 P703 5.1595 P358 5.2679 P697 5.2702 P816 5.2929 P601 5.3125 P674 5.3259 P372 5.4510 P476 5.4682 P694 5.5219",
    "0.1": "P703 4.4363 P816 4.5038 P738 4.6626 P674 4.6673 P601 4.6947 P793 4.7044 P742 4.7705 P814 4.7883 P765 4.7900 P784 4.7982",
}


@pytest.fixture(scope="module", params=["never", "always"])
def session(request: pytest.FixtureRequest) -> Any:
    with cortado.connect(timezone="UTC", kernels=request.param) as made:
        yield made


@pytest.fixture(scope="module")
def rows(session: cortado.Session) -> dict[str, list[dict[str, Any]]]:
    table = session.query(SALES.format("window=0,0.01,0.025,0.05,0.1,0.25,0.5,none")).to_arrow().to_pylist()
    out: dict[str, list[dict[str, Any]]] = {}
    for row in table:
        out.setdefault(row["_window"], []).append(row)
    return out


def test_article(rows: dict[str, list[dict[str, Any]]]) -> None:
    own = rows["0.05"]
    assert len(own) == 811 and own[0]["Product_Code"] == "P675" and own[-1]["Product_Code"] == "P716"
    d = {r["Product_Code"]: r["_distance"] for r in own}
    assert own[0]["_distance"] == pytest.approx(5.1101, abs=5e-5) and own[-1]["_distance"] == pytest.approx(
        10.6719, abs=5e-5
    )
    assert [r["Product_Code"] for r in own[-3:]] == ["P713", "P668", "P716"]
    assert float(np.median(list(d.values()))) == pytest.approx(7.894018, abs=5e-7)
    assert d["P83"] == pytest.approx(8.951414, abs=5e-7) and d["P202"] == pytest.approx(6.861601, abs=5e-7)
    assert math.fsum(d.values()) == pytest.approx(6374.867369, abs=5e-7)
    assert sum(r["_zscore"] <= -2 for r in own) == 17
    assert math.fsum(r["_distance"] for r in rows["0.1"]) == pytest.approx(5591.994539, abs=5e-7)


@pytest.mark.parametrize("window", NEAREST)
def test_ten_nearest(window: str, rows: dict[str, list[dict[str, Any]]], session: cortado.Session) -> None:
    words = NEAREST[window].split()
    own = rows[window][:10]
    assert [r["Product_Code"] for r in own] == words[::2]
    assert [f"{r['_distance']:.4f}" for r in own] == words[1::2]
    top = session.query(SALES.format(f"window={window} top=10")).to_arrow().to_pylist()
    assert top == [{k: v for k, v in r.items() if k not in ("_window", "_zscore")} for r in own]


def test_seven_stretch_factors(rows: dict[str, list[dict[str, Any]]]) -> None:
    """Some products at each factor against the whole table; band 0 of P1 is what dtaidistance gives without pruning."""
    import csv

    with open(DATA / "sales_weekly.csv") as file:
        series = {r["Product_Code"]: [float(r[f"W{i}"]) for i in range(52)] for r in csv.DictReader(file)}
    with open(DATA / "pattern.csv") as file:
        pattern = oracle.normalised([float(r["sales"]) for r in csv.DictReader(file)])
    widths = {"0": 0, "0.01": 0, "0.025": 1, "0.05": 2, "0.1": 5, "0.25": 13, "0.5": 26, "none": None}
    for window, width in widths.items():
        for row in rows[window][::270]:
            want = math.sqrt(oracle.squared(oracle.normalised(series[row["Product_Code"]]), pattern, width))
            assert row["_distance"] == pytest.approx(want, rel=1e-12)
    (p1,) = [r["_distance"] for r in rows["0"] if r["Product_Code"] == "P1"]
    assert p1 == pytest.approx(11.160110939795114, rel=1e-14)


@pytest.mark.parametrize("window", ["0", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5"])
def test_same_as_dtaidistance(window: str, rows: dict[str, list[dict[str, Any]]]) -> None:
    dtw = pytest.importorskip("dtaidistance.dtw", reason="the extra `archive` installs dtaidistance")
    import csv

    with open(DATA / "sales_weekly.csv") as file:
        raw = {r["Product_Code"]: np.array([float(r[f"W{i}"]) for i in range(52)]) for r in csv.DictReader(file)}
    with open(DATA / "pattern.csv") as file:
        pattern = np.array([float(r["sales"]) for r in csv.DictReader(file)])
    pattern = (pattern - pattern.mean()) / pattern.std()
    width = int(float(window) * 52)
    got = {r["Product_Code"]: r["_distance"] for r in rows[window]}
    want = {
        k: dtw.distance_fast((x - x.mean()) / x.std(), pattern, window=width + 1, use_pruning=False)
        for k, x in raw.items()
    }
    assert max(abs(got[k] - want[k]) for k in want) < 1e-12
    nearest = sorted(want, key=lambda k: want[k])[:10]
    assert [r["Product_Code"] for r in rows[window][:10]] == nearest


# the archive: error rates of the nearest neighbour, Euclidean, with the learned window (rounded up, in points), and without one

ARCHIVE = {
    "GunPoint": ("0", 0.0867, "none", 0.0933),
    "ArrowHead": ("0", 0.2000, "none", 0.2971),
    "ItalyPowerDemand": ("0", 0.0447, "none", 0.0496),
    "Trace": ("0", 0.2400, "9p", 0.0100, "none", 0.0000),
    "OSULeaf": ("0", 0.4793, "30p", 0.3884),
}
Part = tuple[NDArray[np.float64], NDArray[Any]]


def archive(name: str) -> tuple[Part, Part]:
    """Train and test, from files that packages carry."""
    if name == "Trace":
        place = _package("tslearn") / ".cached_datasets" / "Trace.npz"
        held = np.load(place)
        return (held["X_train"][:, :, 0], held["y_train"]), (held["X_test"][:, :, 0], held["y_test"])
    folder = _package("aeon") / "datasets" / "data" / name
    return _read(folder / f"{name}_TRAIN.ts"), _read(folder / f"{name}_TEST.ts")


def _package(name: str) -> Path:
    found = importlib.util.find_spec(name)
    if found is None or not found.submodule_search_locations:
        pytest.skip(f"{name}, whose files have the series, is not installed: the extra `archive` brings it")
    return Path(next(iter(found.submodule_search_locations)))


def _read(path: Path) -> Part:
    lines = [line.split(":") for line in path.read_text().split("@data")[1].split()]
    return np.array([[float(v) for v in points.split(",")] for points, _ in lines]), np.array(
        [label for _, label in lines]
    )


def _points(series: NDArray[np.float64]) -> pa.Table:
    n, m = series.shape
    return pa.table({"k": np.repeat(np.arange(n), m), "n": np.tile(np.arange(m), n), "x": series.reshape(-1)})


@pytest.mark.parametrize("name", ARCHIVE)
def test_archive(name: str) -> None:
    """Pairs of all series; those of a series to learn from with one to be told."""
    (train, labels), (test, truth) = archive(name)
    told = ARCHIVE[name]
    n = len(train)
    with cortado.connect(timezone="UTC", kernels="always") as session:
        for window, want in zip(told[::2], told[1::2], strict=True):
            query = f"table t | dtw mode=matrix znorm=f window={window} order=n x by k | search a < {n} and b >= {n}"
            pairs = session.query(query, sources={"t": _points(np.concatenate([train, test]))}).to_arrow()
            d = np.full((n, len(test)), np.inf)
            d[pairs["a"].to_numpy(), pairs["b"].to_numpy() - n] = pairs["_distance"].to_numpy()
            assert round(float(np.mean(labels[d.argmin(0)] != truth)), 4) == want, window


def test_archive_by_top() -> None:
    """The same by the nearest series alone, a query each."""
    (train, labels), (test, truth) = archive("GunPoint")
    with cortado.connect(timezone="UTC", kernels="always") as session:
        for window, want in (("0", 0.0867), ("none", 0.0933)):
            query = f"table t | dtw top=1 znorm=f window={window} order=n pattern=$p x by k"
            found = [session.query(query, sources={"t": _points(train)}, p=x).to_arrow()["k"][0].as_py() for x in test]
            assert round(float(np.mean(labels[found] != truth)), 4) == want
