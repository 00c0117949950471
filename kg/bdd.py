"""Binary decision diagrams of fault trees: building them with `dd`, exact probability, Birnbaum importance.

Building goes through CUDD where its wheel is installed (`dd.cudd`), else through the pure Python `dd.autoref`. The
finished diagram is copied into integer arrays (`Diagram`) that no manager, reordering or garbage collection can touch,
and everything is computed there.

Sources: Bryant, "Graph-based algorithms for Boolean function manipulation", IEEE ToC 1986; Rauzy, "New algorithms for
fault trees analysis", Reliability Engineering and System Safety 40, 1993 (probability by Shannon decomposition, Eq. 4).
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from kg import modules
from kg import order as orders
from kg.formula import Formula, Op
from kg.tree import FaultTree, TreeError

try:
    from dd import cudd as _backend

    HAVE_CUDD = True
except ImportError:  # a platform without the CUDD wheel
    from dd import autoref as _backend

    HAVE_CUDD = False

MEGABYTE: Final = 2**20
_BUDGETS: Final = ((64 * MEGABYTE, 256 * MEGABYTE), (512 * MEGABYTE, 2048 * MEGABYTE))
"""Memory that a try of a fixed order, and of one with reordering, may take, in two rounds; a bad order is given up
after a second, not after an hour."""
MAX_NODES: Final = 20_000_000
"""Diagram nodes that are copied into arrays; beyond it the counting would not end in useful time either."""
_SMALL: Final = 5_000
"""A diagram of so few nodes is not worth a second order."""
_MEDIUM: Final = 100_000
"""Nor is one of so few nodes worth more than the first orders and reordering."""
_FIRST: Final = 2


class AnalysisLimitError(RuntimeError):
    """The analysis was given up because it met its time or size limit; the message says which and what to do."""


class Deadline:
    """A moment after which work stops. `None` seconds means never."""

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self._end = None if seconds is None else time.monotonic() + seconds

    def check(self, doing: str) -> None:
        """Raise `AnalysisLimitError` when the time is over."""
        if self._end is not None and time.monotonic() > self._end:
            raise AnalysisLimitError(
                f"{doing} took longer than the limit of {self.seconds:g} s; allow more time, or limit the order "
                "of the cut sets"
            )


@dataclass(frozen=True)
class Diagram:
    """Reduced ordered BDDs of several roots in one array each, without complement edges.

    Node 0 is false, node 1 is true; node `n` tests event `events[level[n]]` and goes on at `low[n]` where the event
    does not hold, at `high[n]` where it does. Children have smaller numbers than their parents.
    """

    events: tuple[str, ...]
    level: Sequence[int]
    low: Sequence[int]
    high: Sequence[int]
    roots: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.level)

    def probabilities(self, probability: Mapping[str, float]) -> list[float]:
        """Exact probability of every node, by Shannon decomposition, for independent events.

        Raises:
            TreeError: an event of the diagram has no probability.
        """
        p = [self._probability_of(name, probability) for name in self.events]
        value = [0.0, 1.0]
        level, low, high = self.level, self.low, self.high
        for node in range(2, len(level)):
            chance = p[level[node]]
            value.append((1.0 - chance) * value[low[node]] + chance * value[high[node]])
        return value

    def probability(self, root: str, probability: Mapping[str, float]) -> float:
        """Exact probability of one root."""
        return self.probabilities(probability)[self.roots[root]]

    def birnbaum(self, root: str, probability: Mapping[str, float]) -> dict[str, float]:
        """Birnbaum importance of every event: the derivative of the root's probability by the event's.

        One upward pass (probabilities) and one downward pass (probability of reaching each node) give all of them.
        """
        value = self.probabilities(probability)
        p = [probability[name] for name in self.events]
        reach = [0.0] * len(value)
        reach[self.roots[root]] = 1.0
        result = [0.0] * len(self.events)
        for node in range(len(value) - 1, 1, -1):
            here = reach[node]
            if here == 0.0:
                continue
            at, low, high = self.level[node], self.low[node], self.high[node]
            result[at] += here * (value[high] - value[low])
            reach[low] += here * (1.0 - p[at])
            reach[high] += here * p[at]
        return dict(zip(self.events, result, strict=True))

    def is_monotone(self, root: str) -> bool:
        """Whether the function can only become truer when an event becomes true (semantic coherence)."""
        low, high, level = self.low, self.high, self.level
        known: dict[tuple[int, int], bool] = {}

        def implies(first: int, second: int) -> bool:
            stack = [(first, second)]
            while stack:
                f, g = stack.pop()
                if f in (g, 0) or g == 1:
                    continue
                if f == 1 or g == 0:
                    return False
                if (f, g) in known:
                    continue
                known[f, g] = True
                at = min(level[f], level[g])
                f0, f1 = (low[f], high[f]) if level[f] == at else (f, f)
                g0, g1 = (low[g], high[g]) if level[g] == at else (g, g)
                stack += [(f0, g0), (f1, g1)]
            return True

        return all(implies(low[node], high[node]) for node in self.cone(root))

    def cone(self, root: str) -> list[int]:
        """Inner nodes below a root, children before parents."""
        seen: set[int] = set()
        stack = [self.roots[root]]
        while stack:
            node = stack.pop()
            if node > 1 and node not in seen:
                seen.add(node)
                stack += (self.low[node], self.high[node])
        return sorted(seen)

    @staticmethod
    def _probability_of(name: str, probability: Mapping[str, float]) -> float:
        if name not in probability:
            raise TreeError(f'event "{name}" has no probability; define one, or ask for cut sets only')
        return probability[name]


def build(
    tree: FaultTree,
    tops: Sequence[str],
    *,
    order: Sequence[str] | None = None,
    seconds: float | None = None,
    restrict: Mapping[str, bool] | None = None,
) -> Diagram:
    """Diagram of the gates or events named in `tops`.

    Without an `order` several static ones are tried, each within a memory budget, and the smallest diagram wins. When
    none fits, CUDD's dynamic reordering (sifting) builds it; the order found is then frozen. `restrict` fixes events.

    Raises:
        TreeError: the tree is not well formed.
        AnalysisLimitError: no order fits into memory, or the time is over.
    """
    deadline = Deadline(seconds)
    fixed = {**tree.house, **(restrict or {})}
    gates = tree.reachable(tops)
    if order is None and len(tops) == 1 and tops[0] in tree.gates:
        return _build_by_modules(tree, tops[0], fixed, deadline)
    if order is not None:
        return _attempt(tree, tops, gates, tuple(order), fixed, _BUDGETS[-1][1], deadline, reorder=False)
    return _best(tree, tops, gates, fixed, deadline)


def _build_by_modules(tree: FaultTree, top: str, fixed: Mapping[str, bool], deadline: Deadline) -> Diagram:
    """Diagram of one gate from the diagrams of its modules."""
    parts: dict[str, modules.Part] = {}
    for module in modules.split(tree, top, fixed):
        gates = module.tree.reachable([module.top])
        own = _best(module.tree, [module.top], gates, {}, deadline)
        parts[module.top] = modules.Part(own.events, own.level, own.low, own.high, own.roots[module.top])
    try:
        whole = modules.expand(parts, top, MAX_NODES)
    except MemoryError as error:
        raise _too_large(tree) from error
    return Diagram(whole.events, whole.level, whole.low, whole.high, {top: whole.root})


def _too_large(tree: FaultTree) -> AnalysisLimitError:
    return AnalysisLimitError(
        f"{tree.name}: the decision diagram does not fit into {_BUDGETS[-1][1] // MEGABYTE} MiB or "
        f"{MAX_NODES} nodes in any order tried; analyse a gate further down"
    )


def _best(
    tree: FaultTree, tops: Sequence[str], gates: Sequence[str], fixed: Mapping[str, bool], deadline: Deadline
) -> Diagram:
    """The smallest diagram that the orders tried give."""
    options = list(orders.candidates(tree, tops))

    def attempt(option: tuple[str, ...], memory: int, best: Diagram | None, *, reorder: bool) -> Diagram | None:
        limit = MAX_NODES if best is None else len(best)
        try:
            return _attempt(tree, tops, gates, option, fixed, memory, deadline, reorder=reorder, nodes=limit)
        except MemoryError:
            return best

    for static, dynamic in _BUDGETS:
        best: Diagram | None = None
        for option in options[:_FIRST]:
            best = attempt(option, static, best, reorder=False)
            if best is not None and len(best) < _SMALL:
                return best
        # Sifting often shrinks what static orders leave large, by a factor of fifty at times.
        best = attempt(options[0], dynamic, best, reorder=True)
        for option in options[_FIRST:]:
            if best is not None and len(best) < _MEDIUM:
                return best
            best = attempt(option, static, best, reorder=False)
        if best is not None:
            return best
    raise _too_large(tree)


def _attempt(  # noqa: PLR0917 - called in two places, both name what is not obvious
    tree: FaultTree,
    tops: Sequence[str],
    gates: Sequence[str],
    order: tuple[str, ...],
    fixed: Mapping[str, bool],
    memory: int,
    deadline: Deadline,
    *,
    reorder: bool,
    nodes: int = MAX_NODES,
) -> Diagram:
    """One try with one order, or starting from it. Raises MemoryError when it does not fit into `memory` bytes or
    `nodes` nodes."""
    manager: Any = _backend.BDD()
    logging.getLogger("dd").setLevel(logging.WARNING)
    if HAVE_CUDD:
        manager.configure(reordering=reorder, max_memory=memory)
    else:
        manager.configure(reordering=reorder)
    variables = [name for name in order if name not in fixed]
    manager.declare(*variables)
    value: dict[str, Any] = {name: manager.var(name) for name in variables}
    value |= {name: manager.true if truth else manager.false for name, truth in fixed.items()}
    remaining: dict[str, int] = {}
    for gate in gates:
        for name in set(tree.gates[gate].events()):
            remaining[name] = remaining.get(name, 0) + 1
    kept = set(tops)
    try:
        for gate in gates:
            deadline.check("building the decision diagram")
            value[gate] = _function(manager, tree.gates[gate], value)
            for name in set(tree.gates[gate].events()):
                remaining[name] -= 1
                # A gate that nothing refers to any more is released, so that its nodes can be collected.
                if remaining[name] == 0 and name in tree.gates and name not in kept:
                    del value[name]
    except ValueError as error:
        if "NULL" in str(error):  # how dd reports that CUDD met its memory limit
            raise MemoryError from error
        raise
    if HAVE_CUDD:
        if reorder:
            _backend.reorder(manager)
        manager.configure(reordering=False)
    return _copy(manager, {top: value[top] for top in tops}, nodes, deadline)


def _function(manager: Any, formula: Formula, value: Mapping[str, Any]) -> Any:  # noqa: PLR0912 - one for each operator
    if formula.op is Op.EVENT:
        return value[formula.name]
    args = [_function(manager, arg, value) for arg in formula.args]
    match formula.op:
        case Op.TRUE:
            return manager.true
        case Op.FALSE:
            return manager.false
        case Op.AND:
            return _fold(args, lambda a, b: a & b, manager.true)
        case Op.NAND:
            return ~_fold(args, lambda a, b: a & b, manager.true)
        case Op.OR:
            return _fold(args, lambda a, b: a | b, manager.false)
        case Op.NOR:
            return ~_fold(args, lambda a, b: a | b, manager.false)
        case Op.NOT:
            return ~args[0]
        case Op.XOR:
            return _fold(args, lambda a, b: manager.apply("xor", a, b), manager.false)
        case Op.IMPLY:
            return ~args[0] | args[1]
        case Op.IFF:
            return ~manager.apply("xor", args[0], args[1])
        case Op.ATLEAST:
            return _threshold(manager, args, formula.low)
        case Op.CARDINALITY:
            return _threshold(manager, args, formula.low) & ~_threshold(manager, args, formula.high + 1)
        case _:  # Op.EVENT was handled above
            raise AssertionError(formula.op)


def _fold(args: list[Any], join: Callable[[Any, Any], Any], empty: Any) -> Any:
    """Join arguments from the bottom of the order upwards: each step then only adds nodes on top."""
    if not args:
        return empty
    ranked = sorted(args, key=_level, reverse=True)
    result = ranked[0]
    for arg in ranked[1:]:
        result = join(result, arg)
    return result


def _level(function: Any) -> int:
    return int(function.level)


def _threshold(manager: Any, args: list[Any], low: int) -> Any:
    """`low` or more of the arguments: a table of "at least j of the arguments so far"."""
    if low <= 0:
        return manager.true
    if low > len(args):
        return manager.false
    table = [manager.true] + [manager.false] * low
    for index, arg in enumerate(sorted(args, key=_level, reverse=True), start=1):
        rest = len(args) - index
        for j in range(min(low, index), max(0, low - rest - 1), -1):
            table[j] = manager.ite(arg, table[j - 1], table[j])
    return table[low]


def _copy(manager: Any, roots: Mapping[str, Any], limit: int, deadline: Deadline) -> Diagram:
    """Diagram in arrays: complement edges are resolved into nodes of both polarities where both are used."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        inner: dict[int, tuple[int, int, int]] = {}  # by positive reference: level, low, high (signed references)
        pending: list[Any] = list(roots.values())
        true = int(manager.true)
        while pending:
            function = pending.pop()
            key = _positive(function)
            if key in inner or key == true:
                continue
            level, low, high = manager.succ(function)
            inner[key] = (level, _signed(low), _signed(high))
            pending.append(low)
            pending.append(high)
            if len(inner) % 65536 == 0:
                deadline.check("copying the decision diagram")
                if len(inner) > limit:
                    raise MemoryError
    wanted: set[int] = set()
    stack = [_signed(root) for root in roots.values()]
    signed_true = _signed(manager.true)
    while stack:
        reference = stack.pop()
        if abs(reference) == signed_true or reference in wanted:
            continue
        wanted.add(reference)
        sign = 1 if reference > 0 else -1
        _, low, high = inner[abs(reference)]
        stack += (sign * low, sign * high)
    if len(wanted) > limit:
        raise MemoryError
    ranked = sorted(wanted, key=lambda reference: (-inner[abs(reference)][0], reference))
    index = {signed_true: 1, -signed_true: 0}
    index |= {reference: place for place, reference in enumerate(ranked, start=2)}
    names = tuple(manager.var_at_level(at) for at in range(len(manager.vars)))
    levels, lows, highs = [len(names)] * 2, [0, 1], [0, 1]
    for reference in ranked:
        level, low, high = inner[abs(reference)]
        sign = 1 if reference > 0 else -1
        levels.append(level)
        lows.append(index[sign * low])
        highs.append(index[sign * high])
    return Diagram(names, levels, lows, highs, {top: index[_signed(root)] for top, root in roots.items()})


if HAVE_CUDD:

    def _positive(function: Any) -> int:
        # The last bit of a CUDD reference says whether it is complemented.
        return int(function) & ~1

    def _signed(function: Any) -> int:
        reference = int(function)
        return -(reference & ~1) if reference & 1 else reference

else:

    def _positive(function: Any) -> int:
        return abs(int(function))

    def _signed(function: Any) -> int:
        return int(function)
