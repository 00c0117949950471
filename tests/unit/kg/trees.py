"""Random fault trees and their figures by enumeration of all states: what the engine is compared with."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

from hypothesis import strategies as st

from kg import formula as f
from kg.formula import Formula, Op
from kg.tree import FaultTree

COHERENT = (Op.AND, Op.OR, Op.ATLEAST)
ANY = (*COHERENT, Op.NOT, Op.XOR, Op.NAND, Op.NOR, Op.IMPLY, Op.IFF, Op.CARDINALITY)


@st.composite
def formulas(draw: st.DrawFn, names: list[str], ops: tuple[Op, ...] = ANY, depth: int = 2) -> Formula:
    if depth == 0 or draw(st.booleans()):
        return f.event(draw(st.sampled_from(names)))
    op = draw(st.sampled_from(ops))
    number = {Op.NOT: 1, Op.IMPLY: 2, Op.IFF: 2}.get(op) or draw(st.integers(2, 4))
    args = tuple(draw(formulas(names, ops, depth - 1)) for _ in range(number))
    low = draw(st.integers(1, number)) if op in (Op.ATLEAST, Op.CARDINALITY) else 0
    high = draw(st.integers(low, number)) if op is Op.CARDINALITY else 0
    return Formula(op, args, low=low, high=high)


@st.composite
def fault_trees(draw: st.DrawFn, ops: tuple[Op, ...] = ANY, most_events: int = 7) -> FaultTree:
    """Trees with shared gates: each gate may use the events and all gates below it."""
    events = [f"e{i}" for i in range(draw(st.integers(2, most_events)))]
    gates: dict[str, Formula] = {}
    below = list(events)
    for index in range(draw(st.integers(0, 4))):
        gates[f"g{index}"] = draw(formulas(below, ops))
        below.append(f"g{index}")
    gates["top"] = draw(formulas(below, ops, depth=3))
    chances = {name: draw(st.floats(0.01, 0.99)) for name in events}
    return FaultTree("random", gates, chances, frozenset(events))


def states(tree: FaultTree) -> Iterator[tuple[frozenset[str], float]]:
    """Every combination of events that hold, with its probability."""
    names = sorted(tree.events)
    for bits in itertools.product((False, True), repeat=len(names)):
        chance = 1.0
        for name, bit in zip(names, bits, strict=True):
            chance *= tree.probabilities[name] if bit else 1 - tree.probabilities[name]
        yield frozenset(name for name, bit in zip(names, bits, strict=True) if bit), chance


def holds(tree: FaultTree, gate: str, present: frozenset[str]) -> bool:
    def value(name: str) -> bool:
        return tree.gates[name].evaluate(value) if name in tree.gates else name in present

    return value(gate)


def probability(tree: FaultTree, condition: Callable[[frozenset[str]], bool]) -> float:
    return sum(chance for present, chance in states(tree) if condition(present))


def cut_sets(tree: FaultTree, gate: str) -> set[frozenset[str]]:
    """Minimal sets of events that make a gate true, by trying all."""
    true = [present for present, _ in states(tree) if holds(tree, gate, present)]
    return {one for one in true if not any(other < one for other in true)}
