"""Prints each row of the language with the number of its tests by kind, then what is missing."""

from __future__ import annotations

from .counting import KINDS, count, gaps, rows


def main() -> None:
    tally = count()
    size = max(len(" ".join(r.names)) for r in rows())
    print(f"{'row':<{size + 10}} tier  " + "  ".join(k.rjust(8) for k in KINDS))
    for row in rows():
        found = tally.of(row)
        cells = [("." if k in row.without else str(found[k])).rjust(8) for k in KINDS]
        print(f"{row.kind:<9} {' '.join(row.names):<{size}} {row.tier:>4}  " + "  ".join(cells))
    missing = gaps(tally)
    print(f"\n{len(missing)} gaps" + (":" if missing else ""))
    print("\n".join(missing))


if __name__ == "__main__":
    main()
