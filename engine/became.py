"""What became of a plan while it ran: of stages that were bound late, and of plans whose parameters came to be known."""

from __future__ import annotations

from dataclasses import field

from ..planner.plan import Here, Node, Sample
from ..planner.records import dataclass


@dataclass(slots=True)
class Became:
    """Which node stands where another stood when the query began. Nodes are told apart by identity."""

    _made: dict[int, tuple[Node, Node]] = field(default_factory=dict)  # the old one is held, so its id stays its own
    _waited: dict[int, Node] = field(default_factory=dict)  # whose rows a Here node gives, by slot
    _looks: dict[int, Sample] = field(default_factory=dict)  # by the id of the plan that it was needed for

    def replaced(self, old: Node, new: Node) -> None:
        if new is not old:
            self._made[id(old)] = old, new

    def pending(self, whole: Node, new: Node, waited: Node, slot: int) -> None:
        """`whole`, a plan over a Pending node that waited for `waited`, is now `new`, a plan over Here(slot)."""
        self.replaced(whole, new)
        self._waited[slot] = waited
        if isinstance(waited, Sample):
            self._looks[id(new)] = waited

    def in_order(self, plan: Node) -> list[Node]:
        """The nodes of a plan as it is now, each once and behind its inputs, these as they are written."""
        todo, out, looks = [plan], [], []
        while todo:
            node, samples = self._now(todo.pop())
            looks += samples
            out.append(node)
            todo.extend(node.inputs)
        out.reverse()
        for look in looks:  # it ran before the stage that it was needed for
            at = next((i for i, n in enumerate(out) if n.stage == look.stage), len(out))
            out.insert(at, look)
        return out

    def _now(self, node: Node) -> tuple[Node, list[Sample]]:
        looks: list[Sample] = []
        while True:
            if isinstance(node, Here) and node.slot in self._waited:
                node = self._waited[node.slot]
            elif id(node) in self._made:
                node = self._made[id(node)][1]
            else:
                return node, looks
            looks += [look for n, look in self._looks.items() if n == id(node)]
