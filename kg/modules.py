"""Modules of a fault tree: parts that meet the rest in one place only, and so can be worked on by themselves.

Modules are found in linear time by the dates of a depth-first walk (Dutuit and Rauzy, "A linear-time algorithm to find
modules of fault trees", IEEE Transactions on Reliability 45, 1996). Before that, formulas are brought to one connective
each, chains of the same connective become one gate, and inputs that a gate has for itself become a gate of their own:
trees of real plants then shrink to a fraction of their events. Each module gets a decision diagram of its own; `expand`
puts them together into one diagram over all events, with the events of a module next to each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kg import formula as f
from kg.formula import Formula, Op
from kg.tree import FaultTree

_CHAINS = (Op.AND, Op.OR)


@dataclass(frozen=True)
class Module:
    """One module: its tree, in which other modules stand as events, and the gate at its top."""

    top: str
    tree: FaultTree


def split(tree: FaultTree, top: str, fixed: Mapping[str, bool]) -> list[Module]:
    """Modules below a gate, every module after those that stand in it; the last one is that of the top itself."""
    gates = _joined(_flat(tree, top, fixed), top)
    gates = _grouped(gates)
    order = _bottom_up(gates, top)
    roots = _roots(gates, top) | {top}
    result = []
    for root in (gate for gate in order if gate in roots):
        inside: dict[str, Formula] = {}
        events: set[str] = set()
        stack = [root]
        while stack:
            gate = stack.pop()
            if gate in inside:
                continue
            inside[gate] = gates[gate]
            for name in gates[gate].events():
                if name in gates and name not in roots:
                    stack.append(name)
                else:
                    events.add(name)
        result.append(Module(root, FaultTree(tree.name, inside, {}, frozenset(events))))
    return result


def _flat(tree: FaultTree, top: str, fixed: Mapping[str, bool]) -> dict[str, Formula]:
    """Gates of one connective over names; nested formulas get names, constants stay as they are."""
    gates: dict[str, Formula] = {}

    def named(formula: Formula, gate: str, place: int) -> Formula:
        if formula.op is Op.EVENT:
            if formula.name in fixed:
                return f.TRUE if fixed[formula.name] else f.FALSE
            return formula
        if formula.op in (Op.TRUE, Op.FALSE):
            return formula
        name = f"{gate}\x00{place}"
        gates[name] = flattened(formula, name)
        return f.event(name)

    def flattened(formula: Formula, gate: str) -> Formula:
        if formula.op is Op.EVENT:
            return Formula(Op.OR, (named(formula, gate, 0),))
        args = tuple(named(arg, gate, place) for place, arg in enumerate(formula.args))
        return Formula(formula.op, args, "", formula.low, formula.high)

    for gate in tree.reachable([top]):
        gates[gate] = flattened(tree.gates[gate], gate)
    return gates


def _uses(gates: Mapping[str, Formula]) -> dict[str, int]:
    """By how many inputs of gates each name is used."""
    uses: dict[str, int] = {}
    for formula in gates.values():
        for name in formula.events():
            uses[name] = uses.get(name, 0) + 1
    return uses


def _joined(gates: dict[str, Formula], top: str) -> dict[str, Formula]:
    """A gate that is used once, by a gate of the same connective, or that has one input only, is put into its user."""
    uses = _uses(gates)
    result: dict[str, Formula] = {}
    for gate in _bottom_up(gates, top):
        formula = gates[gate]
        args: list[Formula] = []
        for arg in formula.args:
            inner = result.get(arg.name) if arg.op is Op.EVENT else None
            if inner is not None and inner.op in _CHAINS and len(inner.args) == 1:
                args.append(inner.args[0])
            elif inner is not None and inner.op is formula.op and inner.op in _CHAINS and uses[arg.name] == 1:
                args += inner.args
            else:
                args.append(arg)
        result[gate] = Formula(formula.op, tuple(args), "", formula.low, formula.high)
    below = set(_bottom_up(result, top))
    return {gate: formula for gate, formula in result.items() if gate in below}


def _grouped(gates: dict[str, Formula]) -> dict[str, Formula]:
    """Events that only one gate has become a gate of their own in it."""
    uses = _uses(gates)
    result: dict[str, Formula] = {}
    for gate, formula in gates.items():
        own = [arg for arg in formula.args if arg.op is Op.EVENT and arg.name not in gates and uses[arg.name] == 1]
        if formula.op in _CHAINS and 1 < len(own) < len(formula.args):
            name = f"{gate}\x00own"
            result[name] = Formula(formula.op, tuple(own))
            rest = tuple(arg for arg in formula.args if arg not in own)
            result[gate] = Formula(formula.op, (f.event(name), *rest))
        else:
            result[gate] = formula
    return result


def _bottom_up(gates: Mapping[str, Formula], top: str) -> list[str]:
    order: list[str] = []
    done: set[str] = set()
    stack: list[tuple[str, bool]] = [(top, False)]
    while stack:
        name, leaving = stack.pop()
        if leaving:
            order.append(name)
        elif name in gates and name not in done:
            done.add(name)
            stack.append((name, True))
            stack += [(used, False) for used in gates[name].events()]
    return order


def _roots(gates: Mapping[str, Formula], top: str) -> set[str]:
    """Gates whose events are met nowhere outside: all dates below lie between the gate's first two visits."""
    first: dict[str, int] = {}
    second: dict[str, int] = {}
    last: dict[str, int] = {}
    date = 0
    stack: list[tuple[str, bool]] = [(top, False)]
    while stack:
        name, leaving = stack.pop()
        date += 1
        last[name] = date
        if leaving:
            second[name] = date
        elif name not in first:
            first[name] = date
            if name in gates:
                stack.append((name, True))
                stack += [(used, False) for used in gates[name].events()]
    found: set[str] = set()
    low: dict[str, int] = {}
    high: dict[str, int] = {}
    for gate in _bottom_up(gates, top):
        names = list(gates[gate].events())
        low[gate] = min((min(first[name], low.get(name, first[name])) for name in names), default=date)
        high[gate] = max((max(last[name], high.get(name, last[name])) for name in names), default=0)
        if first[gate] < low[gate] and high[gate] < second[gate]:
            found.add(gate)
    return found


