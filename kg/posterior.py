"""Exact probability of every fault given a complaint and the outcomes of checks, with several faults at once.

Faults are independent beforehand. A check tells facets; the outcome of a facet depends on the faults only through the
case that holds (`kg.model.Facet`), and facets are independent given the faults. So the joint probability of faults F
and observed outcomes is ``sum over fault states of prod(prior) * [symptom] * prod(P(outcome | case))``.

`compile_symptom` turns that sum, once, into a layered diagram: one layer for each fault, a node for each distinct
rest of the formulas still undecided, and on each edge the cases that it decides. It is the multi-rooted decision
diagram of symptom, facets and causes, read as an arithmetic circuit. Any evidence is then one upward pass; a
downward pass gives the derivatives, from which all posteriors and the predictions of all facets follow at once
(Darwiche, "A differential approach to inference in Bayesian networks", JACM 50, 2003). Many what-if rows are
evaluated together.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kg import bdd, cutsets, order
from kg import formula as f
from kg.formula import Formula
from kg.model import OTHER, Facet, Graph
from kg.tree import FaultTree

MAX_WIDTH: Final = 20_000
"""Nodes in one layer, beyond which a step would take longer than a customer waits."""
MAX_CAUSES: Final = 64
"""Cut sets through one fault that are told apart when its share in the trouble is asked for."""
_FLOOR: Final = 1e-6
"""No outcome is impossible: people misread, systems lag. Keeps contradicting answers from leaving no explanation."""
SYMPTOM: Final = "symptom"
CAUSE: Final = "cause:"

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


Structure = tuple[Hashable, ...]


class EntangledError(ValueError):
    """The checks of a symptom overlap so much that exact inference would be too slow; the message names the checks."""


@dataclass(frozen=True)
class Circuit:
    """Compiled inference for one symptom. Plain lists, so that it can be stored as JSON (`as_json`, `from_json`).

    `faults` by layer; `cases[item]` is the number of cases of each tracked item: the symptom (case 0: present), facets,
    and for faults that act only together with others `cause:FAULT` (case 0: it takes part in causing the symptom).
    `low`/`high` lead from each node of a layer to a node of the next; `decided` lists (edge, case) pairs.
    """

    symptom: str
    faults: tuple[str, ...]
    cases: Mapping[str, int]
    low: tuple[tuple[int, ...], ...]
    high: tuple[tuple[int, ...], ...]
    decided: tuple[tuple[int, int], ...]
    constant: Mapping[str, int] = field(default_factory=dict)
    """Items that no fault of this tree decides, with the case that always holds."""

    @property
    def size(self) -> int:
        """Nodes over all layers."""
        return sum(len(layer) for layer in self.low)

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "symptom": self.symptom, "faults": self.faults, "cases": dict(self.cases), "low": self.low,
            "high": self.high, "decided": self.decided, "constant": dict(self.constant),
        }  # fmt: skip

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Circuit:
        """The circuit that `as_json` wrote."""
        return Circuit(
            data["symptom"], tuple(data["faults"]), data["cases"], tuple(map(tuple, data["low"])),
            tuple(map(tuple, data["high"])), tuple(map(tuple, data["decided"])), data["constant"],
        )  # fmt: skip

    @cached_property
    def offset(self) -> dict[str, int]:
        """Row of the first case of each item in the table of case weights."""
        result, total = {}, 0
        for item, number in self.cases.items():
            result[item] = total
            total += number
        return result

    @cached_property
    def number_of_cases(self) -> int:
        """Rows of the table of case weights."""
        return sum(self.cases.values())

    @cached_property
    def index(self) -> dict[str, int]:
        """Layer of each fault."""
        return {name: place for place, name in enumerate(self.faults)}

    @cached_property
    def _arrays(self) -> _Arrays:
        return _Arrays(self)

    def evaluate(self, weights: Floats, priors: Floats) -> Beliefs:
        """Beliefs for each column of `weights` (cases by rows of evidence) and fault probabilities `priors`."""
        return self._arrays.evaluate(weights, priors)

    def weights(self, rows: int = 1) -> Floats:
        """Case weights of no evidence but the complaint itself, for a number of what-if rows."""
        result = np.ones((self.number_of_cases, rows))
        if SYMPTOM in self.offset:
            result[self.offset[SYMPTOM] + 1] = 0.0
        return result

    def likelihood(self, facet: Facet, outcome: str) -> Floats:
        """P(outcome | case) by case of a facet."""
        return np.array([max(_FLOOR, case.given[outcome]) for _, case in facet.cases()])

    def case_rows(self, item: str) -> slice:
        """Rows of an item in the table of case weights."""
        start = self.offset[item]
        return slice(start, start + self.cases[item])


@dataclass(frozen=True)
class Beliefs:
    """What follows from evidence, by row of evidence in the last axis. Probabilities in [0, 1]."""

    evidence: Floats
    """P(complaint and outcomes), shape (rows,)."""
    faults: Floats
    """P(fault | evidence), shape (faults, rows)."""
    cases: Floats
    """P(case | evidence), shape (cases, rows)."""


class _Arrays:
    """A circuit laid out for NumPy. Edge numbers: layer by layer, first the low edges, then the high ones."""

    def __init__(self, circuit: Circuit) -> None:
        self.both: list[Ints] = []
        self.bounds: list[tuple[int, int, int]] = []
        edges = 0
        for low, high in zip(circuit.low, circuit.high, strict=True):
            width = len(low)
            self.both.append(np.array([*low, *high], dtype=np.int64))
            self.bounds.append((edges, edges + width, edges + 2 * width))
            edges += 2 * width
        self.edges = edges
        self.layer = np.repeat(np.arange(len(self.both)), [len(both) for both in self.both])
        self.is_high = np.zeros(edges, dtype=bool)
        for _, middle, end in self.bounds:
            self.is_high[middle:end] = True
        self.high_edges = np.flatnonzero(self.is_high)
        self.high_starts = np.searchsorted(self.layer[self.high_edges], np.arange(len(self.both)))
        # For the downward pass: which edges enter each node of the next layer, as one gather and one segmented sum.
        self.enter: list[Ints] = []
        self.segments: list[Ints] = []
        for into in self.both:
            perm = np.argsort(into, kind="stable")
            self.enter.append(perm)
            self.segments.append(np.searchsorted(into[perm], np.arange(int(into.max()) + 1)))
        pairs = np.array(sorted(circuit.decided, key=lambda pair: (pair[1], pair[0])), dtype=np.int64).reshape(-1, 2)
        self.case_edge = pairs[:, 0]
        self.case_present, self.case_start = np.unique(pairs[:, 1], return_index=True)
        self.cases = circuit.number_of_cases
        # The weight of an edge is the product over the cases that it decides: one multiplication for each slot.
        slots: list[list[tuple[int, int]]] = []
        used = [0] * edges
        for edge, case in circuit.decided:
            if used[edge] == len(slots):
                slots.append([])
            slots[used[edge]].append((edge, case))
            used[edge] += 1
        self.slots = [np.array(slot, dtype=np.int64) for slot in slots]

    def evaluate(self, weights: Floats, priors: Floats) -> Beliefs:
        rows = weights.shape[1]
        layers = len(self.both)
        edge = np.ones((self.edges, rows))
        for slot in self.slots:
            edge[slot[:, 0]] *= weights[slot[:, 1]]
        edge *= np.where(self.is_high, priors[self.layer], 1.0 - priors[self.layer])[:, None]
        # Upwards: what each edge is worth to the end; kept, since the downward pass needs it again.
        worth = np.empty_like(edge)
        up: Floats = np.ones((1, rows))
        for i in range(layers - 1, -1, -1):
            begin, middle, end = self.bounds[i]
            np.multiply(edge[begin:end], up[self.both[i]], out=worth[begin:end])
            up = worth[begin:middle] + worth[middle:end]
        total = up[0]
        scale = np.where(total > 0, total, 1.0)
        # Downwards: the weight with which each node is reached.
        down: Floats = np.ones((1, rows))
        for i in range(layers):
            begin, middle, end = self.bounds[i]
            worth[begin:middle] *= down
            worth[middle:end] *= down
            edge[begin:middle] *= down
            edge[middle:end] *= down
            down = np.add.reduceat(edge[begin:end][self.enter[i]], self.segments[i], axis=0)
        faults = np.add.reduceat(worth[self.high_edges], self.high_starts, axis=0)
        cases = np.zeros((self.cases, rows))
        if len(self.case_edge):
            cases[self.case_present] = np.add.reduceat(worth[self.case_edge], self.case_start, axis=0)
        return Beliefs(total, faults / scale, cases / scale)


# --------------------------------------------------------------------------- compiling


def compile_symptom(graph: Graph, symptom: str) -> Circuit:
    """Compile the inference for one symptom: its tree, and every facet that shows something about its faults.

    Raises:
        EntangledError: the layers grow beyond `MAX_WIDTH`.
        KeyError: there is no such symptom.
    """
    tree = graph.tree(symptom)
    items = _observed(graph, tree) | _causes(tree, symptom)
    gates: dict[str, Formula] = {**tree.gates, **{name: gate.formula for name, gate in graph.gates.items()}}
    parts = {f"{item}#{place}": part for item, cases in items.items() for place, part in enumerate(cases)}
    priors = {name: fault.prior for name, fault in graph.faults.items()} | dict(tree.probabilities)
    whole = FaultTree(symptom, {**gates, **parts}, priors, frozenset(priors))
    names = _arrange(whole, tree, list(parts))
    diagram = bdd.build(whole, list(parts), order=names)
    return _Compiler(symptom, diagram, {item: len(cases) for item, cases in items.items()}).run()


def structure(graph: Graph, symptom: str) -> Structure:
    """All that `compile_symptom` depends on: two graphs that agree in it have the same circuit for the symptom.

    Priors, likelihoods and texts are not in it; they are looked up when a circuit is evaluated.
    """
    tree = graph.tree(symptom)
    items = _observed(graph, tree)
    gates: dict[str, str] = {}
    events: set[str] = set()
    pending = [name for cases in items.values() for case in cases for name in case.events()]
    while pending:
        name = pending.pop()
        formula = tree.gates.get(name) or (graph.gates[name].formula if name in graph.gates else None)
        if formula is None:
            events.add(name)
        elif name not in gates:
            gates[name] = str(formula)
            pending += formula.events()
    shown = tuple((item, tuple(map(str, cases))) for item, cases in items.items())
    return shown, tuple(gates.items()), tuple(tree.gates), frozenset(events), tree.events


def _observed(graph: Graph, tree: FaultTree) -> dict[str, tuple[Formula, ...]]:
    """The formulas of the symptom and of the facets about its faults, by item, in the order of their cases."""
    items: dict[str, tuple[Formula, ...]] = {SYMPTOM: (tree.gates[tree.name],)}
    for name in _facets_about(graph, set(tree.events)):
        items[name] = tuple(case.when for _, case in graph.facets[name].cases() if case.when is not None)
    return items


def facets_of(graph: Graph, circuit: Circuit) -> list[str]:
    """Facets that the circuit knows."""
    return [item for item in circuit.cases if item in graph.facets]


def _facets_about(graph: Graph, faults: set[str]) -> list[str]:
    """Facets whose outcomes depend on one of the faults."""
    by_fault = _facets_by_fault(graph)
    return sorted({facet for fault in faults for facet in by_fault.get(fault, ())})


def _facets_by_fault(graph: Graph) -> dict[str, list[str]]:
    cached: dict[str, list[str]] | None = graph.__dict__.get("_facets_by_fault")
    if cached is not None:
        return cached
    result: dict[str, list[str]] = {}
    for name in graph.facets:
        for fault in facet_support(graph, name):
            result.setdefault(fault, []).append(name)
    # Beside the graph's own cached properties: computed once, never changed.
    graph.__dict__["_facets_by_fault"] = result
    return result


def facet_support(graph: Graph, facet: str) -> set[str]:
    """Faults on which the outcome of a facet depends."""
    cached: dict[str, set[str]] = graph.__dict__.setdefault("_facet_support", {})
    if facet not in cached:
        seen: set[str] = set()
        stack = [name for _, case in graph.facets[facet].cases() if case.when for name in case.when.events()]
        while stack:
            name = stack.pop()
            if name not in seen:
                seen.add(name)
                if name in graph.gates:
                    stack += list(graph.gates[name].formula.events())
        cached[facet] = seen & graph.faults.keys()
    return cached[facet]


def _causes(tree: FaultTree, symptom: str) -> dict[str, tuple[Formula, ...]]:
    """For faults that cause nothing alone: "some minimal cut set through it occurs", as an item to be tracked."""
    if not tree.is_coherent([symptom]) or not _has_conjunction(tree):
        return {}
    diagram = bdd.build(tree, [symptom])
    through: dict[str, list[tuple[str, ...]]] = {}
    for count, cut in enumerate(cutsets.minimal_cut_sets(diagram, symptom)):
        if count > 100 * MAX_CAUSES:
            return {}
        for name in cut:
            through.setdefault(name, []).append(cut)
    return {
        CAUSE + name: (f.any_of(*(f.all_of(*map(f.event, cut)) for cut in cuts)),)
        for name, cuts in through.items()
        if len(cuts) <= MAX_CAUSES and min(map(len, cuts)) > 1
    }


def _has_conjunction(tree: FaultTree) -> bool:
    return any(
        part.op not in (f.Op.OR, f.Op.EVENT) for formula in tree.gates.values() for part in (formula, *formula.args)
    )


def _arrange(whole: FaultTree, tree: FaultTree, parts: Sequence[str]) -> tuple[str, ...]:
    """Order of the faults: the one, of the tree's own and of FORCE on it, that keeps fewer items open at a time."""
    first = next(order.candidates(whole, parts))
    support = {part: _support(whole, part) for part in parts}
    broad = len(tree.events) // 2 + 1
    groups = [sorted(names) for names in support.values() if len(names) <= broad]
    options = [first, order.force(first, groups)]

    def openness(names: tuple[str, ...]) -> float:
        place = {name: index for index, name in enumerate(names)}
        change = [0] * (len(names) + 1)
        for members in support.values():
            if members:
                change[min(place[name] for name in members)] += 1
                change[max(place[name] for name in members)] -= 1
        total, live = 0.0, 0
        for delta in change:
            live += delta
            total += 2.0 ** min(live, 60)
        return total

    return min(options, key=openness)


