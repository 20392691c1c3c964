"""Makes the sample data of the worked examples that nobody measured: `python -m tests.data.make`.

The files are kept in the repository, so that no test depends on a generator of random numbers.
"""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from examples.make import sound

HERE = Path(__file__).parent
UTC = dt.UTC
NOW = dt.datetime(2026, 11, 10, 12, tzinfo=UTC)  # the instant that the worked examples run at


def times(start: dt.datetime, us: np.ndarray[Any, Any]) -> pa.Array[Any]:
    return pa.array(us.astype(np.int64) + int(start.timestamp() * 1e6), pa.timestamp("us", "UTC"))


def save(table: str, /, **columns: Any) -> None:
    pq.write_table(pa.table(columns), HERE / f"{table}.parquet", compression="zstd")


def columns(rows: list[Any]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def sales(name: str, seed: int, stores: list[str], days: int) -> None:
    """Sales over the day, more at weekends, and an item that sells now and then."""
    rng = np.random.default_rng(seed)
    start = NOW - dt.timedelta(days=days, hours=12)
    rows = []
    for day in range(days):
        weekend = (start + dt.timedelta(days=day)).weekday() >= 5
        for store in stores:
            for item, (price, mean) in {"apple": (0.5, 9), "bread": (2.25, 5), "cheese": (7.4, 0.4)}.items():
                for _ in range(rng.poisson(0.6 * (1.6 if weekend else 1.0))):
                    qty = int(rng.poisson(mean)) + (item != "cheese")
                    rows.append(
                        (
                            int((day * 24 + rng.integers(8, 20)) * 3.6e9 + rng.integers(0, 3600) * 1e6),
                            store,
                            item,
                            qty,
                            price,
                        )
                    )
    rows.sort()
    kept = columns(rows)
    save(name, _time=times(start, np.array(kept[0])), store=kept[1], item=kept[2], qty=kept[3], price=kept[4],
         amount=[round(q * p, 2) for q, p in zip(kept[3], kept[4], strict=True)])  # fmt: skip


def market() -> None:
    """Trades and quotes of an hour; some quotes of one symbol share their time."""
    rng = np.random.default_rng(2)
    start = dt.datetime(2026, 11, 9, 14, 30, tzinfo=UTC)
    price = {"AAA": 100.0, "BBB": 25.0, "CCC": 310.0}
    quotes, trades = [], []
    for at in np.sort(rng.integers(0, 3_600_000, 2400)):
        sym = str(rng.choice(["AAA", "AAA", "BBB", "CCC"]))
        price[sym] = round(price[sym] * (1 + rng.normal() * 2e-4), 2)
        spread = round(0.01 * int(rng.integers(1, 4)), 2)
        us = int(at // 100 * 100) * 1000
        quotes.append(
            (
                us,
                sym,
                round(price[sym] - spread, 2),
                int(rng.integers(1, 9)) * 100,
                round(price[sym] + spread, 2),
                int(rng.integers(1, 9)) * 100,
            )
        )
        if rng.random() < 0.4:
            quotes.append((us, sym, round(price[sym] - spread - 0.01, 2), 100, round(price[sym] + spread, 2), 200))
        if rng.random() < 0.5:
            side = rng.choice([-spread, 0.0, spread])
            trades.append(
                (us + int(rng.integers(1, 900)) * 1000, sym, round(price[sym] + side, 2), int(rng.integers(1, 20)) * 10)
            )
    trades.sort(key=lambda r: r[0])
    q, made = columns(quotes), columns(trades)
    save("quotes", _time=times(start, np.array(q[0])), sym=q[1], bid=q[2], bidsize=q[3], ask=q[4], asksize=q[5])
    save("trades", _time=times(start, np.array(made[0])), sym=made[1], price=made[2], size=made[3])


def payments() -> None:
    rng = np.random.default_rng(3)
    n = 1500
    kind = rng.choice(["PAYMENT", "TRANSFER", "CASH_OUT", "DEBIT"], n, p=[0.5, 0.2, 0.25, 0.05])
    amount = np.round(rng.lognormal(9.5, 1.6, n), 2)
    old = np.round(np.where(rng.random(n) < 0.3, amount, rng.lognormal(10.5, 1.5, n)), 2)
    new = np.round(np.maximum(old - amount, 0), 2)
    merchant = kind == "PAYMENT"
    dest = [("M" if m else "C") + str(int(i)) for m, i in zip(merchant, rng.integers(1000, 9999, n), strict=True)]
    emptied = (new == 0) & np.isin(kind, ["TRANSFER", "CASH_OUT"])
    fraud = (emptied & (rng.random(n) < 0.5)).astype(np.int64)
    save(
        "payments",
        step=np.sort(rng.integers(1, 200, n)),
        type=kind.tolist(),
        amount=amount,
        oldbalance=old,
        newbalance=new,
        dest=dest,
        isfraud=fraud,
    )


def web() -> None:
    """A web log of three days up to now, its clients' hosts (some unknown), and a firewall's log of two days."""
    rng = np.random.default_rng(4)
    n = 2500
    start = NOW - dt.timedelta(days=3)
    ips = [f"10.0.{i // 20}.{i % 20 + 1}" for i in range(60)]
    t = np.sort(rng.integers(0, 3 * 86_400_000, n)) * 1000
    status = rng.choice([200, 304, 404, 500, 503], n, p=[0.8, 0.08, 0.07, 0.03, 0.02])
    size: list[int | None] = [
        None if s == 304 else int(b) for s, b in zip(status, rng.lognormal(8, 1.5, n), strict=True)
    ]
    urls = ["/", "/login", "/api/items", "/api/orders", "/img/logo.png", "/about"]
    save("weblog", _time=times(start, t), client_ip=[ips[int(i)] for i in rng.zipf(1.5, n) % 60], status=status, bytes=size,
         url=rng.choice(urls, n, p=[0.4, 0.1, 0.2, 0.1, 0.15, 0.05]).tolist())  # fmt: skip
    save(
        "hosts",
        ip=ips[:45],
        name=[f"host{i:02}" for i in range(45)],
        region=[["east", "west", "north"][i % 3] for i in range(45)],
    )
    t = np.sort(rng.integers(0, 2 * 86_400, 700)) * 1_000_000
    t = t[(t // 3_600_000_000) % 24 != 3]  # a quiet hour
    save(
        "firewall",
        _time=times(NOW - dt.timedelta(days=2), t),
        dst_port=rng.choice([22, 80, 443], len(t), p=[0.1, 0.3, 0.6]),
    )


def trips() -> None:
    rng = np.random.default_rng(5)
    for month in (8, 9, 10):
        with (HERE / "trips" / f"2026-{month:02}.csv").open("w", newline="", encoding="utf-8") as file:
            out = csv.writer(file, lineterminator="\n")
            out.writerow(["started_at", "ended_at", "station", "member"])
            for at in np.sort(rng.integers(0, 28 * 86_400, 250)):
                start = dt.datetime(2026, month, 1, tzinfo=UTC) + dt.timedelta(seconds=int(at))
                end = start + dt.timedelta(seconds=int(rng.gamma(2, 420)) + 30)
                out.writerow([f"{start:%Y-%m-%d %H:%M:%S}", f"{end:%Y-%m-%d %H:%M:%S}", f"st{int(rng.integers(1, 9))}",
                              rng.choice(["member", "member", "casual"])])  # fmt: skip


def app_log() -> None:
    rng = np.random.default_rng(6)
    forms = [
        "INFO user {u} logged in from 10.0.0.{n}",
        "INFO request {n} took {ms} ms",
        "WARN retry {k} of job {n}",
        "ERROR job {n} failed: timeout after {ms} ms",
    ]
    with (HERE / "app.log").open("w", encoding="utf-8", newline="\n") as file:
        for i in range(400):
            text = str(rng.choice(forms, p=[0.3, 0.5, 0.15, 0.05]))
            at = dt.datetime(2026, 11, 10, tzinfo=UTC) + dt.timedelta(seconds=7 * i)
            file.write(
                f"{at:%Y-%m-%d %H:%M:%S} "
                + text.format(
                    u=rng.choice(["ann", "bob", "eve"]),
                    n=int(rng.integers(1, 250)),
                    ms=int(rng.integers(1, 900)),
                    k=int(rng.integers(1, 4)),
                )
                + "\n"
            )


def main() -> None:
    (HERE / "trips").mkdir(exist_ok=True)
    sales("sales", 1, ["north", "south"], 100)
    sales("sales_a", 11, ["강남"], 20)
    sales("sales_b", 12, ["부산"], 20)
    market()
    payments()
    web()
    trips()
    app_log()
    sound(HERE)  # as in the examples


if __name__ == "__main__":
    main()
