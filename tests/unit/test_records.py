"""`planner.records.dataclass` against the standard one: whatever is asked of a class first."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import field, fields, replace
from typing import Any, ClassVar, Generic, TypeVar

import pytest

from cortado.planner import records

T = TypeVar("T")
DECORATORS = {"standard": dataclasses.dataclass, "ours": records.dataclass}


def family(dataclass: Any) -> dict[str, Any]:
    """The same classes, made by either decorator."""

    @dataclass(frozen=True, slots=True)
    class Point:
        x: int
        y: int = 2
        kind: ClassVar[str] = "flat"

        @property
        def sum(self) -> int:
            return self.x + self.y

    @dataclass(frozen=True, slots=True)
    class Space(Point):
        z: int = 3
        y: int = 20

    @dataclass(slots=True)
    class Basket(Generic[T]):
        items: list[T] = field(default_factory=list)
        seen: int = field(default=0, init=False)
        note: str = field(default="", repr=False, compare=False)

        def __post_init__(self) -> None:
            self.seen = len(self.items)

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Named:
        name: str
        inputs: tuple[Any, ...] = ()

    @dataclass(frozen=True, slots=True, order=True)
    class Rank:
        major: int
        minor: int = 0

    @dataclass(frozen=True, slots=True, eq=False)
    class Same:
        x: int

    @dataclass(slots=True)
    class Own:
        x: int

        def __init__(self, text: str) -> None:
            self.x = int(text)

    @dataclass(frozen=True, slots=True)
    class Folded:
        text: str

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Folded) and self.text.lower() == other.text.lower()

        def __hash__(self) -> int:
            return hash(self.text.lower())

        def __repr__(self) -> str:
            return f"<{self.text}>"

    @dataclass(slots=True)
    class Watched:
        x: int

        def __setattr__(self, name: str, value: Any) -> None:
            object.__setattr__(self, name, value * 2)

    @dataclass(slots=True)
    class Heir(Watched):
        y: int = field(default=4, kw_only=True)
        z: int = 5

    @dataclass(frozen=True, slots=True)
    class OwnFrozen:
        x: int

        def __init__(self, text: str) -> None:
            object.__setattr__(self, "x", int(text))

    @dataclass(slots=True)
    class Plain:
        x: int
        items: list[int] = field(default_factory=list)
        unset: int = field(init=False)

    return {k: v for k, v in locals().items() if isinstance(v, type)}


def raised(action: Callable[[], Any]) -> Any:
    try:
        return action()
    except Exception as why:
        return type(why)


def misused(make: Any, args: tuple[Any, ...], named: dict[str, Any]) -> str:
    try:
        return repr(make(*args, **named))
    except TypeError as why:
        return str(why).split(".")[-1]


def changed(it: Any, name: str, value: Any) -> Any:
    setattr(it, name, value)
    return it


WRONG: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("Point", (), {}),
    ("Point", (1, 2, 3), {}),
    ("Point", (1,), {"x": 2}),
    ("Point", (1,), {"more": 2}),
    ("Named", ("a",), {}),
    ("Named", (), {}),
    ("Basket", ([],), {"seen": 2}),
    ("Heir", (), {"y": 2}),
    ("Plain", (1, [], 2), {}),
    ("Space", (1, 2, 3, 4), {}),
]
ASKED: dict[str, Callable[[dict[str, Any]], Any]] = {
    "made": lambda c: (c["Point"](1).y, c["Point"](x=4, y=5).sum, c["Point"].kind),
    "repr": lambda c: (repr(c["Point"](1)), repr(c["Space"](1)), repr(c["Basket"]([1], note="n")), repr(c["Folded"]("A"))),
    "equal": lambda c: (c["Point"](1) == c["Point"](1, 2), c["Point"](1) == c["Space"](1, 2), c["Point"](1) != c["Point"](2)),
    "other note": lambda c: c["Basket"]([1], "a") == c["Basket"]([1], "b"),
    "by identity": lambda c: (c["Same"](1) == c["Same"](1), len({c["Same"](1), c["Same"](1)})),
    "hash": lambda c: (hash(c["Point"](1)), raised(lambda: hash(c["Basket"]())), len({c["Folded"]("a"), c["Folded"]("A")})),
    "frozen": lambda c: (raised(lambda: setattr(c["Point"](1), "x", 2)), raised(lambda: delattr(c["Space"](1), "z"))),
    "slots": lambda c: (raised(lambda: setattr(c["Basket"](), "more", 2)), c["Point"].__slots__, c["Space"].__slots__),
    "defaults": lambda c: (c["Basket"]().items, c["Basket"]([1, 2]).seen, raised(lambda: c["Basket"]([], 1, 2, 3))),
    "arguments": lambda c: (raised(lambda: c["Point"]()), raised(lambda: c["Named"]("a")), c["Named"](name="a").inputs),
    "order": lambda c: (c["Rank"](1, 2) < c["Rank"](1, 3), sorted([c["Rank"](2), c["Rank"](1)])[0].major),
    "inherited": lambda c: ([f.name for f in fields(c["Space"])], c["Space"](1).y, c["Space"](1).sum),
    "fields first": lambda c: [(f.name, f.default, f.repr, f.compare) for f in fields(c["Point"])],
    "replaced": lambda c: (replace(c["Space"](1), z=9).z, replace(c["Basket"]([1]), note="x").note),
    "its own init": lambda c: (c["Own"]("7").x, c["Own"]("7") == c["Own"]("7"), repr(c["Own"]("7"))),
    "its own init, frozen": lambda c: (c["OwnFrozen"]("7") == c["OwnFrozen"]("7"), raised(lambda: setattr(c["OwnFrozen"]("7"), "x", 1))),
    "its own changes": lambda c: (c["Watched"](2).x, c["Heir"](1).z, c["Heir"](1, y=3).y, raised(lambda: c["Heir"](1, 2, 3))),
    "wrong arguments": lambda c: [misused(c[k], a, n) for k, a, n in WRONG],
    "never set": lambda c: raised(lambda: c["Plain"](1).unset),
    "one list each": lambda c: c["Plain"](1).items is c["Plain"](1).items,
    "changed": lambda c: (changed(c["Plain"](1), "x", 7).x, raised(lambda: changed(c["Plain"](1), "y", 7))),
    "in a set": lambda c: (len({c["Space"](1), c["Space"](1)}), raised(lambda: {c["Plain"](1)}), {c["Point"](1): 2}[c["Point"](1)]),
    "unequal kinds": lambda c: (c["Point"](1) == 1, c["Point"](1) != None, raised(lambda: c["Plain"](1) == c["Plain"](1))),  # noqa: E711
    "many": lambda c: [(p := c["Space"](i, z=-i)).x + p.y + p.z for i in range(100)],
    "compared after many": lambda c: [c["Point"](i) for i in range(100)][40:42] == [c["Point"](40), c["Point"](41)],
    "repr of a base": lambda c: (repr(c["Heir"](1)), repr(c["Watched"](1))),
    "matched": lambda c: (c["Point"].__match_args__, c["Space"].__match_args__, c["Named"].__match_args__),
    "copied": lambda c: (copy.copy(c["Point"](1, 5)).y, copy.deepcopy(c["Basket"]([[1]])).items),
    "names": lambda c: [(k.__name__, k.__qualname__.split(".")[-1], k.__module__ == __name__) for k in c.values()],
    "is one": lambda c: [dataclasses.is_dataclass(k) for k in c.values()],
    "as a dict": lambda c: (dataclasses.asdict(c["Space"](1)), dataclasses.astuple(c["Basket"]([1]))),
}  # fmt: skip


@pytest.mark.parametrize("asked", ASKED)
def test_as_the_standard_decorator(asked: str) -> None:
    ours, standard = (ASKED[asked](family(DECORATORS[name])) for name in ("ours", "standard"))
    assert str(ours).replace("ours", "") == str(standard).replace("standard", "")


def test_the_first_objects_write_no_methods() -> None:
    point = family(records.dataclass)["Space"]
    made = [point(i, z=2) for i in range(records.FEW)]
    assert not isinstance(point.__dict__["__dataclass_fields__"], dict) and point.__init__.__name__ == "first"
    made.append(point(99))
    assert point.__init__.__name__ == "__init__" and {p.x for p in made} == {*range(records.FEW), 99}
    assert made[0] == point(0, z=2) and hash(made[0]) == hash(point(0, z=2))


def test_a_pattern_matches() -> None:
    point = family(records.dataclass)["Point"]
    match point(1, 2):
        case point(a, b):
            assert (a, b) == (1, 2)
        case _:
            raise AssertionError


def test_many_threads_make_the_first_object() -> None:
    for _ in range(50):
        point = family(records.dataclass)["Space"]
        gate = threading.Barrier(8)
        made: list[Any] = []

        def first(make: Any = point, gate: Any = gate, made: Any = made) -> None:
            gate.wait()
            made.append(make(1, z=5))

        threads = [threading.Thread(target=first) for _ in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert len(set(made)) == 1 and len(made) == 8


def test_one_that_arrives_by_pickle_in_a_new_process_is_whole() -> None:
    from cortado.planner.types import Type

    code = """
import pickle, sys
a, b = pickle.loads(sys.stdin.buffer.read())
assert a == b and hash(a) == hash(b) and "decimal" in repr(a)
try:
    a.kind = "long"
except AttributeError:
    print("frozen")
"""
    sent = pickle.dumps((Type("decimal"), Type("decimal")))
    done = subprocess.run([sys.executable, "-c", code], input=sent, capture_output=True, check=True)
    assert done.stdout.strip() == b"frozen"
