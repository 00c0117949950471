"""Minimal cut sets of coherent fault trees: counted on a diagram, listed on demand.

Rauzy's algorithm for minimal solutions (Rauzy 1993, section 4): for a monotone function f with first event v,
``minsol(f) = v·(minsol(f|v=1) without the supersets of solutions of f|v=0) + minsol(f|v=0)``. The result is a
zero-suppressed diagram (Minato 1993) whose paths are the minimal cut sets. Because f|v=0 is monotone, a set contains
one of its solutions exactly when it satisfies it; so the "without" step walks the diagram of f|v=0 itself, one
branch at a time, and never needs the solutions of the other side.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from kg.bdd import Deadline, Diagram

CHECK_EVERY = 1 << 16


class NotCoherentError(ValueError):
    """Cut sets were asked for a tree that is not coherent; the message says what works instead."""


@dataclass(frozen=True)
class CutSets:
    """A family of sets of events as a zero-suppressed diagram; node 0 is no set, node 1 the empty set."""

    events: tuple[str, ...]
    root: int
    level: list[int] = field(repr=False)
    low: list[int] = field(repr=False)
    high: list[int] = field(repr=False)

    def count(self) -> int:
        """How many sets, exactly."""
        number = [0, 1]
        for node in range(2, len(self.level)):
            number.append(number[self.low[node]] + number[self.high[node]])
        return number[self.root]

    def count_by_order(self) -> dict[int, int]:
        """How many sets of each order (number of events)."""
        tables: list[list[int]] = [[], [1]]
        for node in range(2, len(self.level)):
            low, high = tables[self.low[node]], tables[self.high[node]]
            table = [0] * max(len(low), len(high) + 1)
            for size, number in enumerate(low):
                table[size] += number
            for size, number in enumerate(high):
                table[size + 1] += number
            tables.append(table)
        return {size: number for size, number in enumerate(tables[self.root]) if number}

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        """The sets, each in the diagram's order of events; made one by one, so millions need no memory."""
        stack: list[tuple[int, tuple[str, ...]]] = [(self.root, ())]
        while stack:
            node, chosen = stack.pop()
            if node == 1:
                yield chosen
            elif node:
                stack.append((self.low[node], chosen))
                stack.append((self.high[node], (*chosen, self.events[self.level[node]])))

    def sum_by_event(self, probability: Mapping[str, float]) -> tuple[float, dict[str, float]]:
        """Sum of the probabilities of all sets (rare-event bound), and of those that contain each event."""
        p = [probability[name] for name in self.events]
        value = [0.0, 1.0]
        for node in range(2, len(self.level)):
            value.append(value[self.low[node]] + p[self.level[node]] * value[self.high[node]])
        reach = [0.0] * len(value)
        reach[self.root] = 1.0
        by_event = [0.0] * len(self.events)
        for node in range(len(value) - 1, 1, -1):
            here, at = reach[node], self.level[node]
            if here:
                by_event[at] += here * p[at] * value[self.high[node]]
                reach[self.low[node]] += here
                reach[self.high[node]] += here * p[at]
        return value[self.root], dict(zip(self.events, by_event, strict=True))


def minimal_cut_sets(
    diagram: Diagram,
    root: str,
    *,
    max_order: int | None = None,
    seconds: float | None = None,
    coherent: bool = False,
) -> CutSets:
    """Minimal cut sets of a monotone root, of order `max_order` at most where that is given.

    `coherent` tells that the tree is known to be so (`FaultTree.is_coherent`), which spares looking at the diagram.

    Raises:
        NotCoherentError: the root's function is not monotone.
        kg.bdd.AnalysisLimitError: the time is over.
    """
    if not coherent and not diagram.is_monotone(root):
        raise NotCoherentError(
            f'"{root}" is not coherent: an event of it (under not, xor, iff …) can make the top event disappear, so '
            "minimal cut sets are not defined; its probability is exact, and a gate below may be coherent"
        )
    work = _MinimalSolutions(diagram, seconds)
    with recursion(4 * len(diagram.events) + 200):
        top = work.solve(diagram.roots[root], math.inf if max_order is None else max_order)
    return CutSets(diagram.events, top, work.level, work.low, work.high)


class _MinimalSolutions:
    """One run: its zero-suppressed diagram and its memory of what was computed."""

    def __init__(self, diagram: Diagram, seconds: float | None) -> None:
        self.diagram = diagram
        self.deadline = Deadline(seconds)
        bottom = len(diagram.events)
        self.level: list[int] = [bottom, bottom]
        self.low: list[int] = [0, 1]
        self.high: list[int] = [0, 1]
        self._unique: dict[tuple[int, int, int], int] = {}
        self._solved: dict[tuple[int, float], int] = {}
        self._without: dict[int, int] = {}

    def _node(self, level: int, low: int, high: int) -> int:
        if high == 0:
            return low
        key = (level, low, high)
        node = self._unique.get(key)
        if node is None:
            node = len(self.level)
            if node % CHECK_EVERY == 0:
                self.deadline.check("finding the minimal cut sets")
            self._unique[key] = node
            self.level.append(level)
            self.low.append(low)
            self.high.append(high)
        return node

    def solve(self, node: int, order: float) -> int:
        """Minimal solutions of a diagram node with at most `order` events."""
        if node < 2:
            return node
        if order == 0:
            return 0
        key = (node, order)
        found = self._solved.get(key)
        if found is None:
            low, high = self.diagram.low[node], self.diagram.high[node]
            without = self.solve(low, order)
            with_event = self.remove(self.solve(high, order - 1), low)
            found = self._solved[key] = self._node(self.diagram.level[node], without, with_event)
        return found

    def remove(self, sets: int, function: int) -> int:
        """The sets that do not satisfy a monotone diagram node."""
        diagram = self.diagram
        if sets == 0 or function == 1:
            return 0
        at = self.level[sets]
        # Events above the set's first one are not in it.
        while diagram.level[function] < at:
            function = diagram.low[function]
        if function == 1:
            return 0
        if function == 0 or sets == 1:
            return sets
        key = sets << 32 | function
        found = self._without.get(key)
        if found is None:
            if len(self._without) % CHECK_EVERY == 0:
                self.deadline.check("finding the minimal cut sets")
            if diagram.level[function] == at:
                high = self.remove(self.high[sets], diagram.high[function])
                low = self.remove(self.low[sets], diagram.low[function])
            else:
                high = self.remove(self.high[sets], function)
                low = self.remove(self.low[sets], function)
            found = self._without[key] = self._node(at, low, high)
        return found


class recursion:  # noqa: N801 - a context manager, read as a statement
    """Room for recursion as deep as the diagram, given back afterwards. Python frames live on the heap, not the
    stack."""

    def __init__(self, depth: int) -> None:
        self.depth = depth

    def __enter__(self) -> None:
        self.before = sys.getrecursionlimit()
        sys.setrecursionlimit(max(self.before, self.before + self.depth))

    def __exit__(self, *_: object) -> None:
        sys.setrecursionlimit(self.before)