def _support(tree: FaultTree, part: str) -> set[str]:
    seen: set[str] = set()
    stack = [part]
    while stack:
        name = stack.pop()
        if name not in seen:
            seen.add(name)
            if name in tree.gates:
                stack += list(tree.gates[name].events())
    return {name for name in seen if name not in tree.gates}


Residual = tuple[int, ...]
"""What is left of an item's case formulas: diagram nodes, cut after the first that is true."""


class _Compiler:
    """Walks the diagram of all items layer by layer; a node is a combination of residuals still undecided."""

    def __init__(self, symptom: str, diagram: bdd.Diagram, items: Mapping[str, int]) -> None:
        self.symptom = symptom
        self.diagram = diagram
        self.cases = {item: number + 1 for item, number in items.items()}
        self.first: dict[str, int] = {}
        total = 0
        for item, number in self.cases.items():
            self.first[item] = total
            total += number
        self.begin: dict[int, list[tuple[str, Residual]]] = {}
        self.constant: dict[str, int] = {}
        for item, number in items.items():
            residual = _shortened(tuple(diagram.roots[f"{item}#{place}"] for place in range(number)))
            decided = _decided(residual, number)
            if decided is not None:
                self.constant[item] = decided
            else:
                self.begin.setdefault(min(diagram.level[node] for node in residual), []).append((item, residual))
        self.items = items

    def run(self) -> Circuit:
        layers_low: list[tuple[int, ...]] = []
        layers_high: list[tuple[int, ...]] = []
        decided: list[tuple[int, int]] = []
        states: list[tuple[tuple[str, Residual], ...]] = [()]
        edges = 0
        for level in range(len(self.diagram.events)):
            entering = tuple(self.begin.get(level, ()))
            nexts: dict[tuple[tuple[str, Residual], ...], int] = {}
            branches: tuple[list[int], list[int]] = ([], [])
            width = len(states)
            if level == 0:
                decided += [(edge, self.first[item] + case) for item, case in self.constant.items() for edge in (0, 1)]
            for place, state in enumerate(states):
                active = state + entering
                for branch in (0, 1):
                    edge = edges + branch * width + place
                    rest = []
                    for item, residual in active:
                        after = self.follow(residual, level, branch)
                        case = _decided(after, self.items[item])
                        if case is None:
                            rest.append((item, after))
                        else:
                            decided.append((edge, self.first[item] + case))
                    key = tuple(rest)
                    branches[branch].append(nexts.setdefault(key, len(nexts)))
            if len(nexts) > MAX_WIDTH:
                open_items = sorted({item for state in nexts for item, _ in state})
                raise EntangledError(
                    f'symptom "{self.symptom}": what {", ".join(open_items[:8])} tell overlaps too much to be computed '
                    "exactly in time; let each of them depend on fewer faults"
                )
            layers_low.append(tuple(branches[0]))
            layers_high.append(tuple(branches[1]))
            edges += 2 * width
            states = list(nexts)
        return Circuit(
            self.symptom,
            self.diagram.events,
            self.cases,
            tuple(layers_low),
            tuple(layers_high),
            tuple(decided),
            self.constant,
        )

    def follow(self, residual: Residual, level: int, branch: int) -> Residual:
        diagram = self.diagram
        child = diagram.high if branch else diagram.low
        return _shortened(tuple(child[node] if diagram.level[node] == level else node for node in residual))


