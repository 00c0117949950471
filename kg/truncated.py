"""Minimal cut sets up to an order, bottom-up from the gates, for trees whose decision diagram is too large.

Families of sets as zero-suppressed diagrams (Minato, "Zero-suppressed BDDs for set manipulation in combinatorial
problems", DAC 1993), combined gate by gate: union for or, product for and, both kept minimal; sets larger than the
order asked for are dropped as soon as they arise. The work grows with the number of small cut sets, not with the tree.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import pairwise

from kg import order as orders
from kg.bdd import Deadline
from kg.cutsets import CHECK_EVERY, CutSets, NotCoherentError, recursion
from kg.formula import Formula, Op
from kg.tree import FaultTree


def small_cut_sets(tree: FaultTree, top: str, max_order: int, *, seconds: float | None = None) -> CutSets:
    """Minimal cut sets of at most `max_order` events of a tree of and, or and k-of-n.

    Raises:
        NotCoherentError: other connectives occur.
        kg.bdd.AnalysisLimitError: the time is over.
    """
    if not tree.is_coherent([top]):
        raise NotCoherentError(
            f'"{top}" uses connectives other than and, or and k-of-n; ask for its probability instead'
        )
    events = min(orders.candidates(tree, [top]), key=lambda order: _spread(tree, top, order))
    work = _Families({name: place for place, name in enumerate(events)}, Deadline(seconds))
    value: dict[str, int] = {name: int(truth) for name, truth in tree.house.items()}
    value |= {name: work.node(place, 0, 1) if max_order else 0 for name, place in work.place.items()}
    with recursion(4 * len(events) + 200):
        for gate in tree.reachable([top]):
            value[gate] = work.of(tree.gates[gate], value, max_order)
    return CutSets(tuple(events), value[top], work.level, work.low, work.high)


def _spread(tree: FaultTree, top: str, order: tuple[str, ...]) -> int:
    """How far apart the order puts the events that gates have in common."""
    place = {name: index for index, name in enumerate(order)}
    total = 0
    for gate in tree.reachable([top]):
        inside = sorted(place[name] for name in set(tree.gates[gate].events()) if name in place)
        total += sum(after - before for before, after in pairwise(inside))
    return total


class _Families:
    """The diagrams of one run. Node 0 is no set, node 1 the empty set alone."""

    def __init__(self, place: dict[str, int], deadline: Deadline) -> None:
        self.place = place
        self.deadline = deadline
        self.level = [sys.maxsize, sys.maxsize]
        self.low = [0, 1]
        self.high = [0, 1]
        self._unique: dict[tuple[int, int, int], int] = {}
        self._union: dict[tuple[int, int], int] = {}
        self._product: dict[tuple[int, int, int], int] = {}
        self._beyond: dict[tuple[int, int], int] = {}

    def node(self, level: int, low: int, high: int) -> int:
        if high == 0:
            return low
        key = (level, low, high)
        found = self._unique.get(key)
        if found is None:
            found = self._unique[key] = len(self.level)
            if found % CHECK_EVERY == 0:
                self.deadline.check("finding the small cut sets")
            self.level.append(level)
            self.low.append(low)
            self.high.append(high)
        return found

    def of(self, formula: Formula, value: dict[str, int], order: int) -> int:
        """Minimal sets of a formula over names whose families are known."""
        if formula.op is Op.EVENT:
            return value[formula.name]
        args = sorted(self.of(arg, value, order) for arg in formula.args)
        match formula.op:
            case Op.TRUE:
                return 1
            case Op.FALSE:
                return 0
            case Op.OR:
                return self._all(args, self.union, 0)
            case Op.AND:
                return self._all(args, lambda a, b: self.product(a, b, order), 1)
            case _:
                table = [1] + [0] * formula.low
                for arg in args:
                    for j in range(formula.low, 0, -1):
                        table[j] = self.union(table[j], self.product(table[j - 1], arg, order))
                return table[formula.low]

    @staticmethod
    def _all(args: list[int], join: Callable[[int, int], int], empty: int) -> int:
        result = empty
        for arg in args:
            result = join(result, arg)
        return result

    def parts(self, family: int, at: int) -> tuple[int, int]:
        """Sets without and with the event of a level."""
        return (self.low[family], self.high[family]) if self.level[family] == at else (family, 0)

    def union(self, first: int, second: int) -> int:
        """Minimal sets among those of both."""
        if second in (first, 0):
            return first
        if first == 0:
            return second
        if 1 in (first, second):
            return 1
        key = (first, second) if first < second else (second, first)
        found = self._union.get(key)
        if found is None:
            at = min(self.level[first], self.level[second])
            a0, a1 = self.parts(first, at)
            b0, b1 = self.parts(second, at)
            low = self.union(a0, b0)
            found = self._union[key] = self.node(at, low, self.beyond(self.union(a1, b1), low))
        return found

    def product(self, first: int, second: int, order: int) -> int:
        """Minimal sets among the unions of one of each, with at most `order` events."""
        if first == 0 or second == 0:
            return 0
        if first == 1 and second == 1:
            return 1
        if order == 0:
            return int(self._has_empty(first) and self._has_empty(second))
        key = (min(first, second), max(first, second), order)
        found = self._product.get(key)
        if found is None:
            at = min(self.level[first], self.level[second])
            a0, a1 = self.parts(first, at)
            b0, b1 = self.parts(second, at)
            low = self.product(a0, b0, order)
            with_event = self.union(self.product(a1, self.union(b0, b1), order - 1), self.product(a0, b1, order - 1))
            found = self._product[key] = self.node(at, low, self.beyond(with_event, low))
        return found

    def _has_empty(self, family: int) -> bool:
        while family > 1:
            family = self.low[family]
        return family == 1

    def beyond(self, family: int, others: int) -> int:
        """The sets that contain none of the other sets."""
        if family == 0 or others == 0:
            return family
        if others in (1, family):
            return 0
        if family == 1:
            return int(not self._has_empty(others))
        key = (family, others)
        found = self._beyond.get(key)
        if found is None:
            at = self.level[family]
            if self.level[others] < at:
                found = self.beyond(family, self.low[others])
            else:
                a0, a1 = self.parts(family, at)
                b0, b1 = self.parts(others, at)
                found = self.node(at, self.beyond(a0, b0), self.beyond(self.beyond(a1, b1), b0))
            self._beyond[key] = found
        return found