@dataclass(frozen=True)
class Part:
    """Diagram of one module in arrays, as in `kg.bdd.Diagram`; `root` is its top."""

    events: Sequence[str]
    level: Sequence[int]
    low: Sequence[int]
    high: Sequence[int]
    root: int


@dataclass(frozen=True)
class Expanded:
    """One diagram over all events."""

    events: tuple[str, ...]
    level: list[int]
    low: list[int]
    high: list[int]
    root: int


def expand(parts: Mapping[str, Part], top: str, limit: int) -> Expanded:
    """Put the diagrams of modules in the place of the events that stand for them.

    Raises:
        MemoryError: the result has more than `limit` nodes.
    """
    order: list[str] = []
    stack = [top]
    while stack:
        name = stack.pop()
        if name in parts:
            stack += reversed(parts[name].events)
        else:
            order.append(name)
    place = {name: index for index, name in enumerate(order)}
    level, low, high = [len(order)] * 2, [0, 1], [0, 1]
    unique: dict[tuple[int, int, int], int] = {}
    known: dict[tuple[str, int, int], int] = {}

    def node(at: int, no: int, yes: int) -> int:
        if no == yes:
            return no
        key = (at, no, yes)
        found = unique.get(key)
        if found is None:
            found = unique[key] = len(level)
            if found > limit:
                raise MemoryError
            level.append(at)
            low.append(no)
            high.append(yes)
        return found

    def inserted(name: str, no: int, yes: int) -> int:
        if name not in parts:
            return node(place[name], no, yes)
        key = (name, no, yes)
        if key not in known:
            part = parts[name]
            value = [no, yes]
            for inner in range(2, len(part.level)):
                value.append(inserted(part.events[part.level[inner]], value[part.low[inner]], value[part.high[inner]]))
            known[key] = value[part.root]
        return known[key]

    return Expanded(tuple(order), level, low, high, inserted(top, 0, 1))