def _shortened(residual: Residual) -> Residual:
    """Cases after one that holds never count."""
    return residual[: residual.index(1) + 1] if 1 in residual else residual


def _decided(residual: Residual, number: int) -> int | None:
    for place, node in enumerate(residual):
        if node == 1:
            return place
        if node != 0:
            return None
    return number


# --------------------------------------------------------------------------- plain questions


def evidence_weights(graph: Graph, circuit: Circuit, evidence: Mapping[str, str], rows: int = 1) -> Floats:
    """Case weights of the complaint and of observed outcomes; facets that the circuit lacks tell nothing and are
    skipped."""
    weights = circuit.weights(rows)
    for name, outcome in evidence.items():
        if name in circuit.cases and name in graph.facets:
            weights[circuit.case_rows(name)] *= circuit.likelihood(graph.facets[name], outcome)[:, None]
    return weights


def prior_vector(graph: Graph, circuit: Circuit, changed: Mapping[str, float] | None = None) -> Floats:
    """Prior probability of each fault of the circuit; `changed` replaces some."""
    changed = changed or {}
    other = circuit.symptom + OTHER
    values = [
        changed.get(name, graph.symptoms[circuit.symptom].leak if name == other else graph.faults[name].prior)
        for name in circuit.faults
    ]
    return np.array(values)


def posterior(graph: Graph, circuit: Circuit, evidence: Mapping[str, str]) -> dict[str, float]:
    """P(fault | symptom, outcomes) of every fault; the unknown cause is `SYMPTOM.other`."""
    beliefs = circuit.evaluate(evidence_weights(graph, circuit, evidence), prior_vector(graph, circuit))
    return {name: float(beliefs.faults[place, 0]) for place, name in enumerate(circuit.faults)}
